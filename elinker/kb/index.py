"""`index.faiss` of kind `Flat`: the vectors of a base and their exact search; and what every kind of search shares.

What the rows mean is none of its business. Indexes that propose rows from codes are in `approximate`.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from struct import Struct
from typing import Any

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.kinds import FLAT
from elinker.kb.vectors import Vectors, check_rows, pair_scores, storable, unit

MARGIN = 16
"""How many more rows than asked for are proposed, so that exact scores decide which ones are nearest."""

_HEADER = Struct("<4siqqq?iQ")
_QUERIES = 1024
_PAIRS = 1 << 20

Found = tuple[NDArray[np.float32], NDArray[np.int64]]


class RowIndex(ABC):
    """Vectors of unit length by row, searched by inner product."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @abstractmethod
    def vectors(self, rows: ArrayLike) -> Vectors:
        """The vectors of rows. *Shape:* (len(rows), dim).

        Raises:
            IndexError: there is no such row.
        """

    @abstractmethod
    def _search_batch(self, queries: Vectors, k: int) -> Found:
        """`search` of a bounded number of queries of unit length, `k` being at least 1 and at most `len(self)`."""

    def search(self, vectors: ArrayLike, k: int) -> Found:
        """Cosine scores and rows of the `k` nearest vectors, best first, ties by lower row.

        The index proposes rows, more than asked for; their scores are computed again from the exact vectors, pair by
        pair, so that they do not depend on how many queries there are. Memory is needed for one batch of queries
        only. A query that is zero or not finite scores 0 with every row.

        *Shape:* vectors (n, dim) to scores (n, k) and rows (n, k); `k` is cut to the number of rows.

        Raises:
            KnowledgeBaseError: the vectors are not of the index's length.
        """
        queries = unit(vectors, self.dim)
        k = max(0, min(k, len(self)))
        scores = np.zeros((len(queries), k), np.float32)
        rows = np.tile(np.arange(k, dtype=np.int64), (len(queries), 1))
        if k == 0:
            return scores, rows
        sound = np.flatnonzero(queries.any(axis=1))
        step = max(1, min(_QUERIES, _PAIRS // self._proposed(k)))
        for start in range(0, len(sound), step):
            part = sound[start : start + step]
            scores[part], rows[part] = self._search_batch(queries[part], k)
        return scores, rows

    def _proposed(self, k: int) -> int:
        """How many rows are proposed for a query."""
        return min(k + MARGIN, len(self))

    def _scores(self, queries: Vectors, owners: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return pair_scores(self.vectors, queries, owners, rows)


class VectorIndex(RowIndex):
    """Every vector as it is, compared with every query: the search is exact.

    FAISS adds up in an order that depends on the number of queries. So where the error bound of its scores leaves open
    whether a row was missed among the proposed ones, all rows above the bound are fetched.
    """

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
        _check_flat(path)
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        except (RuntimeError, MemoryError) as error:
            reason = (str(error) or "out of memory").splitlines()[0]
            raise KnowledgeBaseError(f"{path} cannot be read: {reason}") from None
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
        self.append(storable(vectors, self.dim))

    def append(self, vectors: Vectors) -> None:
        """Append vectors of unit length as they are. *Shape:* (n, dim)."""
        self._index.add(vectors)

    def vectors(self, rows: ArrayLike) -> Vectors:
        """The vectors of rows. *Shape:* (len(rows), dim)."""
        wanted = check_rows(rows, len(self))
        if not len(wanted):
            return np.empty((0, self.dim), np.float32)
        return np.asarray(self._index.reconstruct_batch(wanted), np.float32)

    def _search_batch(self, queries: Vectors, k: int) -> Found:
        proposed = self._proposed(k)
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

    def _search_above(self, query: Vectors, bound: float, k: int) -> Found:
        _, _, rows = self._index.range_search(query, bound)
        exact = self._scores(query, np.zeros(len(rows), np.int64), rows)
        order = np.lexsort((rows, -exact))[:k]
        return exact[order], rows[order]


def _check_flat(path: Path) -> None:
    """Whether a file has the header of a flat index and is as long as it says: FAISS reads on beyond the end.

    The header (FAISS, `write_index`): "IxFI", dimensions, number of vectors, two unused numbers, whether it is trained,
    the metric; behind it the number of scalars, and then they.

    Raises:
        KnowledgeBaseError: it has not, or is not.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            size = file.seek(0, 2)
    except OSError as error:
        raise KnowledgeBaseError(f"{path} cannot be read: {error.strerror}") from None
    if len(header) < _HEADER.size or not header.startswith(b"IxFI"):
        raise KnowledgeBaseError(f"{path} is not a flat inner-product index")
    _, dim, count, _, _, _, _, scalars = _HEADER.unpack(header)
    if dim < 1 or count < 0 or scalars != dim * count or size != _HEADER.size + 4 * scalars:
        raise KnowledgeBaseError(f"{path} has {size} bytes for {count} vectors of {dim} dimensions: it is damaged")
