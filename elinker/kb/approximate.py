"""Approximate search that ends in exact scores: an index proposes rows, `vectors.npy` decides between them."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.arrays import load_array
from elinker.kb.index import MARGIN, Found, RowIndex
from elinker.kb.kinds import SearchSettings
from elinker.kb.proposals import Proposer
from elinker.kb.vectors import Vectors, check_rows, open_vectors

_NOT_A_SCORE = -2.0


class ApproximateIndex(RowIndex):
    """An index that misses a few of the nearest rows; the scores of those that it finds are exact.

    Args:
        proposer: proposes rows.
        exact: the vectors of all rows. *Shape:* (count, dim).
        settings: how far to search, and how many proposals to compare exactly; more where `k` asks for it.
    """

    def __init__(self, proposer: Proposer, exact: Vectors, settings: SearchSettings) -> None:
        self.proposer = proposer
        self.exact = exact
        self.settings = settings

    @classmethod
    def open(
        cls, index: Path, vectors: Path, slots: Path | None, *, factory: str, dim: int, settings: SearchSettings
    ) -> "ApproximateIndex":
        """Memory-map the files of an index.

        Raises:
            KnowledgeBaseError: a file is not what it should be, or they do not belong together.
        """
        exact = open_vectors(vectors)
        if exact.shape[1] != dim:
            raise KnowledgeBaseError(f"{vectors} has {exact.shape[1]} dimensions, the manifest says {dim}")
        proposer = Proposer.open(index, factory, dim, slots=None if slots is None else open_slots(slots))
        if len(exact) != len(proposer):
            raise KnowledgeBaseError(f"{vectors} has {len(exact)} rows, {index} {len(proposer)}")
        return cls(proposer, exact, settings)

    def __len__(self) -> int:
        return len(self.exact)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.exact.shape[1])

    def vectors(self, rows: ArrayLike) -> Vectors:
        """The vectors of rows. *Shape:* (len(rows), dim)."""
        return np.asarray(self.exact[check_rows(rows, len(self))])

    def _proposed(self, k: int) -> int:
        return min(max(self.settings.refine, k + MARGIN), len(self))

    def _search_batch(self, queries: Vectors, k: int) -> Found:
        rows = self._proposals(queries, self._proposed(k), k)
        scores = np.full(rows.shape, _NOT_A_SCORE, np.float32)
        owners, columns = np.nonzero(rows >= 0)
        scores[owners, columns] = self._scores(queries, owners, rows[owners, columns])
        order = np.lexsort((rows, -scores), axis=1)[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)

    def _proposals(self, queries: Vectors, count: int, k: int) -> NDArray[np.int64]:
        """At least `k` rows a query: where the index finds fewer it searches farther, and takes any rows at last."""
        rows = self.proposer.propose(queries, count, self.settings)
        widening, widest = 1, self.proposer.widest(self.settings)
        lacking = np.flatnonzero((rows >= 0).sum(axis=1) < k)
        while len(lacking) and widening < widest:
            widening *= 4
            rows[lacking] = self.proposer.propose(queries[lacking], count, self.settings, widening=widening)
            lacking = lacking[(rows[lacking] >= 0).sum(axis=1) < k]
        for number in lacking:
            found = rows[number][rows[number] >= 0]
            others = np.setdiff1d(np.arange(min(k + len(found), len(self))), found)
            rows[number, : len(found)] = found
            rows[number, len(found) : k] = others[: k - len(found)]
        return rows


def open_slots(path: Path) -> NDArray[np.int64]:
    """The rows of the nodes of a graph, -1 for a removed one. *Shape:* (nodes,).

    Raises:
        KnowledgeBaseError: the file is not a vector of int64.
    """
    slots = load_array(path, mapped=False)
    if slots.dtype != np.int64 or slots.ndim != 1 or not len(slots):
        raise KnowledgeBaseError(f"{path} is not a vector of int64")
    return slots
