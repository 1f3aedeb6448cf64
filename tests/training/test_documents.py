"""The bank of entity vectors and the negatives that come out of it."""

import random

import pytest
import torch

from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.documents import DocumentBank

PARIS_FRANCE, PARIS_TEXAS, PARIS_HILTON, FRANCE, APPLE = range(5)


@pytest.fixture
def bank(entities: tuple[Entity, ...], onegen: OneGen) -> DocumentBank:
    return DocumentBank(entities, onegen)


def test_a_name_is_known_whatever_its_case_be_it_label_or_alias(bank: DocumentBank) -> None:
    assert bank.knows("PARIS")
    assert bank.knows("city of light")
    assert not bank.knows("Oslo")


@pytest.mark.parametrize("seed", range(20))
def test_without_vectors_hard_negatives_share_the_surface_form_and_are_never_the_positive(
    bank: DocumentBank, seed: int
) -> None:
    chosen = bank.hard_negatives([PARIS_FRANCE, FRANCE], ["paris", "France"], 10, random.Random(seed))
    assert set(chosen[PARIS_FRANCE]) < {PARIS_TEXAS, PARIS_HILTON}
    assert len(chosen[PARIS_FRANCE]) == 1
    assert chosen[FRANCE] == []


@pytest.mark.parametrize("seed", range(20))
def test_with_vectors_each_positive_also_gets_one_of_its_nearest(bank: DocumentBank, seed: int) -> None:
    bank.refresh()
    chosen = bank.hard_negatives([PARIS_FRANCE, FRANCE], ["Paris", "France"], 10, random.Random(seed))
    assert [len(chosen[PARIS_FRANCE]), len(chosen[FRANCE])] == [2, 1]
    assert chosen[PARIS_FRANCE][0] in {PARIS_TEXAS, PARIS_HILTON}
    assert PARIS_FRANCE not in chosen[PARIS_FRANCE]
    assert FRANCE not in chosen[FRANCE]


def test_nearest_means_nearest(onegen: OneGen) -> None:
    bank = DocumentBank([Entity(f"Q{number}", f"name {number}") for number in range(20)], onegen)
    angles = torch.linspace(0, 1.5, 20)
    bank.vectors = torch.stack([angles.cos(), angles.sin()], dim=1)
    found = {row for seed in range(60) for row in bank.hard_negatives([0], ["name 0"], 1, random.Random(seed))[0]}
    assert found == set(range(1, 8))


def test_at_most_as_many_hard_negatives_as_asked_for(bank: DocumentBank) -> None:
    bank.refresh()
    positives, surfaces = [PARIS_FRANCE, PARIS_TEXAS, FRANCE, APPLE], ["Paris", "Paris", "France", "Apple"]
    for count in range(5):
        chosen = bank.hard_negatives(positives, surfaces, count, random.Random(0))
        assert sum(len(rows) for rows in chosen.values()) == count


def test_a_bank_of_one_entity_has_no_negatives(onegen: OneGen) -> None:
    bank = DocumentBank([Entity("Q90", "Paris")], onegen)
    bank.refresh()
    assert bank.hard_negatives([0], ["Paris"], 4, random.Random(0))[0] == []


def test_refresh_encodes_every_entity_as_the_model_does(bank: DocumentBank, onegen: OneGen) -> None:
    bank.refresh()
    assert bank.vectors is not None
    expected = onegen.encode_documents([onegen.entity_text(Entity("Q142", "France", (), "country in Europe"))])
    torch.testing.assert_close(bank.vectors[FRANCE], torch.from_numpy(expected[0]))
    torch.testing.assert_close(bank.vectors.norm(dim=1), torch.ones(5))


def test_update_writes_the_given_rows_back_without_their_gradient(bank: DocumentBank) -> None:
    bank.refresh()
    assert bank.vectors is not None
    before = bank.vectors.clone()
    new = torch.eye(2, before.shape[1], requires_grad=True)
    bank.update([APPLE, PARIS_TEXAS], new)
    assert torch.equal(bank.vectors[[APPLE, PARIS_TEXAS]], new.detach())
    assert not bank.vectors.requires_grad
    rest = [PARIS_FRANCE, PARIS_HILTON, FRANCE]
    assert torch.equal(bank.vectors[rest], before[rest])


def test_update_before_the_first_refresh_keeps_the_bank_empty(bank: DocumentBank) -> None:
    bank.update([APPLE], torch.ones(1, 32))
    assert bank.vectors is None


def test_every_document_ends_in_its_retrieval_token(bank: DocumentBank, onegen: OneGen) -> None:
    for sequence in bank.sequences:
        assert sequence.ids[sequence.retrieval[0]] == onegen.layout.document_token
        assert sequence.retrieval == (len(sequence) - 1,)
