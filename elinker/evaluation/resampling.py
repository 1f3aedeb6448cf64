"""Figures of many resampled benchmarks at once, by drawing documents or swapping them between two systems.

What the figures are used for is in `intervals` (how sure is a figure) and `significance` (do two systems differ).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinker.errors import InputError
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Figures, Measure

_CHUNK = 200
"""Resamples drawn at a time, so that memory stays small whatever the benchmark's size."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How often to resample, from which seed, and the level of confidence of intervals, in (0, 1)."""

    resamples: int = 1000
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise InputError(f"{self.resamples} resamples at level {self.confidence} make no interval")

    def generator(self) -> np.random.Generator:
        """A fresh generator: every figure starts from the same seed, so it does not depend on the others."""
        return np.random.default_rng(self.seed)

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return {"resamples": self.resamples, "seed": self.seed, "confidence": self.confidence}


class Average(StrEnum):
    """Whether every mention (micro) or every document (macro) weighs the same."""

    MICRO = "micro"
    MACRO = "macro"


def counts_matrix(per_document: Sequence[Counts]) -> NDArray[np.int64]:
    """Counts as a matrix. *Shape:* (documents, 3): true positives, false positives, false negatives."""
    rows = [(each.true_positives, each.false_positives, each.false_negatives) for each in per_document]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def figures_of(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """`metrics.Figures.of` for many counts. *Shape:* (n, 3) counts to (n, 3) precision, recall, F1."""
    right, false, missed = counts.T.astype(np.float64)
    with np.errstate(invalid="ignore"):
        figures = np.stack(
            [right / (right + false), right / (right + missed), 2 * right / (2 * right + false + missed)]
        )
    figures[:, right == 0] = 0.0
    figures[:, right + false + missed == 0] = 1.0
    return figures.T


def draws(documents: int, resampling: Resampling) -> Iterator[NDArray[np.int64]]:
    """How often each document is drawn, with replacement. *Shape:* chunks of (resamples, documents)."""
    generator = resampling.generator()
    chances = np.full(documents, 1 / documents)
    for size in _sizes(resampling.resamples):
        yield generator.multinomial(documents, chances, size=size)


def swaps(documents: int, resampling: Resampling) -> Iterator[NDArray[np.bool_]]:
    """Whether the systems change places in each document and resample. *Shape:* chunks of (resamples, documents)."""
    generator = resampling.generator()
    for size in _sizes(resampling.resamples):
        yield generator.integers(0, 2, size=(size, documents), dtype=np.int8).astype(bool)


def weighted(matrix: NDArray[np.int64], weights: NDArray[np.int64], average: Average) -> NDArray[np.float64]:
    """Figures of resampled benchmarks. *Shape:* counts (documents, 3), weights (n, documents) to (n, 3)."""
    if average is Average.MICRO:
        return figures_of(weights @ matrix)
    means: NDArray[np.float64] = weights @ figures_of(matrix) / weights.sum(axis=1, keepdims=True)
    return means


def observed(measure: Measure, average: Average) -> Figures:
    """The figures of the benchmark itself."""
    return measure.micro if average is Average.MICRO else measure.macro


def _sizes(resamples: int) -> Iterator[int]:
    for begun in range(0, resamples, _CHUNK):
        yield min(_CHUNK, resamples - begun)
