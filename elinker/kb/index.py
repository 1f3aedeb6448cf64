"""`index.faiss`: the vectors of a base and their exact search. What the rows mean is none of its business."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinker.errors import KnowledgeBaseError

FLAT = "Flat"
"""FAISS factory string of the one kind there is: every vector as it is, compared with every query."""

_QUERIES = 256
_MARGIN = 16
_PAIRS = 1 << 20
_SCALARS = 1 << 21


class VectorIndex:
    """Vectors of unit length by row, searched by inner product."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def create(cls, dim: int) -> "VectorIndex":
        """An empty index in memory."""
        return cls(faiss.index_factory(dim, FLAT, faiss.METRIC_INNER_PRODUCT))

    @classmethod
    def open(cls, path: Path, *, mapped: bool = True) -> "VectorIndex":
        """Memory-map an index to search it, or with `mapped=False` read it into memory to add to it.

        Raises:
            KnowledgeBaseError: the file is not a flat inner-product index.
        """
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        except RuntimeError as error:
            raise KnowledgeBaseError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
        if not isinstance(index, faiss.IndexFlat) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise KnowledgeBaseError(f"{path} is not a flat inner-product index")
        return cls(index)

    def write(self, path: Path) -> None:
        """Write the index to a file."""
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors, scaled to unit length. *Shape:* (n, dim).

        Raises:
            KnowledgeBaseError: a vector is zero or not finite.
        """
        scaled = self._unit(vectors)
        if not scaled.any(axis=1).all():
            raise KnowledgeBaseError("the model gave an entity a vector that is zero or not finite")
        self._index.add(scaled)

    def vectors(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The vectors of rows. *Shape:* (len(rows), dim)."""
        wanted = np.ascontiguousarray(rows, np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of an index of {len(self)} vectors")
        if not len(wanted):
            return np.empty((0, self.dim), np.float32)
        return np.asarray(self._index.reconstruct_batch(wanted), np.float32)

    def search(self, vectors: ArrayLike, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cosine scores and rows of the `k` nearest vectors, best first, ties by lower row.

        FAISS adds up in an order that depends on the number of queries. So it only proposes rows, a few more than
        asked for; their scores are computed again pair by pair, and where the error bound leaves open whether a row
        was missed, all rows above the bound are fetched. The answer is the same for every batch size and needs
        memory for one batch of queries only. A query that is zero or not finite scores 0 with every row.

        *Shape:* vectors (n, dim) to scores (n, k) and rows (n, k); `k` is cut to the number of rows.

        Raises:
            KnowledgeBaseError: the vectors are not of the index's length.
        """
        queries = self._unit(vectors)
        k = max(0, min(k, len(self)))
        scores = np.zeros((len(queries), k), np.float32)
        rows = np.tile(np.arange(k, dtype=np.int64), (len(queries), 1))
        if k == 0:
            return scores, rows
        sound = np.flatnonzero(queries.any(axis=1))
        step = max(1, min(_QUERIES, _PAIRS // (k + _MARGIN)))
        for start in range(0, len(sound), step):
            part = sound[start : start + step]
            scores[part], rows[part] = self._search_batch(queries[part], k)
        return scores, rows

    def _search_batch(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        proposed = min(k + _MARGIN, len(self))
        approximate, rows = self._index.search(queries, proposed)
        owners = np.repeat(np.arange(len(queries)), proposed)
        exact = self._scores(queries, owners, rows.reshape(-1)).reshape(rows.shape)
        order = np.lexsort((rows, -exact), axis=1)[:, :k]
        scores, rows = np.take_along_axis(exact, order, 1), np.take_along_axis(rows, order, 1)
        if proposed < len(self):
            error = self.dim * 2.0**-23
            for number in np.flatnonzero(approximate[:, -1] + error >= scores[:, -1]):
                scores[number], rows[number] = self._search_above(
                    queries[number : number + 1], float(scores[number, -1]) - 2 * error, k
                )
        return scores, rows

    def _search_above(
        self, query: NDArray[np.float32], bound: float, k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        _, _, rows = self._index.range_search(query, bound)
        exact = self._scores(query, np.zeros(len(rows), np.int64), rows)
        order = np.lexsort((rows, -exact))[:k]
        return exact[order], rows[order]

    def _scores(
        self, queries: NDArray[np.float32], owners: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The cosine of each pair (queries[owners[i]], rows[i]), each computed alone. *Shape:* (len(rows),)."""
        scores = np.empty(len(rows), np.float32)
        step = max(1, _SCALARS // self.dim)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            products = self.vectors(rows[part]).astype(np.float64)
            products *= queries[owners[part]]
            scores[part] = products.sum(axis=1)
        return np.clip(scores, -1.0, 1.0)

    def _unit(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """The vectors scaled to unit length in their own order; zero where there is no direction."""
        values = np.asarray(vectors, np.float64)
        if values.size == 0:
            return np.empty((0, self.dim), np.float32)
        if values.ndim != 2 or values.shape[1] != self.dim:
            raise KnowledgeBaseError(f"vectors of shape {values.shape} do not fit a base of {self.dim} dimensions")
        values = np.where(np.isfinite(values).all(axis=1, keepdims=True), values, 0.0)
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        return np.ascontiguousarray(values / np.where(lengths == 0.0, 1.0, lengths), np.float32)
