"""Making, extending and shrinking the vector files of a directory: `index.faiss`, `vectors.npy`, `slots.npy`.

The vectors come in blocks, of unit length, and for an approximate index go to the disk as they come. Entities are
stored by `build`, passages by `elinker.rag.indexing`.
"""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elinker.errors import UsageError
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.directory import VectorDirectory
from elinker.kb.index import RowIndex, VectorIndex
from elinker.kb.kinds import FLAT
from elinker.kb.manifest import INDEX, SLOTS, VECTORS
from elinker.kb.progress import Progress
from elinker.kb.proposals import Proposer
from elinker.kb.vectors import Vectors, blocks_of, open_vectors, write_vectors

_ROWS = 8192


def create(directory: Path, factory: str, blocks: Iterable[Vectors], count: int, dim: int, report: Progress) -> None:
    """Write the files of an index of `count` vectors. *Shape:* each block (n, dim).

    Raises:
        UsageError: there are too few vectors to train the index.
    """
    if factory == FLAT:
        _write_exact(directory, VectorIndex.create(dim), blocks)
        return
    write_vectors(directory / VECTORS, iter(blocks), count, dim)
    _index_all(directory, factory, report)


def extend(directory: Path, base: VectorDirectory, blocks: Iterable[Vectors], count: int, report: Progress) -> None:
    """Write the files of `base` with more vectors behind the old ones, `count` in all; nothing is trained again."""
    old = base.index
    if not isinstance(old, ApproximateIndex):
        _write_exact(directory, VectorIndex.open(base.path / INDEX, mapped=False), blocks)
        return
    write_vectors(directory / VECTORS, chain(blocks_of(old.exact), blocks), count, base.dim)
    proposer = _to_change(base, old)
    proposer.add(open_vectors(directory / VECTORS)[len(old) :], report)
    _write_proposer(directory, proposer)


def shrink(directory: Path, base: VectorDirectory, keep: NDArray[np.bool_], report: Progress) -> None:
    """Write the files of `base` with the flagged rows only, in their order. *Shape:* keep (rows of the index,).

    A graph from which more than a fifth of the nodes were removed is made again from the exact vectors.
    """
    old = base.index
    if not isinstance(old, ApproximateIndex):
        rows = np.flatnonzero(keep)
        _write_exact(directory, VectorIndex.create(base.dim), blocks_of_rows(old, rows, report))
        return
    write_vectors(directory / VECTORS, blocks_of(old.exact, keep), int(keep.sum()), base.dim)
    proposer = _to_change(base, old)
    proposer.remove(keep)
    if proposer.crowded:
        _index_all(directory, base.manifest.index_factory, report)
    else:
        _write_proposer(directory, proposer)


def blocks_of_rows(index: RowIndex, rows: NDArray[np.int64], report: Progress) -> Iterable[Vectors]:
    """The vectors of rows in blocks. *Shape:* each (n, dim)."""
    for start in range(0, len(rows), _ROWS):
        block = index.vectors(rows[start : start + _ROWS])
        report("copying", len(block), len(rows))
        yield block


def _write_exact(directory: Path, index: VectorIndex, blocks: Iterable[Vectors]) -> None:
    for block in blocks:
        index.append(block)
    index.write(directory / INDEX)


def _index_all(directory: Path, factory: str, report: Progress) -> None:
    vectors = open_vectors(directory / VECTORS)
    proposer = Proposer.create(factory, vectors.shape[1])
    try:
        proposer.train(vectors, report)
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2]
        raise UsageError(
            f"an index of kind {factory!r} cannot be trained on {len(vectors)} vectors: {reason}",
            hint="--index auto picks one that fits",
        ) from None
    proposer.add(vectors, report)
    _write_proposer(directory, proposer)


def _to_change(base: VectorDirectory, index: ApproximateIndex) -> Proposer:
    return Proposer.open(
        base.path / INDEX, base.manifest.index_factory, base.dim, slots=index.proposer.slots, mapped=False
    )


def _write_proposer(directory: Path, proposer: Proposer) -> None:
    proposer.write(directory / INDEX)
    if proposer.slots is not None:
        np.save(directory / SLOTS, proposer.slots, allow_pickle=False)
