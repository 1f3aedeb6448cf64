"""What answers, facts and triples have in common, by hand: the definitions of the datasets' own scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.rag.evaluation.normalisation import (
    HOTPOTQA,
    SQUAD,
    TRIVIAQA,
    normalise_evidence,
    normalise_squad,
    normalise_triviaqa,
)
from elinker.rag.evaluation.overlap import (
    Overlap,
    answer_overlap,
    chosen_label,
    evidence_overlap,
    facts_overlap,
    joint_overlap,
    match,
    normalised_match,
)

FACTS = [("Otto Brandt", 0), ("Paper Lanterns", 0)]
TRIPLES = [[("Paper Lanterns", "director", "Otto Brandt")], [("Otto Brandt", "country", "Germany")]]


@pytest.mark.parametrize(
    ("text", "squad", "triviaqa"),
    [
        ("The  Beatles", "beatles", "beatles"),
        ("Jean-Luc Godard", "jeanluc godard", "jean luc godard"),
        ("a U.S. state", "us state", "u s state"),
        ("Bach's Mass", "bachs mass", "bach s mass"),
        ("the ‘Theatre’", "‘theatre’", "theatre"),
        ("New_York", "newyork", "new york"),
        ("A.", "", ""),  # the full stop goes first, so what is left is an article
        ("Ångström\n", "ångström", "ångström"),
        ("$1,000", "1000", "1 000"),
    ],
)
def test_normalisation_is_that_of_the_scripts(text: str, squad: str, triviaqa: str) -> None:
    assert (normalise_squad(text), normalise_triviaqa(text)) == (squad, triviaqa)


def test_parts_of_triples_keep_their_articles() -> None:
    assert normalise_evidence("The  Long-Jetty") == "the longjetty"


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_triviaqa(text)
    assert normalise_triviaqa(once) == once


def test_words_count_as_often_as_they_occur() -> None:
    # New York New York (4 words) and New York (2): two in common.
    found = answer_overlap("New York, New York", ["New York"], HOTPOTQA)
    assert found == Overlap(0.0, 2 / 4, 2 / 2, 2 * 0.5 * 1 / 1.5)


def test_articles_and_punctuation_do_not_stand_in_the_way_of_an_exact_match() -> None:
    assert answer_overlap("The Beatles.", ["beatles"], HOTPOTQA) == Overlap(1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(("answer", "gold"), [("yes", "yes it is"), ("no way", "no"), ("noanswer", "no answer at all")])
def test_verdicts_are_right_or_wrong_as_a_whole_in_hotpotqa_alone(answer: str, gold: str) -> None:
    assert answer_overlap(answer, [gold], HOTPOTQA).f1 == 0.0
    assert answer_overlap("no way", ["no"], SQUAD).f1 == pytest.approx(2 / 3)


def test_the_best_of_several_gold_answers_counts_each_figure_for_itself() -> None:
    # It has all words of the first (recall 1, precision 1/3); the second has all of its (precision 1, recall 3/5).
    found = answer_overlap("big red barn", ["barn", "very big red barn door"], HOTPOTQA)
    assert (found.exact, found.precision, found.recall) == (0.0, 1.0, 1.0)
    assert found.f1 == pytest.approx(2 * 1 * 0.6 / 1.6)


def test_triviaqa_splits_where_squad_joins() -> None:
    assert answer_overlap("Bachs Mass", ["Bach's Mass"], SQUAD).exact == 1.0
    assert answer_overlap("Bachs Mass", ["Bach's Mass"], TRIVIAQA).exact == 0.0
    assert answer_overlap("bach’s mass", ["Bach's Mass"], TRIVIAQA).exact == 1.0


def test_no_answer_has_nothing_in_common() -> None:
    assert answer_overlap("", ["Lisbon"], HOTPOTQA) == Overlap(0.0, 0.0, 0.0, 0.0)


def test_match_is_containment_as_written() -> None:
    assert match("It was in Lisbon, Portugal.", ["Porto", "Lisbon"])
    assert match("Lisbonne", ["Lisbon"])
    assert not match("it was in lisbon", ["Lisbon"])


def test_normalised_match_is_containment_of_words() -> None:
    assert normalised_match("it was in lisbon!", ["Lisbon"], SQUAD)
    assert not normalised_match("Lisbonne", ["Lisbon"], SQUAD)
    assert not normalised_match("anything", ["the"], SQUAD)


def test_supporting_facts_are_sets_of_title_and_sentence() -> None:
    predicted = [("Otto Brandt", 0), ("Otto Brandt", 0), ("Graz", 0), ("Paper Lanterns", 1)]
    assert facts_overlap(predicted, FACTS, any_case=False) == Overlap(0.0, 1 / 3, 1 / 2, 0.4)
    assert facts_overlap(list(reversed(FACTS)), FACTS, any_case=False).exact == 1.0
    assert facts_overlap([], FACTS, any_case=False) == Overlap(0.0, 0.0, 0.0, 0.0)


def test_titles_are_compared_in_lower_case_where_the_dataset_does() -> None:
    lowered = [(title.lower(), index) for title, index in FACTS]
    assert facts_overlap(lowered, FACTS, any_case=True).exact == 1.0
    assert facts_overlap(lowered, FACTS, any_case=False).f1 == 0.0


def test_a_triple_is_right_in_any_spelling() -> None:
    spelled = [[*TRIPLES[0]], [("Otto Brandt", "country", "Deutschland"), *TRIPLES[1]]]
    predicted = [("otto brandt", "country", "deutschland"), ("Paper-Lanterns", "director", "Otto Brandt")]
    # "Paper-Lanterns" becomes "paperlanterns", which is another word.
    assert evidence_overlap(predicted, spelled) == Overlap(0.0, 1 / 2, 1 / 2, 1 / 2)
    assert evidence_overlap([predicted[0], TRIPLES[0][0]], spelled).exact == 1.0


def test_joint_figures_are_products() -> None:
    answer, facts = Overlap(1.0, 0.5, 1.0, 2 / 3), Overlap(0.0, 0.5, 0.5, 0.5)
    assert joint_overlap(answer, facts) == Overlap(0.0, 0.25, 0.5, 2 * 0.25 * 0.5 / 0.75)


CHOICES = {"A": ("a metal pan",), "B": ("a rubber band",), "C": ("wood",)}


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("B", "B"),
        (" b) a rubber band", "B"),
        ("(C) wood", "C"),
        ("A: a metal pan", "A"),
        ("A rubber band", "B"),  # an article, not the label
        ("It is wood.", "C"),
        ("wood or a rubber band", None),
        ("neither", None),
        ("", None),
    ],
)
def test_the_label_that_an_answer_chooses(answer: str, label: str | None) -> None:
    assert chosen_label(answer, CHOICES) == label
