"""Whether two systems differ on a benchmark: a paired test and an interval of the difference, both over documents.

The p-value is of approximate randomisation (Noreen 1989; Yeh 2000), the interval of a paired bootstrap
(Berg-Kirkpatrick et al. 2012).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinker.errors import InputError
from elinker.evaluation.intervals import Interval
from elinker.evaluation.metrics import Measure, Scores
from elinker.evaluation.resampling import (
    Average,
    Resampling,
    counts_matrix,
    draws,
    figures_of,
    observed,
    swaps,
    weighted,
)

FIGURES = ("precision", "recall", "f1")
_ROUNDING = 1e-12
"""Differences this close are the same: they come from sums in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two systems. `difference` is the second minus the first; `p` is two-sided, in (0, 1]."""

    first: float
    second: float
    difference: Interval
    p: float

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON values."""
        return {"first": self.first, "second": self.second, "difference": self.difference.to_json(), "p": self.p}


def compare_scores(first: Scores, second: Scores, resampling: Resampling) -> Mapping[str, Difference]:
    """The figures of two systems on one benchmark, by names like `linking micro f1`.

    Raises:
        InputError: the systems were scored on unequal numbers of documents, or on none.
    """
    wanted = [(name, average, figure) for name in _MEASURES for average in Average for figure in FIGURES]
    compared = {
        (name, average): compare_measures(getattr(first, name), getattr(second, name), average, resampling)
        for name in _MEASURES
        for average in Average
    }
    return {f"{name} {average} {figure}": compared[name, average][figure] for name, average, figure in wanted}


_MEASURES = ("detection", "linking", "linking_strict")


def compare_measures(
    first: Measure, second: Measure, average: Average, resampling: Resampling
) -> Mapping[str, Difference]:
    """Precision, recall and F1 of one measure for two systems, the n-th document of both being the same.

    The p-value is (k + 1) / (n + 1): in k of n resamples, each of which lets the systems change places in every
    document with a chance of one half, the difference is at least as large as the one seen, in either direction.

    Raises:
        InputError: there are unequal numbers of documents, or none.
    """
    if len(first.per_document) != len(second.per_document) or not first.per_document:
        raise InputError(
            f"{len(first.per_document)} and {len(second.per_document)} documents cannot be compared in pairs",
            hint="both systems need the same benchmark",
        )
    one, other = counts_matrix(first.per_document), counts_matrix(second.per_document)
    seen = _row(second, average) - _row(first, average)
    reached = np.zeros(len(FIGURES), dtype=np.int64)
    for swapped in swaps(len(one), resampling):
        differences = _swapped(one, other, swapped, average)
        reached += (np.abs(differences) >= np.abs(seen) - _ROUNDING).sum(axis=0)
    samples = np.concatenate(
        [weighted(other, drawn, average) - weighted(one, drawn, average) for drawn in draws(len(one), resampling)]
    )
    outside = (1 - resampling.confidence) / 2
    low, high = np.quantile(samples, [outside, 1 - outside], axis=0)
    values = (_row(first, average), _row(second, average))
    return {
        figure: Difference(
            first=float(values[0][column]),
            second=float(values[1][column]),
            difference=Interval(float(seen[column]), float(low[column]), float(high[column])),
            p=(int(reached[column]) + 1) / (resampling.resamples + 1),
        )
        for column, figure in enumerate(FIGURES)
    }


def _row(measure: Measure, average: Average) -> NDArray[np.float64]:
    own = observed(measure, average)
    return np.array([own.precision, own.recall, own.f1])


def _swapped(
    one: NDArray[np.int64], other: NDArray[np.int64], swapped: NDArray[np.bool_], average: Average
) -> NDArray[np.float64]:
    """Differences with the systems' places changed. *Shape:* (documents, 3) twice, (n, documents) to (n, 3)."""
    if average is Average.MICRO:
        moved = swapped.astype(np.int64) @ (other - one)
        return figures_of(other.sum(axis=0) - moved) - figures_of(one.sum(axis=0) + moved)
    signs = np.where(swapped, -1.0, 1.0)
    differences: NDArray[np.float64] = signs @ (figures_of(other) - figures_of(one)) / len(one)
    return differences
