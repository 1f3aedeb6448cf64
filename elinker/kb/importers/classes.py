"""Classes of Wikidata that importers know: coarse types for `instance of` (P31), and pages that are no entities."""

from collections.abc import Iterable

WIKIMEDIA_PAGES = frozenset(
    {
        "Q4167410",  # disambiguation page
        "Q22808320",  # human name disambiguation page
        "Q4167836",  # category
        "Q24046192",  # category of stubs
        "Q11266439",  # template
        "Q11753321",  # navigational template
        "Q19887878",  # infobox template
        "Q13406463",  # list article
        "Q15184295",  # module
        "Q14204246",  # project page
        "Q56005592",  # help page
        "Q4663903",  # portal
        "Q17442446",  # internal item
        "Q17362920",  # duplicated page
        "Q21286738",  # permanent duplicate item
        "Q21528878",  # redirect page
        "Q17633526",  # Wikinews article
    }
)
"""Items that stand for pages of a wiki, not for things: dropped unless asked for."""

_COARSE = {
    "person": "Q5 Q15632617 Q95074 Q215627",
    "organization": """
        Q43229 Q4830453 Q6881511 Q783794 Q891723 Q161726 Q3918 Q38723 Q875538 Q9826 Q3914 Q476028 Q12973014 Q847017
        Q215380 Q5741069 Q7278 Q163740 Q79913 Q484652 Q327333 Q192350 Q1616075 Q14350 Q11032 Q1110794 Q2085381
        Q18127 Q1137109 Q22687 Q46970 Q4287745 Q1664720 Q31855 Q16917 Q4671277 Q176799 Q1194951 Q13393265""",
    "place": """
        Q6256 Q3624078 Q3024240 Q515 Q1549591 Q532 Q3957 Q486972 Q35657 Q5107 Q23442 Q4022 Q23397 Q8502 Q46831 Q165
        Q9430 Q82794 Q56061 Q1093829 Q47168 Q484170 Q262166 Q42744322 Q747074 Q2074737 Q41176 Q811979 Q12280 Q55488
        Q928830 Q1248784 Q33506 Q16970 Q23413 Q483110 Q34442 Q22698 Q46169 Q4989906 Q839954 Q123705 Q5119 Q7930989
        Q15284 Q40080 Q8514 Q35509 Q39816 Q4421 Q131681 Q12323 Q54050 Q11303 Q44782 Q3947 Q79007 Q62447""",
    "creative work": """
        Q11424 Q24862 Q506240 Q5398426 Q7725634 Q571 Q47461344 Q8261 Q482994 Q134556 Q7366 Q7889 Q3305213 Q860861
        Q41298 Q5633421 Q13442814 Q17537576 Q838948 Q25379 Q1344 Q105543609 Q21191270 Q3464665 Q1259759 Q202866
        Q15416 Q24856 Q1107 Q21198342 Q8274""",
    "event": """
        Q1656682 Q1190554 Q178561 Q198 Q8465 Q40231 Q132241 Q16510064 Q27020041 Q18608583 Q3839081 Q7944 Q5389 Q180684
        Q188055 Q2334719 Q27968055""",
    "product": "Q2424752 Q7397 Q3231690 Q42889 Q11446 Q11436 Q15056993 Q15056995 Q728 Q166142 Q1229765 Q35872",
    "brand": "Q431289 Q167270",
    "taxon": "Q16521 Q310890 Q23038290",
    "language": "Q34770 Q33742 Q1288568 Q45762",
    "population": "Q41710 Q2472587",
    "religion": "Q9174 Q13414953 Q879146",
    "award": "Q618779",
    "position": "Q4164871 Q294414",
    "occupation": "Q28640 Q12737077",
    "sport": "Q349 Q31629",
    "disease": "Q12136 Q112193867",
    "chemical": "Q11173 Q113145171 Q11344 Q12140",
    "genre": "Q483394 Q188451 Q201658 Q223393",
    "academic discipline": "Q11862829 Q2267705 Q336",
}

COARSE_TYPES = {qid: name for name, qids in _COARSE.items() for qid in qids.split()}
"""From a class to a coarse type, named as those of the starter base; classes that are not here give no type."""


def coarse_types(classes: Iterable[str]) -> list[str]:
    """The coarse types of classes, in their order, each once."""
    return list(dict.fromkeys(COARSE_TYPES[qid] for qid in classes if qid in COARSE_TYPES))
