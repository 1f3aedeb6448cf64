"""The rule of every kind of error, an example each, and how errors add up to the counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.evaluation import GoldDocument, GoldMention, score
from elinker.evaluation.categories import MEANING, Category, ErrorKind
from elinker.evaluation.demonyms import is_demonym
from elinker.evaluation.known_entities import KnownEntities
from elinker.evaluation.mistakes import find_mistakes
from elinker.schema import Candidate, Document, Entity, Mention

BASE = {
    "Q17": Entity("Q17", "Japan", types=("place",)),
    "Q170566": Entity("Q170566", "Japan national football team", ("Japan",), types=("organization",)),
    "Q29": Entity("Q29", "Spain", ("Spanish Kingdom",), types=("place",)),
    "Q1321": Entity("Q1321", "Spanish", types=("language",)),
    "Q544": Entity("Q544", "Ray Charles", types=("person",)),
    "Q545": Entity("Q545", "Ray Dixon", types=("person",)),
    "Q60": Entity("Q60", "New York City", types=("place",)),
}


def span(text, name):
    return text.index(name), text.index(name) + len(name)


def errors(text, gold, predicted, *, alternatives=(), candidates=(), known=BASE):
    """The errors of one document as (text, categories)."""
    golds = [
        GoldDocument(
            "d",
            text,
            tuple(GoldMention(*span(text, name), entity_id) for name, entity_id in gold),
            tuple(GoldMention(*span(text, name), entity_id) for name, entity_id in alternatives),
        )
    ]
    mentions = tuple(
        Mention(*span(text, name), name, entity_id, candidates=tuple(Candidate(each, "", 0.0) for each in candidates))
        for name, entity_id in predicted
    )
    documents = [Document("d", text, mentions)]
    entities = KnownEntities.of(golds, documents, known.get if known else None)
    return [(each.text, *each.categories) for each in find_mistakes(golds, documents, known=entities)]


@pytest.mark.parametrize(
    ("text", "gold", "predicted", "expected"),
    [
        ("Ada came.", [("Ada", "Q1")], [("Ada", None)], [("Ada", "undetected-nil")]),
        ("The countess came.", [("countess", "Q1")], [], [("countess", "undetected-lowercase")]),
        ("In 1984 he read.", [("1984", "Q1")], [], [("1984", "undetected-lowercase")]),
        (
            "The Spanish-American War began.",
            [("Spanish-American War", "Q1")],
            [("Spanish-American", "Q2")],
            [("Spanish-American War", "undetected-part"), ("Spanish-American", "false-other")],
        ),
        (
            "The Americans won.",
            [("Americans", "Q1")],
            [("The Americans", "Q2")],
            [("The Americans", "false-other"), ("Americans", "undetected-overlap")],
        ),
        ("Rudolf Senti came.", [("Rudolf Senti", "Q1")], [], [("Rudolf Senti", "undetected-other")]),
        ("He spoke Spanish.", [("Spanish", "Q1321")], [("Spanish", "Q29")], [("Spanish", "entity-demonym")]),
        ("Japan won 2-0.", [("Japan", "Q170566")], [("Japan", "Q17")], [("Japan", "entity-metonym")]),
        ("Ray sang.", [("Ray", "Q545")], [("Ray", "Q544")], [("Ray", "entity-partial-name")]),
        ("Ray Dixon sang.", [("Ray Dixon", "Q545")], [("Ray Dixon", "Q544")], [("Ray Dixon", "entity-other")]),
        ("Zed came.", [("Zed", None)], [("Zed", "Q1")], [("Zed", "false-unknown")]),
        (
            "New York City wins.",
            [("New York City", "Q60")],
            [("New York", "Q60")],
            [("New York City", "undetected-part"), ("New York", "false-span")],
        ),
        ("Two passenger trains met.", [], [("passenger trains", "Q1")], [("passenger trains", "false-lowercase")]),
        ("The Eastern wind.", [], [("Eastern", "Q1")], [("Eastern", "false-other")]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_category_has_an_example(text, gold, predicted, expected):
    assert errors(text, gold, predicted) == expected


def test_every_category_is_explained():
    assert MEANING.keys() == set(Category)


def test_a_link_among_lowercase_words_that_overlaps_gold_is_not_lowercase_but_other():
    found = errors("The old bank of ada closed.", [("bank of ada", "Q1")], [("bank", "Q2")])
    assert found == [("bank of ada", "undetected-lowercase"), ("bank", "false-other")]


def test_candidates_tell_whether_retrieval_or_the_choice_failed():
    wrong = ("Ray Dixon sang.", [("Ray Dixon", "Q545")], [("Ray Dixon", "Q544")])
    assert errors(*wrong, candidates=["Q544", "Q545"]) == [("Ray Dixon", "entity-other", "candidates-wrong-choice")]
    assert errors(*wrong, candidates=["Q544"]) == [("Ray Dixon", "entity-other", "candidates-without")]
    nil = ("Ray Dixon sang.", [("Ray Dixon", "Q545")], [("Ray Dixon", None)])
    assert errors(*nil, candidates=["Q545"]) == [("Ray Dixon", "undetected-nil", "candidates-wrong-choice")]


def test_a_demonym_for_something_else_than_people_language_or_place_is_none():
    known = BASE | {"Q7": Entity("Q7", "Spanish", types=("creative work",))}
    assert errors("She sang Spanish.", [("Spanish", "Q7")], [("Spanish", "Q1321")], known=known) == [
        ("Spanish", "entity-other")
    ]


def test_without_types_the_word_alone_makes_a_demonym_and_nothing_a_metonym():
    assert errors("He spoke Spanish.", [("Spanish", "Q1321")], [("Spanish", "Q29")], known=None) == [
        ("Spanish", "entity-demonym")
    ]
    assert errors("Japan won 2-0.", [("Japan", "Q170566")], [("Japan", "Q17")], known=None) == [
        ("Japan", "entity-other")
    ]


def test_a_place_by_another_name_is_no_metonym():
    assert errors("Nippon won.", [("Nippon", "Q170566")], [("Nippon", "Q17")]) == [("Nippon", "entity-other")]


def test_demonyms_have_a_capital_and_perhaps_a_plural():
    assert all(map(is_demonym, ["Spanish", "Germans", "South African", "New Yorkers", "Swiss"]))
    assert not any(map(is_demonym, ["spanish", "Spain", "Polishing", "Apple"]))


def test_an_alternative_is_no_error_but_another_entity_on_it_is():
    text = "London's Heathrow Airport opens."
    gold = [("London's Heathrow Airport", "Q8691")]
    alternatives = [("Heathrow", "Q8691")]
    missed = ("London's Heathrow Airport", "undetected-other")
    assert errors(text, gold, [("Heathrow", "Q8691")], alternatives=alternatives) == [missed]
    assert errors(text, gold, [("Heathrow", "Q1")], alternatives=alternatives) == [
        ("London's Heathrow Airport", "undetected-part"),
        ("Heathrow", "false-other"),
    ]


SPANS = st.tuples(st.integers(0, 7), st.integers(1, 8)).filter(lambda span: span[0] < span[1])
ANNOTATIONS = st.lists(
    st.tuples(SPANS, st.sampled_from(["Q1", "Q2", None])), max_size=5, unique_by=lambda annotation: annotation[0]
)


@given(ANNOTATIONS, ANNOTATIONS, ANNOTATIONS)
def test_errors_add_up_to_the_counts_of_linking(gold, nested, predicted):
    text = "Ab cd Ef"
    taken = {span for span, _ in gold}
    golds = [
        GoldDocument(
            "d",
            text,
            tuple(GoldMention(*span, entity_id) for span, entity_id in gold),
            tuple(GoldMention(*span, entity_id) for span, entity_id in nested if span not in taken),
        )
    ]
    documents = [Document("d", text, tuple(Mention(a, b, text[a:b], entity_id) for (a, b), entity_id in predicted))]
    found = list(find_mistakes(golds, documents))
    kinds = [mistake.kind for mistake in found]
    unknown = sum(Category.FALSE_UNKNOWN in mistake.categories for mistake in found)
    counts = score(golds, documents).linking.counts
    assert kinds.count(ErrorKind.UNDETECTED) + kinds.count(ErrorKind.WRONG_ENTITY) == counts.false_negatives
    false = kinds.count(ErrorKind.WRONG_ENTITY) + kinds.count(ErrorKind.FALSE_DETECTION) - unknown
    assert false == counts.false_positives
