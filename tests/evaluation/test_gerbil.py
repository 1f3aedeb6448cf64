"""What must hold of GERBIL's figures whatever the documents; counts worked out by hand are in test_worked_examples."""

from hypothesis import given
from hypothesis import strategies as st

from elinker.evaluation import GoldDocument, GoldMention, score
from elinker.evaluation.gerbil import EntityClass, SpanMatching, score_a2kb, score_d2kb
from elinker.evaluation.matching import Counts
from elinker.schema import Document, Mention

TEXT = "abcdefgh"
SPANS = st.tuples(st.integers(0, 7), st.integers(1, 8)).filter(lambda span: span[0] < span[1])
IDS = st.sampled_from(["Q1", "Q2", None])
ANNOTATIONS = st.lists(st.tuples(SPANS, IDS), max_size=5)
DISTINCT = st.lists(st.tuples(SPANS, IDS), max_size=5, unique_by=lambda annotation: annotation[0])


def gold(annotations):
    return GoldDocument("d", TEXT, tuple(GoldMention(*span, entity_id) for span, entity_id in annotations))


def predicted(annotations):
    return Document(
        "d", TEXT, tuple(Mention(start, end, TEXT[start:end], entity_id) for (start, end), entity_id in annotations)
    )


def counts(measure):
    return measure.counts if measure else Counts()


@given(DISTINCT, DISTINCT)
def test_strong_inkb_a2kb_is_our_strict_linking_where_no_annotation_stands_twice(right, found):
    theirs = score_a2kb([gold(right)], [predicted(found)])[EntityClass.IN_KB]
    assert counts(theirs) == score([gold(right)], [predicted(found)]).linking_strict.counts


@given(DISTINCT, DISTINCT)
def test_strong_matching_of_all_splits_into_inkb_and_emerging_entities(right, found):
    scores = score_a2kb([gold(right)], [predicted(found)])
    total = counts(scores[EntityClass.IN_KB]) + counts(scores[EntityClass.EE])
    assert counts(scores[EntityClass.ALL]) == total


@given(ANNOTATIONS, ANNOTATIONS)
def test_every_annotation_is_counted_once_on_its_side(right, found):
    for matching in SpanMatching:
        own = counts(score_a2kb([gold(right)], [predicted(found)], matching)[EntityClass.ALL])
        assert own.true_positives + own.false_negatives == len(right)
        assert own.true_positives + own.false_positives == len(found)


@given(DISTINCT, DISTINCT)
def test_weak_matching_never_finds_less_than_strong_where_gold_mentions_do_not_overlap(right, found):
    apart = [one for one in right if not any(one is not other and overlaps(one[0], other[0]) for other in right)]
    strong, weak = (
        counts(score_a2kb([gold(apart)], [predicted(found)], matching)[EntityClass.ALL]).true_positives
        for matching in SpanMatching
    )
    assert weak >= strong


def overlaps(one, other):
    return one[0] < other[1] and other[0] < one[1]


@given(ANNOTATIONS, ANNOTATIONS)
def test_d2kb_is_a2kb_of_the_predictions_on_gold_spans(right, found):
    spans = {span for span, _ in right}
    on_gold = [annotation for annotation in found if annotation[0] in spans]
    for matching in SpanMatching:
        expected = score_a2kb([gold(right)], [predicted(on_gold)], matching)[EntityClass.ALL]
        assert counts(score_d2kb([gold(right)], [predicted(found)], matching)[EntityClass.ALL]) == counts(expected)
