"""Vectors of unit length by row: scaling, exact cosines of pairs, and `vectors.npy`, which keeps them on disk.

Proposing rows for a query is in `index` and `approximate`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.arrays import load_array

_SCALARS = 1 << 18
_COPIED_SCALARS = 1 << 24

Vectors = NDArray[np.float32]


def unit(vectors: ArrayLike, dim: int) -> Vectors:
    """Vectors scaled to unit length; zero where there is no direction. *Shape:* (n, dim).

    Raises:
        KnowledgeBaseError: they are not of length `dim`.
    """
    values = np.asarray(vectors, np.float64)
    if values.size == 0:
        return np.empty((0, dim), np.float32)
    if values.ndim != 2 or values.shape[1] != dim:
        raise KnowledgeBaseError(f"vectors of shape {values.shape} do not fit a base of {dim} dimensions")
    values = np.where(np.isfinite(values).all(axis=1, keepdims=True), values, 0.0)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.ascontiguousarray(values / np.where(lengths == 0.0, 1.0, lengths), np.float32)


def storable(vectors: ArrayLike, dim: int) -> Vectors:
    """Entity vectors scaled to unit length. *Shape:* (n, dim).

    Raises:
        KnowledgeBaseError: a vector is zero or not finite, or not of length `dim`.
    """
    scaled = unit(vectors, dim)
    if not scaled.any(axis=1).all():
        raise KnowledgeBaseError("the model gave an entity a vector that is zero or not finite")
    return scaled


def pair_scores(
    fetch: Callable[[NDArray[np.int64]], Vectors],
    queries: Vectors,
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.float32]:
    """The cosine of each pair (queries[owners[i]], vector of rows[i]), each computed alone in float64.

    *Shape:* (len(rows),).
    """
    scores = np.empty(len(rows), np.float32)
    step = max(1, _SCALARS // queries.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        products = fetch(rows[part]).astype(np.float64)
        products *= queries[owners[part]]
        scores[part] = products.sum(axis=1)
    return np.clip(scores, -1.0, 1.0)


def check_rows(rows: ArrayLike, count: int) -> NDArray[np.int64]:
    """Row numbers as an array.

    Raises:
        IndexError: one is not in a base of `count` vectors.
    """
    wanted = np.ascontiguousarray(rows, np.int64).reshape(-1)
    if len(wanted) and not (wanted.min() >= 0 and wanted.max() < count):
        raise IndexError(f"rows {wanted.min()} to {wanted.max()} of an index of {count} vectors")
    return wanted


def open_vectors(path: Path) -> Vectors:
    """Memory-map `vectors.npy`. *Shape:* (count, dim).

    Raises:
        KnowledgeBaseError: it is not a table of float32.
    """
    values = load_array(path)
    if values.dtype != np.float32 or values.ndim != 2 or not values.flags.c_contiguous:
        raise KnowledgeBaseError(f"{path} is not a table of float32")
    return values


def write_vectors(path: Path, blocks: Iterator[Vectors], count: int, dim: int) -> None:
    """Write blocks of vectors, `count` in all, one after the other to a .npy file. *Shape:* each (n, dim)."""
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    end = 0
    for block in blocks:
        target[end : end + len(block)] = block
        end += len(block)


def blocks_of(vectors: Vectors, keep: NDArray[np.bool_] | None = None) -> Iterator[Vectors]:
    """The vectors in blocks of bounded size; with `keep`, one flag a row, only those rows."""
    step = max(1, _COPIED_SCALARS // vectors.shape[1])
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step]
        yield block if keep is None else block[keep[start : start + step]]
