"""The decision fitted on judged mentions, checked on worlds small enough to see the answer."""

import pytest

from elinker.linking.decision import Decision, Evidence
from elinker.schema import Candidate, Document, Mention
from elinker.training.calibration import Judged, fit, judge


def mention(text: str, start: int, *candidates: tuple[str, float]) -> Mention:
    return Mention(start, start + len(text), text, candidates=tuple(Candidate(i, i, score) for i, score in candidates))


def judged(right: str | None, *candidates: tuple[str, float, bool]) -> Judged:
    return Judged(
        mention("x", 0, *((entity, score) for entity, score, _ in candidates)),
        tuple(Evidence(score, named) for _, score, named in candidates),
        right,
    )


def test_mentions_are_judged_by_their_exact_span() -> None:
    text = "Paris and Rome"
    found = Document("d", text, (mention("Paris", 0, ("Q90", 0.9)), mention("Rome", 10, ("Q220", 0.8))))
    (paris, rome) = judge([found], [{(0, 5): "Q90", (9, 14): "Q220"}], lambda text, entity: False, lambda text: False)
    assert (paris.entity_id, rome.entity_id) == ("Q90", None)


def test_names_of_the_candidates_are_looked_up() -> None:
    found = Document("d", "Paris", (mention("Paris", 0, ("Q90", 0.9), ("Q1", 0.8)),))
    (item,) = judge([found], [{}], lambda text, entity: (text, entity) == ("Paris", "Q1"), lambda text: True)
    assert [evidence.named for evidence in item.evidence] == [False, True]


def test_an_unlinked_label_that_bears_a_name_of_the_base_is_left_out() -> None:
    found = Document("d", "Paris", (mention("Paris", 0, ("Q90", 0.9)),))
    assert judge([found], [{(0, 5): None}], lambda text, entity: True, lambda text: text == "Paris") == []
    assert len(judge([found], [{(0, 5): None}], lambda text, entity: True, lambda text: False)) == 1


def test_the_entity_of_an_earlier_longer_name_is_recalled() -> None:
    longer = Mention(0, 11, "Gerald Ford", "Q9582", "Gerald Ford", 0.9, (Candidate("Q9582", "Gerald Ford", 0.9),))
    found = Document("d", "Gerald Ford. Ford", (longer, mention("Ford", 13, ("Q44294", 0.8), ("Q9582", 0.7))))
    (_, ford) = judge([found], [{}], lambda text, entity: False, lambda text: False)
    assert [evidence.recalled for evidence in ford.evidence] == [False, True]


def test_the_name_bonus_is_used_where_it_corrects_the_order() -> None:
    corrected = judged("Q1", ("Q2", 0.6, False), ("Q1", 0.5, True))
    world = [corrected] * 4 + [judged("Q3", ("Q3", 0.7, False), ("Q4", 0.2, True))]
    decision = fit(world, gold=5)
    assert all(item.ranked(decision)[1] == item.entity_id for item in world)
    assert 0.1 < decision.name_bonus < 0.5


def test_no_bonus_where_the_gain_may_be_chance() -> None:
    world = [judged("Q1", ("Q2", 0.6, False), ("Q1", 0.5, True)), judged("Q3", ("Q3", 0.7, False), ("Q4", 0.2, True))]
    assert fit(world, gold=2).name_bonus == 0.0


def test_no_bonus_where_names_mislead() -> None:
    world = [judged("Q1", ("Q1", 0.6, False), ("Q2", 0.55, True))]
    assert fit(world, gold=1).name_bonus == 0.0


def test_probability_separates_right_from_wrong_and_the_threshold_lies_between() -> None:
    right = [judged("Q1", ("Q1", 0.8 + 0.01 * n, True), ("Q2", 0.3, False)) for n in range(10)]
    wrong = [judged(None, ("Q1", 0.3 + 0.01 * n, False), ("Q2", 0.29, False)) for n in range(10)]
    decision = fit(right + wrong, gold=10)

    def probability(item: Judged) -> float:
        return decision.probability(item.ranked(decision)[0])

    assert max(map(probability, wrong)) < decision.threshold <= min(map(probability, right))


def test_without_a_linked_label_the_default_stays() -> None:
    assert fit([judged(None, ("Q1", 0.5, False))], gold=0) == Decision()


@pytest.mark.parametrize("gold", [1, 100])
def test_a_threshold_is_a_probability(gold: int) -> None:
    assert 0 <= fit([judged("Q1", ("Q1", 0.9, True))], gold=gold).threshold <= 1
