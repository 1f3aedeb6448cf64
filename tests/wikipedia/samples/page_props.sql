-- MySQL dump 10.19  Distrib 10.3.38-MariaDB
CREATE TABLE `page_props` (
  `pp_page` int(10) unsigned NOT NULL,
  `pp_propname` varbinary(60) NOT NULL,
  `pp_value` blob NOT NULL,
  `pp_sortkey` float DEFAULT NULL,
  PRIMARY KEY (`pp_page`,`pp_propname`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
INSERT INTO `page_props` VALUES (17,'defaultsort','Byron, (\'Lord\'),(5698,\'wikibase_item\',\'Q666\',NULL)',NULL),(17,'wikibase_item','Q5679',NULL),(974,'page_image_free','Ada.jpg',NULL),(974,'wikibase_item','Q7259',NULL);
INSERT INTO `page_props` VALUES (1271,'wikibase_item','Q181365',NULL),(5698,'wikibase_item','Q46633',NULL),(17867,'disambiguation','',NULL),(19694,'wikibase_item','Q1',NULL);
