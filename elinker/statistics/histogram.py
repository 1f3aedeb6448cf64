"""Histograms with edges that are fixed before the first value comes, so that one pass and little memory do."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

SCORE_EDGES = tuple(number / 20 for number in range(21))
MENTION_EDGES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
DOCUMENT_EDGES = (0, 1, *(step * 10**power for power in range(1, 7) for step in (1, 2, 5)))
COUNT_EDGES = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


class Histogram:
    """Counts of values between edges: `counts[i]` are those from `edges[i]` to below `edges[i + 1]`.

    The last bin has all values from the last edge on; with `last_closed` these are in the bin before it.
    """

    def __init__(self, edges: Sequence[float], *, last_closed: bool = False) -> None:
        self.edges = tuple(edges)
        self.counts = [0] * (len(edges) - last_closed)
        self.total = 0
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value that is not below the first edge."""
        self.counts[min(bisect_right(self.edges, value), len(self.counts)) - 1] += 1
        self.total += 1
        self.sum += value

    @property
    def mean(self) -> float | None:
        """The mean of the values themselves; None without any."""
        return self.sum / self.total if self.total else None

    def to_json(self) -> dict[str, Any]:
        """Edges, counts and mean as plain JSON values."""
        return {"mean": self.mean, "edges": list(self.edges), "counts": self.counts}
