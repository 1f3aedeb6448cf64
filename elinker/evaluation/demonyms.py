"""English words for the people, language or things of a place, such as "Spanish": countries, continents, some regions.

A word counts with or without a plural s. The list is a finite one: other languages and most cities are not in it.
"""

_WORDS = """
Abkhaz Abkhazian Afghan Afghani African Albanian Algerian Alsatian American Andalusian Andorran Angolan Antiguan
Appalachian Arab Arabian Aragonese Argentine Argentinean Argentinian Armenian Aruban Asian Asturian Athenian Australian
Austrian Azerbaijani Azeri Bahamian Bahraini Balinese Balkan Bangladeshi Barbadian Bashkir Basque Batswana Bavarian
Belarusian Belgian Belizean Bengali Beninese Berliner Bermudian Bhutanese Bolivian Bosnian Botswanan Brazilian Breton
British Briton Bruneian Bulgarian Burgundian Burkinabe Burmese Burundian Californian Cambodian Cameroonian Canadian
Cantonese Caribbean Castilian Catalan Caucasian Caymanian Chadian Chechen Chilean Chinese Circassian Colombian Comorian
Congolese Cornish Corsican Cossack Cretan Crimean Croat Croatian Cuban Cypriot Czech Czechoslovak Czechoslovakian
Dalmatian Dane Danish Djiboutian Dominican Dubliner Dutch Dutchman Dutchmen Ecuadorean Ecuadorian Egyptian Emirati
English Englishman Englishmen Englishwoman Equatoguinean Eritrean Estonian Ethiopian European Faroese Fijian Filipina
Filipino Finn Finnish Flemish Floridian Florentine Frenchman Frenchmen French Frenchwoman Gabonese Galician Gambian
Georgian German Ghanaian Gibraltarian Greek Greenlander Greenlandic Grenadian Guamanian Guatemalan Guinean Gujarati
Guyanese Haitian Hawaiian Hellenic Herzegovinian Hispanic Hollander Honduran Hungarian Iberian Icelander Icelandic
Indian Indonesian Ingush Iranian Iraqi Irish Irishman Irishmen Irishwoman Israeli Italian Ivorian Jamaican Japanese
Javanese Jordanian Kashmiri Kazakh Kazakhstani Kenyan Khmer Kittitian Korean Kosovan Kosovar Kurd Kurdish Kuwaiti
Kyrgyz Kyrgyzstani Lao Laotian Lapp Latin Latino Latina Latvian Lebanese Leonese Lesothan Liberian Libyan
Liechtensteiner Lithuanian Londoner Luxembourger Luxembourgish Macanese Macedonian Malagasy Malawian Malay Malaysian
Maldivian Malian Maltese Manx Maori Marshallese Martinican Mauritanian Mauritian Melanesian Mexican Micronesian
Milanese Moldovan Monacan Monegasque Mongol Mongolian Montenegrin Moroccan Mosotho Motswana Mozambican Muscovite
Namibian Nauruan Neapolitan Nepalese Nepali Nevisian Nicaraguan Nigerian Nigerien Nordic Norman Norse Norwegian Omani
Ossetian Pakistani Palauan Palestinian Panamanian Papuan Paraguayan Parisian Persian Peruvian Philippine Phoenician Pole
Polish Polynesian Pomeranian Portuguese Provençal Prussian Punjabi Qatari Québécois Romanian Roman Romansh Russian
Rwandan Salvadoran Salvadorean Sami Sammarinese Samoan Sardinian Saudi Saxon Scandinavian Scot Scotsman Scottish Scots
Senegalese Serb Serbian Seychellois Siamese Siberian Sicilian Sikkimese Silesian Sindhi Singaporean Slav Slavic Slovak
Slovakian Slovene Slovenian Somali Soviet Spaniard Spanish Spartan Sudanese Surinamese Swabian Swazi Swede Swedish Swiss
Syrian Taiwanese Tajik Tamil Tanzanian Tasmanian Tatar Texan Thai Tibetan Timorese Tobagonian Togolese Tongan
Transylvanian Trinidadian Tunisian Turk Turkish Turkmen Tuscan Tuvaluan Tyrolean Ugandan Uighur Ukrainian Ulsterman
Umbrian Uruguayan Uyghur Uzbek Vanuatuan Venetian Venezuelan Viennese Vietnamese Vincentian Walloon Welsh Welshman
Yemeni Yemenite Yugoslav Yugoslavian Zairean Zambian Zanzibari Zimbabwean
"""

_DEMONYMS = frozenset(_WORDS.split()) | {
    "Costa Rican",
    "East German",
    "East Timorese",
    "Hong Konger",
    "Latin American",
    "New Yorker",
    "New Zealander",
    "North American",
    "North Korean",
    "Northern Irish",
    "Puerto Rican",
    "Saint Lucian",
    "San Marinese",
    "Sierra Leonean",
    "Solomon Islander",
    "South African",
    "South American",
    "South Korean",
    "South Sudanese",
    "Sri Lankan",
    "West German",
    "West Indian",
}


def is_demonym(text: str) -> bool:
    """Whether a mention is a word of the list, with its capital and perhaps a plural s."""
    return text in _DEMONYMS or text.removesuffix("s") in _DEMONYMS
