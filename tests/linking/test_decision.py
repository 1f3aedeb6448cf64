"""The order of candidates and the probability of the first, by values worked out by hand."""

import math

import pytest
from pydantic import ValidationError

from elinker.linking.decision import Decision, Evidence


def evidence(*values: tuple[float, bool]) -> list[Evidence]:
    return [Evidence(cosine, named) for cosine, named in values]


def test_candidates_come_by_cosine_where_names_count_nothing() -> None:
    assert Decision(name_bonus=0.0).rank(evidence((0.2, True), (0.9, False), (0.5, True))) == [1, 2, 0]


def test_a_name_that_fits_lifts_a_candidate_by_the_bonus() -> None:
    decision = Decision(name_bonus=0.3)
    assert decision.rank(evidence((0.6, False), (0.4, True), (0.35, False))) == [1, 0, 2]


def test_the_entity_of_the_antecedent_is_lifted_by_its_bonus() -> None:
    decision = Decision(name_bonus=0.1, recall_bonus=0.3)
    assert decision.rank([Evidence(0.6, named=True), Evidence(0.45, recalled=True)]) == [1, 0]


def test_ties_keep_the_order_given() -> None:
    assert Decision(name_bonus=0.25).rank(evidence((0.25, True), (0.5, False), (0.5, False))) == [0, 1, 2]


def test_features_are_score_margin_and_name_of_the_first() -> None:
    assert Decision(name_bonus=0.25).features(evidence((0.5, True), (0.5, False))) == (0.75, 0.25, 1.0)


def test_a_lone_candidate_has_the_full_margin() -> None:
    assert Decision().features(evidence((0.5, False))) == (0.5, 1.0, 0.0)


def test_probability_is_the_logistic_of_the_weighted_features() -> None:
    decision = Decision(name_bonus=0.25, weights=(2.0, 4.0, 0.5, -1.0))
    logit = 2.0 * 0.75 + 4.0 * 0.25 + 0.5 - 1.0  # 2
    ranked = evidence((0.5, True), (0.5, False))
    assert decision.probability(ranked) == pytest.approx(1 / (1 + math.exp(-logit)))
    assert decision.probability(ranked) == pytest.approx(0.8807970779)


def test_no_candidate_has_probability_zero() -> None:
    assert Decision().probability([]) == 0.0


def test_extreme_weights_stay_within_zero_and_one() -> None:
    assert Decision(weights=(1e6, 0, 0, 0)).probability(evidence((1.0, False))) <= 1.0
    assert Decision(weights=(-1e6, 0, 0, 0)).probability(evidence((1.0, False))) >= 0.0


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(ValidationError):
        Decision(threshold=threshold)
