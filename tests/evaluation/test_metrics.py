"""Every count of docs/evaluation.md on small documents, worked out by hand."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.evaluation import GoldDocument, GoldMention, base_coverage, score, score_disambiguation
from elinker.evaluation.gerbil import EntityClass, score_d2kb
from elinker.evaluation.matching import Counts
from elinker.schema import Candidate, Document, Mention

NIL = None
UNKNOWN = None


def gold(text, *mentions, alternatives=(), evaluation_span=None):
    """A gold document; a mention is (surface, id), the first occurrence of the surface in the text."""
    return GoldDocument(
        id=text,
        text=text,
        mentions=tuple(GoldMention(*span(text, surface), entity_id) for surface, entity_id in mentions),
        alternatives=tuple(GoldMention(*span(text, surface), entity_id) for surface, entity_id in alternatives),
        evaluation_span=evaluation_span,
    )


def predicted(text, *mentions, candidates=()):
    return Document(
        id=text,
        text=text,
        mentions=tuple(
            Mention(*span(text, surface), surface, entity_id, candidates=candidates) for surface, entity_id in mentions
        ),
    )


def span(text, surface):
    start = text.index(surface)
    return start, start + len(surface)


def counts(gold_document, document):
    """(true positives, false positives, false negatives) of each measure, for one document."""
    scores = score([gold_document], [document])
    measures = {
        name: getattr(scores, name).counts for name in ("detection", "detection_all", "linking", "linking_strict")
    }
    return {
        name: (each.true_positives, each.false_positives, each.false_negatives) for name, each in measures.items()
    } | {"found": (scores.accuracy_on_found.part, scores.accuracy_on_found.whole)}


def test_right_spans_and_entities_are_true_positives_everywhere():
    text = "Ada met Bob."
    assert counts(gold(text, ("Ada", "Q1"), ("Bob", "Q2")), predicted(text, ("Ada", "Q1"), ("Bob", "Q2"))) == {
        "detection": (2, 0, 0),
        "detection_all": (2, 0, 0),
        "linking": (2, 0, 0),
        "linking_strict": (2, 0, 0),
        "found": (2, 2),
    }


def test_a_wrong_entity_is_a_false_positive_and_a_false_negative_of_linking_but_found():
    text = "Ada met Bob."
    assert counts(gold(text, ("Ada", "Q1"), ("Bob", "Q2")), predicted(text, ("Ada", "Q9"), ("Bob", "Q2"))) == {
        "detection": (2, 0, 0),
        "detection_all": (2, 0, 0),
        "linking": (1, 1, 1),
        "linking_strict": (1, 1, 1),
        "found": (1, 2),
    }


def test_an_overlapping_span_is_wrong_even_with_the_right_entity():
    text = "New York City wins."
    assert counts(gold(text, ("New York City", "Q60")), predicted(text, ("New York", "Q60"))) == {
        "detection": (0, 1, 1),
        "detection_all": (0, 1, 1),
        "linking": (0, 1, 1),
        "linking_strict": (0, 1, 1),
        "found": (0, 0),
    }


def test_a_link_on_a_mention_of_unknown_entity_is_not_counted_except_strictly():
    text = "Ada met Zed."
    assert counts(gold(text, ("Ada", "Q1"), ("Zed", UNKNOWN)), predicted(text, ("Ada", "Q1"), ("Zed", "Q5"))) == {
        "detection": (1, 0, 0),
        "detection_all": (2, 0, 0),
        "linking": (1, 0, 0),
        "linking_strict": (1, 1, 0),
        "found": (1, 1),
    }


def test_a_link_that_only_overlaps_a_mention_of_unknown_entity_is_a_false_positive():
    text = "Zed Zoe came."
    assert counts(gold(text, ("Zed Zoe", UNKNOWN)), predicted(text, ("Zed", "Q5"))) == {
        "detection": (0, 1, 0),
        "detection_all": (0, 1, 1),
        "linking": (0, 1, 0),
        "linking_strict": (0, 1, 0),
        "found": (0, 0),
    }


def test_a_nil_on_a_mention_with_an_id_misses_it_but_finds_its_span():
    text = "Ada came."
    assert counts(gold(text, ("Ada", "Q1")), predicted(text, ("Ada", NIL))) == {
        "detection": (0, 0, 1),
        "detection_all": (1, 0, 0),
        "linking": (0, 0, 1),
        "linking_strict": (0, 0, 1),
        "found": (0, 1),
    }


def test_a_nil_on_a_mention_of_unknown_entity_counts_only_as_a_mention():
    text = "Zed came."
    assert counts(gold(text, ("Zed", UNKNOWN)), predicted(text, ("Zed", NIL))) == {
        "detection": (0, 0, 0),
        "detection_all": (1, 0, 0),
        "linking": (0, 0, 0),
        "linking_strict": (0, 0, 0),
        "found": (0, 0),
    }


def test_predictions_where_gold_has_nothing_are_false_positives_a_nil_only_among_all_mentions():
    text = "Ada came home today."
    document = predicted(text, ("Ada", "Q1"), ("home", "Q7"), ("today", NIL))
    assert counts(gold(text, ("Ada", "Q1")), document) == {
        "detection": (1, 1, 0),
        "detection_all": (1, 2, 0),
        "linking": (1, 1, 0),
        "linking_strict": (1, 1, 0),
        "found": (1, 1),
    }


def test_a_right_nested_alternative_is_neither_right_nor_wrong_and_the_outer_mention_still_missed():
    text = "London's Heathrow Airport opens."
    benchmark = gold(text, ("London's Heathrow Airport", "Q8691"), alternatives=[("Heathrow", "Q8691")])
    assert counts(benchmark, predicted(text, ("Heathrow", "Q8691"))) == {
        "detection": (0, 0, 1),
        "detection_all": (0, 0, 1),
        "linking": (0, 0, 1),
        "linking_strict": (0, 1, 1),
        "found": (0, 0),
    }


def test_a_wrong_entity_on_a_nested_alternative_is_a_false_positive_of_linking_only():
    text = "London's Heathrow Airport opens."
    benchmark = gold(text, ("London's Heathrow Airport", "Q8691"), alternatives=[("Heathrow", "Q8691")])
    assert counts(benchmark, predicted(text, ("Heathrow", "Q1"))) == {
        "detection": (0, 0, 1),
        "detection_all": (0, 0, 1),
        "linking": (0, 1, 1),
        "linking_strict": (0, 1, 1),
        "found": (0, 0),
    }


def test_any_entity_on_a_nested_alternative_of_unknown_entity_is_not_counted():
    text = "Majed Shehadeh spoke."
    benchmark = gold(text, ("Majed Shehadeh", UNKNOWN), alternatives=[("Shehadeh", UNKNOWN)])
    assert counts(benchmark, predicted(text, ("Shehadeh", "Q5"))) == {
        "detection": (0, 0, 0),
        "detection_all": (0, 0, 1),
        "linking": (0, 0, 0),
        "linking_strict": (0, 1, 0),
        "found": (0, 0),
    }


def test_overlapping_gold_mentions_each_count_for_themselves():
    text = "The Bank of England raised rates."
    benchmark = gold(text, ("Bank of England", "Q183231"), ("England", "Q21"))
    assert counts(benchmark, predicted(text, ("England", "Q21"))) == {
        "detection": (1, 0, 1),
        "detection_all": (1, 0, 1),
        "linking": (1, 0, 1),
        "linking_strict": (1, 0, 1),
        "found": (1, 1),
    }


def test_the_same_annotation_twice_counts_once_on_both_sides():
    text = "Ada came."
    benchmark = gold(text, ("Ada", "Q1"), ("Ada", "Q1"))
    assert counts(benchmark, predicted(text, ("Ada", "Q1"), ("Ada", "Q1"))) == {
        "detection": (1, 0, 0),
        "detection_all": (1, 0, 0),
        "linking": (1, 0, 0),
        "linking_strict": (1, 0, 0),
        "found": (1, 1),
    }


def test_two_entities_of_one_span_are_one_mention_and_two_links():
    text = "Ada came."
    benchmark = gold(text, ("Ada", "Q1"), ("Ada", "Q2"))
    assert counts(benchmark, predicted(text, ("Ada", "Q1"))) == {
        "detection": (1, 0, 0),
        "detection_all": (1, 0, 0),
        "linking": (1, 0, 1),
        "linking_strict": (1, 0, 1),
        "found": (1, 2),
    }


def test_one_name_at_two_places_is_two_mentions():
    text = "Paris saw Paris"
    benchmark = GoldDocument("d", text, (GoldMention(0, 5, "Q47899"), GoldMention(10, 15, "Q90")))
    document = Document("d", text, (Mention(0, 5, "Paris", "Q90"), Mention(10, 15, "Paris", "Q90")))
    assert counts(benchmark, document) == {
        "detection": (2, 0, 0),
        "detection_all": (2, 0, 0),
        "linking": (1, 1, 1),
        "linking_strict": (1, 1, 1),
        "found": (1, 2),
    }


def test_gold_and_predictions_not_wholly_inside_the_evaluation_span_are_dropped():
    text = "Ada met Bob near Rome."  # scored: "Ada met Bob ne"
    benchmark = gold(text, ("Ada", "Q1"), ("Bob", "Q2"), ("Rome", "Q3"), evaluation_span=(0, 14))
    document = predicted(text, ("Ada", "Q1"), ("near", "Q8"), ("Rome", "Q9"))
    assert counts(benchmark, document) == {
        "detection": (1, 0, 1),
        "detection_all": (1, 0, 1),
        "linking": (1, 0, 1),
        "linking_strict": (1, 0, 1),
        "found": (1, 1),
    }


# Five documents; linking counts (true positives, false positives, false negatives) and so P, R, F1:
CORPUS = [
    (gold("Ada met Bob.", ("Ada", "Q1"), ("Bob", "Q2")), predicted("Ada met Bob.", ("Ada", "Q1"), ("Bob", "Q2"))),
    # (2, 0, 0): 1, 1, 1
    (gold("Ada came home.", ("Ada", "Q1")), predicted("Ada came home.", ("Ada", "Q1"), ("home", "Q7"))),
    # (1, 1, 0): 1/2, 1, 2/3
    (gold("Eve, Tim, Max.", ("Eve", "Q4"), ("Tim", "Q5")), predicted("Eve, Tim, Max.", ("Eve", "Q9"))),
    # (0, 1, 2): 0, 0, 0
    (gold("It rains."), predicted("It rains.")),
    # (0, 0, 0): 1, 1, 1
    (gold("It snows."), predicted("It snows.", ("snows", "Q8"))),
    # (0, 1, 0): 0, 0, 0
]


def test_micro_figures_are_those_of_the_summed_counts():
    micro = score(*zip(*CORPUS, strict=True)).linking.micro  # (3, 3, 2)
    assert (micro.precision, micro.recall, micro.f1) == pytest.approx((1 / 2, 3 / 5, 6 / 11))


def test_macro_figures_are_means_over_documents_and_nothing_to_find_and_found_is_perfect():
    macro = score(*zip(*CORPUS, strict=True)).linking.macro
    assert (macro.precision, macro.recall) == pytest.approx((2.5 / 5, 3 / 5))
    assert macro.f1 == pytest.approx((1 + 2 / 3 + 0 + 1 + 0) / 5)


def test_sizes_count_scored_gold_mentions_with_and_without_id():
    text = "Ada met Zed near Rome."
    benchmark = gold(text, ("Ada", "Q1"), ("Zed", UNKNOWN), ("Rome", "Q3"), evaluation_span=(0, 12))
    scores = score([benchmark], [predicted(text)])
    assert (scores.documents, scores.gold_mentions, scores.unknown_mentions) == (1, 1, 1)


def test_a_perfect_corpus_without_documents_has_no_division_by_zero():
    assert score([], []).linking.macro.f1 == 1.0


def test_disambiguation_counts_nil_wrong_entity_and_absent_prediction_as_wrong():
    text = "Ada, Bob, Eve, Tim and Zed."
    benchmark = gold(text, ("Ada", "Q1"), ("Bob", "Q2"), ("Eve", "Q3"), ("Tim", "Q4"), ("Zed", UNKNOWN))
    document = predicted(text, ("Ada", "Q1"), ("Bob", NIL), ("Eve", "Q9"), ("Zed", "Q7"))
    accuracy = score_disambiguation([benchmark], [document]).accuracy
    assert (accuracy.part, accuracy.whole, accuracy.value) == (1, 4, 0.25)


def test_disambiguation_in_the_base_leaves_out_gold_ids_that_no_answer_can_reach():
    text = "Ada, Bob, Eve."
    benchmark = gold(text, ("Ada", "Q1"), ("Bob", "Q2"), ("Eve", "Q3"))
    document = predicted(text, ("Ada", "Q1"), ("Bob", NIL), ("Eve", NIL))
    result = score_disambiguation([benchmark], [document], in_base={"Q1", "Q2"}.__contains__)
    assert result.accuracy_in_base is not None
    assert (result.accuracy_in_base.part, result.accuracy_in_base.whole) == (1, 2)
    coverage = base_coverage([benchmark], {"Q1", "Q2"}.__contains__)
    assert (coverage.part, coverage.whole) == (2, 3)


def test_macro_accuracy_is_the_mean_over_documents_that_have_mentions_with_an_id():
    documents = [gold("Ada, Bob.", ("Ada", "Q1"), ("Bob", "Q2")), gold("Eve.", ("Eve", "Q3")), gold("Rain.")]
    answers = [predicted("Ada, Bob.", ("Ada", "Q1")), predicted("Eve.", ("Eve", "Q3")), predicted("Rain.")]
    assert score_disambiguation(documents, answers).macro_accuracy == pytest.approx((1 / 2 + 1) / 2)


def test_candidate_recall_asks_whether_the_right_entity_was_among_the_candidates():
    text = "Ada, Bob."
    document = predicted(
        text, ("Ada", "Q9"), ("Bob", NIL), candidates=(Candidate("Q9", "", 0.9), Candidate("Q1", "", 0.8))
    )
    recall = score_disambiguation([gold(text, ("Ada", "Q1"), ("Bob", "Q2"))], [document]).candidate_recall
    assert (recall.part, recall.whole) == (1, 2)


def test_predictions_of_another_text_are_refused():
    with pytest.raises(InputError, match="another text"):
        score([gold("Ada came.")], [predicted("Ada  came.")])


def test_unequal_numbers_of_documents_are_refused():
    with pytest.raises(InputError, match="1 gold documents, but 0"):
        score([gold("Ada came.")], [])


NAMES = ("Ada", "Bob", "Eve", "Tim")
ANSWERS = st.lists(st.sampled_from(["Q1", "Q2", None]), min_size=len(NAMES), max_size=len(NAMES))
PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=3)


def as_documents(pairs):
    """Gold and predicted documents over the four names; `absent` is a name that is no mention."""
    text = " ".join(NAMES)

    def mentions(answers):
        return [(name, answer) for name, answer in zip(NAMES, answers, strict=True) if answer != "absent"]

    return (
        [gold(text, *mentions(right)) for right, _ in pairs],
        [predicted(text, *mentions(answer)) for _, answer in pairs],
    )


@settings(max_examples=40)
@given(PAIRS)
def test_strict_linking_equals_spacys_score_links_where_all_spans_are_found(pairs):
    measure = score(*as_documents(pairs)).linking_strict
    assume(measure.counts != Counts())  # nothing to find: 1 for us, 0 for spaCy
    assert spacy_figures(pairs) == pytest.approx((measure.micro.precision, measure.micro.recall, measure.micro.f1))


PARTIAL = st.lists(st.sampled_from(["Q1", "Q2", None, "absent"]), min_size=len(NAMES), max_size=len(NAMES))
PARTIAL_PAIRS = st.lists(st.tuples(PARTIAL, PARTIAL), min_size=1, max_size=3)


@settings(max_examples=40)
@given(PARTIAL_PAIRS)
def test_spacys_figures_are_strict_linking_on_the_spans_that_both_sides_have(pairs):
    def common(pair):
        right, answer = pair
        both = [each != "absent" and other != "absent" for each, other in zip(right, answer, strict=True)]
        return tuple(
            [each if kept else "absent" for each, kept in zip(side, both, strict=True)] for side in (right, answer)
        )

    measure = score(*as_documents([common(pair) for pair in pairs])).linking_strict
    assume(measure.counts != Counts())
    assert spacy_figures(pairs) == pytest.approx((measure.micro.precision, measure.micro.recall, measure.micro.f1))


@settings(max_examples=40)
@given(PARTIAL_PAIRS)
def test_spacys_recall_is_our_accuracy_on_found_and_its_precision_that_of_d2kb(pairs):
    documents = as_documents(pairs)
    found = score(*documents).accuracy_on_found
    on_spans = score_d2kb(*documents)[EntityClass.IN_KB]
    precision, recall, _ = spacy_figures(pairs)
    if found.whole:
        assert recall == pytest.approx(found.value)
    if on_spans and on_spans.counts.true_positives + on_spans.counts.false_positives:
        assert precision == pytest.approx(on_spans.micro.precision)


def test_spacy_does_not_see_what_was_not_found_and_what_is_not_there():
    # Gold: Ada Q1, Bob Q2; predicted: Ada Q1, Eve Q2. spaCy looks at Ada alone; we miss Bob, and Eve is false.
    pairs = [(["Q1", "Q2", "absent", "absent"], ["Q1", "absent", "Q2", "absent"])]
    assert spacy_figures(pairs) == (1.0, 1.0, 1.0)
    assert score(*as_documents(pairs)).linking_strict.counts == Counts(1, 1, 1)


def test_spacy_counts_nil_as_we_do_on_a_shared_span():
    # Gold / predicted: NIL / NIL nothing; NIL / Q1 false; Q1 / NIL missed; Q1 / Q2 false and missed.
    pairs = [([None, None, "Q1", "Q1"], [None, "Q1", None, "Q2"])]
    assert score(*as_documents(pairs)).linking_strict.counts == Counts(0, 2, 2)
    assert spacy_figures(pairs) == (0.0, 0.0, 0.0)


def spacy_figures(pairs):
    from spacy.scorer import Scorer
    from spacy.tokens import Doc, Span
    from spacy.training import Example
    from spacy.vocab import Vocab

    vocabulary = Vocab()

    def doc(identifiers):
        made = Doc(vocabulary, words=list(NAMES))
        made.ents = [
            Span(made, number, number + 1, label="ENTITY", kb_id=identifier or "NIL")
            for number, identifier in enumerate(identifiers)
            if identifier != "absent"
        ]
        return made

    scores = Scorer.score_links([Example(doc(answer), doc(right)) for right, answer in pairs], negative_labels=["NIL"])
    return scores["nel_micro_p"], scores["nel_micro_r"], scores["nel_micro_f"]
