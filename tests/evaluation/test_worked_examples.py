"""Fifteen small documents, worked out by hand for every count, then summed by hand for the averages.

A document is a text, the gold mentions, the predictions, the alternatives and the evaluation span; a mention is its
text (the first occurrence, or `text@start`) and its entity. A count is three digits: right, false, missed.
"""

from typing import NamedTuple

import pytest

from elinker.evaluation import GoldDocument, GoldMention, score
from elinker.evaluation.gerbil import EntityClass, SpanMatching, score_a2kb, score_d2kb
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Figures
from elinker.evaluation.reference import figures, score_reference
from elinker.schema import Document, Mention

NIL = None
"""A mention without entity: emerging or unknown in the gold, NIL in predictions."""


class Worked(NamedTuple):
    text: str
    gold: list[tuple[str, str | None]]
    predicted: list[tuple[str, str | None]]
    alternatives: list[tuple[str, str | None]] = []
    evaluation_span: tuple[int, int] | None = None


DOCUMENTS = {
    "right": Worked("Ada met Bob.", [("Ada", "Q1"), ("Bob", "Q2")], [("Ada", "Q1"), ("Bob", "Q2")]),
    "wrong entity": Worked("Ada met Bob.", [("Ada", "Q1"), ("Bob", "Q2")], [("Ada", "Q9"), ("Bob", "Q2")]),
    "part": Worked("New York City wins.", [("New York City", "Q60")], [("New York", "Q60")]),
    "two parts": Worked("New York City wins.", [("New York City", "Q60")], [("New York", "Q60"), ("City", "Q60")]),
    "link on unknown": Worked("Ada met Zed.", [("Ada", "Q1"), ("Zed", NIL)], [("Ada", "Q1"), ("Zed", "Q5")]),
    "NIL on unknown": Worked("Zed met Zoe.", [("Zed", NIL), ("Zoe", NIL)], [("Zed", NIL)]),
    "NIL on known": Worked("Eve came.", [("Eve", "Q3")], [("Eve", NIL)]),
    "predicted twice": Worked("Tim ran.", [("Tim", "Q4")], [("Tim", "Q4"), ("Tim", "Q4")]),
    "nested gold": Worked(
        "Bank of England rose.", [("Bank of England", "Q183231"), ("England", "Q21")], [("England", "Q21")]
    ),
    "nested, same entity": Worked(
        "University of Leeds won.",
        [("University of Leeds", "Q9"), ("Leeds", "Q9")],
        [("University of", "Q9"), ("Leeds", "Q9")],
    ),
    "alternative": Worked(
        "London's Heathrow Airport opens.",
        [("London's Heathrow Airport", "Q8691")],
        [("Heathrow", "Q8691")],
        [("Heathrow", "Q8691")],
    ),
    "evaluation span": Worked(  # "Ada met Bob ne" is scored
        "Ada met Bob near Rome.",
        [("Ada", "Q1"), ("Bob", "Q2"), ("Rome", "Q3")],
        [("Ada", "Q1"), ("Rome", "Q9")],
        evaluation_span=(0, 14),
    ),
    "nothing": Worked("It rains.", [], []),
    "swapped": Worked(
        "Paris saw Paris", [("Paris@0", "Q47899"), ("Paris@10", "Q90")], [("Paris@0", "Q90"), ("Paris@10", "Q47899")]
    ),
    "entity of the outer": Worked(
        "University of Leeds won.", [("University of Leeds", "Q9"), ("Leeds", "Q1")], [("Leeds", "Q9")]
    ),
}

MEASURES = {
    # of mentions with an id and links; of all mentions
    "MD": lambda gold, predicted: score(gold, predicted).detection,
    "MD all": lambda gold, predicted: score(gold, predicted).detection_all,
    "EL": lambda gold, predicted: score(gold, predicted).linking,
    "strict": lambda gold, predicted: score(gold, predicted).linking_strict,
    # GERBIL: A2KB and D2KB, strong and weak
    "A all": lambda gold, predicted: score_a2kb(gold, predicted)[EntityClass.ALL],
    "A InKB": lambda gold, predicted: score_a2kb(gold, predicted)[EntityClass.IN_KB],
    "A EE": lambda gold, predicted: score_a2kb(gold, predicted)[EntityClass.EE],
    "Aw all": lambda gold, predicted: score_a2kb(gold, predicted, SpanMatching.WEAK)[EntityClass.ALL],
    "Aw InKB": lambda gold, predicted: score_a2kb(gold, predicted, SpanMatching.WEAK)[EntityClass.IN_KB],
    "Aw EE": lambda gold, predicted: score_a2kb(gold, predicted, SpanMatching.WEAK)[EntityClass.EE],
    "D all": lambda gold, predicted: score_d2kb(gold, predicted)[EntityClass.ALL],
    "D InKB": lambda gold, predicted: score_d2kb(gold, predicted)[EntityClass.IN_KB],
    "D EE": lambda gold, predicted: score_d2kb(gold, predicted)[EntityClass.EE],
    "D GS": lambda gold, predicted: score_d2kb(gold, predicted)[EntityClass.GS_IN_KB],
    "Dw all": lambda gold, predicted: score_d2kb(gold, predicted, SpanMatching.WEAK)[EntityClass.ALL],
    # OneGen's reference code
    "R EL": lambda gold, predicted: score_reference(gold, predicted).linking,
    "R MD": lambda gold, predicted: score_reference(gold, predicted).detection,
}

# Why a row is as it is, where it is not plain:
# - part, two parts: weak matching lets a gold mention take one prediction; what is left over is false.
#   D2KB drops predictions that are on no gold span, so nothing is false there.
# - link on unknown: GERBIL sorts gold and predictions separately, so the link stays in InKB as false; on given gold
#   spans with an entity (GS) it does not take part. Our EL leaves it aside, as does the reference's EL, which lets the
#   unknown "Zed" take away the predicted "Zed".
# - NIL on known: a missed InKB mention and a false EE; of all annotations both.
# - predicted twice: lists in GERBIL and the reference, sets here.
# - nested, same entity, weak: "University of Leeds" takes "University of", "Leeds" takes "Leeds".
#   D2KB: only "Leeds" is on a gold span; weak, the first gold mention takes it.
# - alternative: aside in EL and MD, false in strict. The reference counts both labels as gold.
# - evaluation span: Rome is dropped on both sides, but for the reference: there a right text with a wrong entity.
# - swapped: the reference compares texts and entities, not places.
# - entity of the outer, weak: the outer mention takes the link, the inner one is missed.
EXPECTED = """
document            | MD  all EL strict | A all InKB EE | Aw all InKB EE | D all InKB EE GS | Dw | R EL MD
right               | 200 200 200 200   | 200 200 000   | 200 200 000    | 200 200 000 200  | 200 | 200 200
wrong entity        | 200 200 111 111   | 111 111 000   | 111 111 000    | 111 111 000 111  | 111 | 111 200
part                | 011 011 011 011   | 011 011 000   | 100 100 000    | 001 001 000 001  | 001 | 011 011
two parts           | 021 021 021 021   | 021 021 000   | 110 110 000    | 001 001 000 001  | 001 | 021 021
link on unknown     | 100 200 100 110   | 111 110 001   | 111 110 001    | 111 110 001 100  | 111 | 100 200
NIL on unknown      | 000 101 000 000   | 101 000 101   | 101 000 101    | 101 000 101 000  | 101 | 000 101
NIL on known        | 001 100 001 001   | 011 001 010   | 011 001 010    | 011 001 010 011  | 011 | 001 100
predicted twice     | 100 100 100 100   | 110 110 000   | 110 110 000    | 110 110 000 110  | 110 | 110 110
nested gold         | 101 101 101 101   | 101 101 000   | 101 101 000    | 101 101 000 101  | 101 | 101 101
nested, same entity | 111 111 111 111   | 111 111 000   | 200 200 000    | 101 101 000 101  | 101 | 111 111
alternative         | 001 001 001 011   | 011 011 000   | 100 100 000    | 001 001 000 001  | 001 | 101 101
evaluation span     | 101 101 101 101   | 101 101 000   | 101 101 000    | 101 101 000 101  | 101 | 112 201
nothing             | 000 000 000 000   | 000 000 000   | 000 000 000    | 000 000 000 000  | 000 | 000 000
swapped             | 200 200 022 022   | 022 022 000   | 022 022 000    | 022 022 000 022  | 022 | 200 200
entity of the outer | 101 101 012 012   | 012 012 000   | 101 101 000    | 012 012 000 012  | 101 | 012 101
"""
ROWS = EXPECTED.strip().splitlines()[1:]


def mention_span(text, name):
    name, _, start = name.partition("@")
    begun = int(start) if start else text.index(name)
    return begun, begun + len(name)


def sides(worked):
    text = worked.text

    def marked(mentions):
        return tuple(GoldMention(*mention_span(text, name), entity_id) for name, entity_id in mentions)

    return (
        GoldDocument(text, text, marked(worked.gold), marked(worked.alternatives), worked.evaluation_span),
        Document(
            text,
            text,
            tuple(
                Mention(start, end, text[start:end], entity_id)
                for name, entity_id in worked.predicted
                for start, end in [mention_span(text, name)]
            ),
        ),
    )


def counts_of(measured):
    if measured is None:
        return Counts()
    return measured if isinstance(measured, Counts) else measured.counts


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[0].strip())
def test_every_count_of_every_document_is_as_worked_out(row):
    name, _, expected = row.partition("|")
    gold, predicted = sides(DOCUMENTS[name.strip()])
    found = {label: counts_of(measure([gold], [predicted])) for label, measure in MEASURES.items()}
    digits = expected.replace("|", " ").split()
    assert found == {label: Counts(*map(int, each)) for label, each in zip(MEASURES, digits, strict=True)}


def test_every_document_is_in_the_table():
    assert [row.split("|")[0].strip() for row in ROWS] == list(DOCUMENTS)


CORPUS = [sides(worked) for worked in DOCUMENTS.values()]
GOLD, PREDICTED = ([side[index] for side in CORPUS] for index in (0, 1))


def test_micro_figures_of_a2kb_are_those_of_the_column_sums():
    # A all, right: 2+1+0+0+1+1+0+1+1+1+0+1+0+0+0 = 9; false: 0+1+1+2+1+0+1+1+0+1+1+0+0+2+1 = 12;
    # missed: 0+1+1+1+1+1+1+0+1+1+1+1+0+2+2 = 14. P = 9/21, R = 9/23, F1 = 18/44.
    measure = score_a2kb(GOLD, PREDICTED)[EntityClass.ALL]
    assert measure.counts == Counts(9, 12, 14)
    assert measure.micro == Figures(9 / 21, 9 / 23, 18 / 44)
    # A InKB, right: 2+1+0+0+1+0+0+1+1+1+0+1+0+0+0 = 8; false: 0+1+1+2+1+0+0+1+0+1+1+0+0+2+1 = 11;
    # missed: 0+1+1+1+0+0+1+0+1+1+1+1+0+2+2 = 12.
    assert score_a2kb(GOLD, PREDICTED)[EntityClass.IN_KB].counts == Counts(8, 11, 12)
    # A EE: link on unknown 001, NIL on unknown 101, NIL on known 010.
    assert score_a2kb(GOLD, PREDICTED)[EntityClass.EE].counts == Counts(1, 1, 2)


def test_macro_figures_of_a2kb_are_means_over_the_fifteen_documents():
    macro = score_a2kb(GOLD, PREDICTED)[EntityClass.ALL].macro
    # F1 = 2 right / (2 right + false + missed): 1, 1/2, 0, 0, 1/2, 2/3, 0, 2/3, 2/3, 1/2, 0, 2/3, 1 (nothing), 0, 0
    assert macro.f1 == pytest.approx((1 + 1 / 2 + 1 / 2 + 2 / 3 + 2 / 3 + 2 / 3 + 1 / 2 + 2 / 3 + 1) / 15)
    # P: 1, 1/2, 0, 0, 1/2, 1, 0, 1/2, 1, 1/2, 0, 1, 1, 0, 0; R: 1, 1/2, 0, 0, 1/2, 1/2, 0, 1, 1/2, 1/2, 0, 1/2, 1, 0, 0
    assert (macro.precision, macro.recall) == pytest.approx((7 / 15, 6 / 15))


def test_the_reference_linking_score_is_that_of_the_column_sums():
    # right: 2+1+0+0+1+0+0+1+1+1+1+1+0+2+0 = 11; false: 0+1+1+2+0+0+0+1+0+1+0+1+0+0+1 = 8;
    # missed: 0+1+1+1+0+0+1+0+1+1+1+2+0+0+2 = 11. P = 11/19, R = 11/22, F1 = 22/41.
    linking = score_reference(GOLD, PREDICTED).linking
    assert linking == Counts(11, 8, 11)
    assert figures(linking) == Figures(11 / 19, 11 / 22, 22 / 41)


def test_a_class_without_any_annotation_has_no_figures_as_in_gerbil():
    gold, predicted = sides(DOCUMENTS["right"])
    assert score_a2kb([gold], [predicted])[EntityClass.EE] is None
    assert EntityClass.GS_IN_KB not in score_a2kb([gold], [predicted])


def test_documents_without_an_annotation_of_the_class_count_as_perfect_in_its_macro_average():
    # EE over all fifteen: 001 → 0; 101 → P 1, R 1/2, F1 2/3; 010 → 0; the other twelve have neither side.
    macro = score_a2kb(GOLD, PREDICTED)[EntityClass.EE].macro
    assert (macro.precision, macro.recall, macro.f1) == pytest.approx((13 / 15, 12.5 / 15, (12 + 2 / 3) / 15))
