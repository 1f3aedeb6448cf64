"""The bank of entity vectors and the negatives that come out of it."""

import random
from collections.abc import Sequence

import pytest
import torch

from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.anchors import Anchor
from elinker.training.documents import DocumentBank

PARIS_FRANCE, PARIS_TEXAS, PARIS_HILTON, FRANCE, APPLE = range(5)


@pytest.fixture
def bank(entities: tuple[Entity, ...], onegen: OneGen) -> DocumentBank:
    return DocumentBank.of_entities(entities, onegen.layout)


def anchor(positive: int, surface: str = "", *, right: tuple[int, ...] = (), wrong: tuple[int, ...] = ()) -> Anchor:
    return Anchor(0, 0, surface, positive, frozenset({positive, *right}), wrong)


def directions(rows: Sequence[int]) -> torch.Tensor:
    """Vectors of length 1 in a quarter circle, in the order of the rows."""
    angles = torch.tensor([1.5 * row / 20 for row in rows])
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_a_name_is_known_whatever_its_case_be_it_label_or_alias(bank: DocumentBank) -> None:
    assert bank.knows("PARIS")
    assert bank.knows("city of light")
    assert not bank.knows("Oslo")


@pytest.mark.parametrize("seed", range(20))
def test_without_vectors_hard_negatives_share_the_surface_form_and_are_never_the_positive(
    bank: DocumentBank, seed: int
) -> None:
    chosen = bank.hard_negatives([anchor(PARIS_FRANCE, "paris"), anchor(FRANCE, "France")], 10, 2, random.Random(seed))
    assert set(chosen[PARIS_FRANCE]) < {PARIS_TEXAS, PARIS_HILTON}
    assert len(chosen[PARIS_FRANCE]) == 1
    assert chosen[FRANCE] == []


@pytest.mark.parametrize("seed", range(20))
def test_with_vectors_each_positive_also_gets_one_of_its_nearest(bank: DocumentBank, seed: int) -> None:
    bank.refresh(directions)
    chosen = bank.hard_negatives([anchor(PARIS_FRANCE, "Paris"), anchor(FRANCE, "France")], 10, 2, random.Random(seed))
    assert [len(chosen[PARIS_FRANCE]), len(chosen[FRANCE])] == [2, 1]
    assert chosen[PARIS_FRANCE][0] in {PARIS_TEXAS, PARIS_HILTON}
    assert PARIS_FRANCE not in chosen[PARIS_FRANCE]
    assert FRANCE not in chosen[FRANCE]


def test_nearest_means_nearest(onegen: OneGen) -> None:
    entities = [Entity(f"Q{number}", f"name {number}") for number in range(20)]
    bank = DocumentBank.of_entities(entities, onegen.layout)
    bank.refresh(directions)
    drawn = [bank.hard_negatives([anchor(0, "name 0")], 1, 2, random.Random(seed))[0] for seed in range(60)]
    assert {row for rows in drawn for row in rows} == set(range(1, 8))


def test_at_most_as_many_hard_negatives_as_asked_for(bank: DocumentBank) -> None:
    bank.refresh(directions)
    named = {PARIS_FRANCE: "Paris", PARIS_TEXAS: "Paris", FRANCE: "France", APPLE: "Apple"}
    anchors = [anchor(row, surface) for row, surface in named.items()]
    for count in range(5):
        chosen = bank.hard_negatives(anchors, count, 2, random.Random(0))
        assert sum(len(rows) for rows in chosen.values()) == count


def test_negatives_that_the_data_name_come_first(bank: DocumentBank) -> None:
    bank.refresh(directions)
    asked = [anchor(PARIS_FRANCE, "Paris", wrong=(APPLE, FRANCE))]
    assert set(bank.hard_negatives(asked, 10, 2, random.Random(0))[PARIS_FRANCE]) == {APPLE, FRANCE}
    assert set(bank.hard_negatives(asked, 10, 1, random.Random(0))[PARIS_FRANCE]) < {APPLE, FRANCE}


@pytest.mark.parametrize("seed", range(10))
def test_missing_negatives_are_drawn_at_random_where_asked_for(bank: DocumentBank, seed: int) -> None:
    chosen = bank.hard_negatives([anchor(FRANCE, "France")], 10, 3, random.Random(seed), fill=True)[FRANCE]
    assert len(chosen) == len(set(chosen)) == 3
    assert FRANCE not in chosen


@pytest.mark.parametrize("seed", range(10))
def test_what_else_is_right_is_never_a_negative(bank: DocumentBank, seed: int) -> None:
    bank.refresh(directions)
    asked = [anchor(PARIS_FRANCE, "Paris", right=(PARIS_TEXAS, FRANCE, APPLE))]
    chosen = bank.hard_negatives(asked, 10, 4, random.Random(seed), fill=True)[PARIS_FRANCE]
    assert set(chosen) == {PARIS_HILTON}


def test_a_bank_of_one_entity_has_no_negatives(onegen: OneGen) -> None:
    bank = DocumentBank.of_entities([Entity("Q90", "Paris")], onegen.layout)
    bank.refresh(directions)
    assert bank.hard_negatives([anchor(0, "Paris")], 4, 2, random.Random(0), fill=True)[0] == []


def test_update_writes_the_given_rows_back_without_their_gradient(bank: DocumentBank) -> None:
    bank.refresh(directions)
    assert bank.vectors is not None
    before = bank.vectors.clone()
    new = torch.eye(2, 2, requires_grad=True)
    bank.update([APPLE, PARIS_TEXAS], new)
    assert torch.equal(bank.vectors[[APPLE, PARIS_TEXAS]], new.detach())
    assert not bank.vectors.requires_grad
    rest = [PARIS_FRANCE, PARIS_HILTON, FRANCE]
    assert torch.equal(bank.vectors[rest], before[rest])


def test_update_before_the_first_refresh_keeps_the_bank_empty(bank: DocumentBank) -> None:
    bank.update([APPLE], torch.ones(1, 2))
    assert bank.vectors is None


def test_every_document_ends_in_its_retrieval_token(bank: DocumentBank, onegen: OneGen) -> None:
    for sequence in bank.sequences:
        assert sequence.ids[sequence.retrieval[0]] == onegen.layout.document_token
        assert sequence.retrieval == (len(sequence) - 1,)
