"""Confidence intervals of figures by bootstrap over documents (Efron 1979): percentiles of resampled benchmarks.

Documents are drawn, not mentions, because mentions of one document are not independent of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinker.evaluation.metrics import Figures, Measure, Share
from elinker.evaluation.resampling import Average, Resampling, counts_matrix, draws, observed, weighted


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds between which the share `confidence` of resampled figures lies."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Value, low and high as plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class FigureIntervals:
    """Intervals of precision, recall and F1."""

    precision: Interval
    recall: Interval
    f1: Interval

    def to_json(self) -> dict[str, Any]:
        """All intervals as plain JSON values."""
        return {"precision": self.precision.to_json(), "recall": self.recall.to_json(), "f1": self.f1.to_json()}


def measure_intervals(measure: Measure, average: Average, resampling: Resampling) -> FigureIntervals | None:
    """Intervals of a measure's figures; None where there is no document."""
    if not measure.per_document:
        return None
    matrix = counts_matrix(measure.per_document)
    samples = np.concatenate([weighted(matrix, drawn, average) for drawn in draws(len(matrix), resampling)])
    own: Figures = observed(measure, average)
    low, high = _bounds(samples, resampling.confidence)
    return FigureIntervals(
        *(
            Interval(value, float(low[column]), float(high[column]))
            for column, value in enumerate((own.precision, own.recall, own.f1))
        )
    )


def share_interval(per_document: Sequence[Share], resampling: Resampling) -> Interval | None:
    """The interval of a share that is summed over documents; None of nothing.

    Resamples without anything to judge are left out.
    """
    total = Share(sum(share.part for share in per_document), sum(share.whole for share in per_document))
    if total.value is None:
        return None
    matrix = np.array([(share.part, share.whole) for share in per_document], dtype=np.int64)
    sums = np.concatenate([drawn @ matrix for drawn in draws(len(matrix), resampling)])
    sums = sums[sums[:, 1] > 0]
    low, high = _bounds(sums[:, :1] / sums[:, 1:], resampling.confidence)
    return Interval(total.value, float(low[0]), float(high[0]))


def _bounds(samples: NDArray[np.float64], confidence: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outside = (1 - confidence) / 2
    low, high = np.quantile(samples, [outside, 1 - outside], axis=0)
    return low, high
