"""The losses of OneGen (arXiv 2409.05152, section 3.2): cross-entropy on GEN tokens, contrastive on RET tokens."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class RetrievalLoss(Protocol):
    """A contrastive loss over cosine similarities, one value per anchor."""

    def __call__(self, similarity: Tensor, positive: Tensor, negatives: Tensor) -> Tensor:
        """Loss per anchor.

        Shape:
            similarity: (anchors, documents), cosines over the hidden dimension; positive: (anchors,), a column each;
            negatives: (anchors, documents), true where a document is a negative of the anchor; result: (anchors,).
        """
        ...


class InfoNCE(nn.Module):
    """Cross-entropy of the positive among positive and negatives, at a temperature (van den Oord et al. 2018)."""

    def __init__(self, temperature: float = 0.02) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, similarity: Tensor, positive: Tensor, negatives: Tensor) -> Tensor:
        """See `RetrievalLoss`."""
        kept = negatives.scatter(1, positive[:, None], True)
        logits = (similarity / self.temperature).masked_fill(~kept, float("-inf"))
        return functional.cross_entropy(logits, positive, reduction="none")


class BPR(nn.Module):
    """Mean of -log sigmoid(s+ - s-) over each anchor's negatives (Rendle et al. 2009); 0 for an anchor without any."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, similarity: Tensor, positive: Tensor, negatives: Tensor) -> Tensor:
        """See `RetrievalLoss`."""
        margin = (similarity.gather(1, positive[:, None]) - similarity) / self.temperature
        losses = -functional.logsigmoid(margin) * negatives
        return losses.sum(dim=1) / negatives.sum(dim=1).clamp(min=1)


def generation_loss(logits: Tensor, targets: Tensor, count: int) -> Tensor:
    """Cross-entropy of the tokens with role GEN, summed and divided by `count`, the number of targets of the batch.

    Shape:
        logits: (positions, choices); targets: (positions,), a column each; result: scalar.
    """
    return functional.cross_entropy(logits.float(), targets, reduction="sum") / max(1, count)


def sampled_vocabulary(
    targets: Tensor, always: Tensor, size: int, sample: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A part of the vocabulary that holds all targets, for a softmax that costs less than the transformer.

    Args:
        targets: token ids, shape (positions,).
        always: ids that are always in it (markers, end).
        size: size of the vocabulary.
        sample: number of random ids beside the batch's own; 0 takes the whole vocabulary.
        generator: source of the random ids.

    Returns:
        The chosen ids, sorted, and for each target its column among them.
    """
    if sample == 0:
        return torch.arange(size), targets
    extra = torch.randint(size, (sample,), generator=generator)
    chosen = torch.unique(torch.cat([targets, always, extra]))
    return chosen, torch.searchsorted(chosen, targets)
