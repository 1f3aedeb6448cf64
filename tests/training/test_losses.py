"""What the losses compute, against values worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from elinker.training.losses import BPR, InfoNCE, generation_loss, sampled_vocabulary

SIMILARITY = torch.tensor([[0.8, 0.2, 0.5], [0.1, 0.4, -0.3]])
POSITIVE = torch.tensor([0, 1])


def test_infonce_is_the_cross_entropy_of_the_positive_at_the_temperature() -> None:
    losses = InfoNCE(0.5)(SIMILARITY, POSITIVE, torch.ones(2, 3, dtype=torch.bool))
    first = -math.log(math.exp(1.6) / (math.exp(1.6) + math.exp(0.4) + math.exp(1.0)))
    second = -math.log(math.exp(0.8) / (math.exp(0.2) + math.exp(0.8) + math.exp(-0.6)))
    assert losses.tolist() == pytest.approx([first, second])


def test_infonce_leaves_out_documents_that_are_no_negatives_of_the_anchor() -> None:
    negatives = torch.tensor([[False, True, False], [True, False, True]])
    losses = InfoNCE(0.5)(SIMILARITY, POSITIVE, negatives)
    first = -math.log(math.exp(1.6) / (math.exp(1.6) + math.exp(0.4)))
    second = -math.log(math.exp(0.8) / (math.exp(0.2) + math.exp(0.8) + math.exp(-0.6)))
    assert losses.tolist() == pytest.approx([first, second])


def test_infonce_without_negatives_is_zero() -> None:
    losses = InfoNCE(0.05)(SIMILARITY, POSITIVE, torch.zeros(2, 3, dtype=torch.bool))
    assert losses.tolist() == [0.0, 0.0]


def test_infonce_passes_no_gradient_to_masked_documents() -> None:
    similarity = SIMILARITY.clone().requires_grad_()
    InfoNCE(0.5)(similarity, POSITIVE, torch.tensor([[False, True, False], [True, False, True]])).sum().backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 2] == 0
    assert (similarity.grad[0, :2] != 0).all()


def test_bpr_is_the_mean_over_the_anchors_own_negatives() -> None:
    negatives = torch.tensor([[False, True, True], [True, False, False]])
    losses = BPR(1.0)(SIMILARITY, POSITIVE, negatives)

    def term(margin: float) -> float:
        return -math.log(1 / (1 + math.exp(-margin)))

    assert losses.tolist() == pytest.approx([(term(0.6) + term(0.3)) / 2, term(0.3)])


def test_bpr_divides_the_margin_by_the_temperature() -> None:
    losses = BPR(0.1)(SIMILARITY, POSITIVE, torch.tensor([[False, True, False], [False, False, False]]))
    assert losses[0].item() == pytest.approx(math.log1p(math.exp(-6)), rel=1e-4)


def test_bpr_of_an_anchor_without_negatives_is_zero_and_has_no_gradient() -> None:
    similarity = SIMILARITY.clone().requires_grad_()
    losses = BPR(1.0)(similarity, POSITIVE, torch.tensor([[False, True, True], [False, False, False]]))
    losses.sum().backward()
    assert losses[1] == 0
    assert similarity.grad is not None
    assert similarity.grad[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("loss", [InfoNCE(0.05), BPR(1.0)], ids=["infonce", "bpr"])
def test_an_anchors_loss_does_not_depend_on_the_order_of_anchors_or_documents(loss: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(3)
    similarity = torch.rand(5, 7, generator=generator)
    positive = torch.tensor([0, 3, 6, 2, 2])
    negatives = torch.rand(5, 7, generator=generator) < 0.6
    expected = loss(similarity, positive, negatives)
    rows, columns = torch.randperm(5, generator=generator), torch.randperm(7, generator=generator)
    moved = loss(similarity[rows][:, columns], torch.argsort(columns)[positive[rows]], negatives[rows][:, columns])
    torch.testing.assert_close(moved, expected[rows])


def test_generation_loss_is_the_mean_cross_entropy() -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    expected = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    assert generation_loss(logits, torch.tensor([0, 1]), 2).item() == pytest.approx(expected)


def test_generation_losses_of_parts_of_a_batch_add_up_to_its_loss() -> None:
    logits, targets = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 6, 1, 1])
    parts = generation_loss(logits[:2], targets[:2], 5) + generation_loss(logits[2:], targets[2:], 5)
    torch.testing.assert_close(parts, generation_loss(logits, targets, 5))
    assert generation_loss(logits[:0], targets[:0], 5).item() == 0.0


def test_without_sampling_the_vocabulary_is_whole_and_the_loss_is_the_full_softmax() -> None:
    targets = torch.tensor([4, 4, 9, 0])
    logits = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))
    vocabulary, columns = sampled_vocabulary(targets, torch.tensor([1]), 12, 0, torch.Generator())
    assert vocabulary.tolist() == list(range(12))
    torch.testing.assert_close(
        generation_loss(logits[:, vocabulary], columns, len(targets)), functional.cross_entropy(logits, targets)
    )


@given(
    targets=st.lists(st.integers(0, 199), min_size=1, max_size=40),
    always=st.lists(st.integers(0, 199), min_size=1, max_size=5),
    sample=st.integers(1, 60),
    seed=st.integers(0, 2**32),
)
def test_a_sampled_vocabulary_holds_targets_and_markers_once_each_and_points_to_them(
    targets: list[int], always: list[int], sample: int, seed: int
) -> None:
    vocabulary, columns = sampled_vocabulary(
        torch.tensor(targets), torch.tensor(always), 200, sample, torch.Generator().manual_seed(seed)
    )
    assert vocabulary[columns].tolist() == targets
    assert vocabulary.tolist() == sorted(set(vocabulary.tolist()))
    assert set(always) <= set(vocabulary.tolist()) <= set(range(200))
    assert len(vocabulary) <= len(set(targets) | set(always)) + sample


def test_sampling_everything_gives_the_full_softmax() -> None:
    targets = torch.tensor([2, 5])
    logits = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    vocabulary, columns = sampled_vocabulary(targets, torch.arange(6), 6, 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        generation_loss(logits[:, vocabulary], columns, len(targets)), functional.cross_entropy(logits, targets)
    )
