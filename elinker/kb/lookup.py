"""From an id or a name to rows: sorted 64-bit hashes beside their rows, memory-mapped.

Hashes can collide, so a hit is only a suggestion: the base compares it with the real string.
"""

from array import array
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.arrays import load_array
from elinker.kb.names import normalise_name, text_hash
from elinker.kb.table import EntityTable


class HashLookup:
    """*Shape:* hashes (n,) uint64, sorted; rows (n,) int64, ascending among equal hashes."""

    def __init__(self, hashes: NDArray[np.uint64], rows: NDArray[np.int64]) -> None:
        self.hashes = hashes
        self.rows = rows

    @classmethod
    def of_ids(cls, table: EntityTable) -> "HashLookup":
        """The hash of every id."""
        return cls.of_texts(zip(table.ids(), count(), strict=False))

    @classmethod
    def of_names(cls, table: EntityTable) -> "HashLookup":
        """The hash of every distinct normalised name of every entity."""
        return cls._sorted(_name_hashes(table))

    @classmethod
    def of_texts(cls, pairs: Iterable[tuple[str, int]]) -> "HashLookup":
        """The hash of every text with its row; a text may have several rows, and a row several texts."""
        return cls._sorted((text_hash(text), row) for text, row in pairs)

    @classmethod
    def open(cls, hashes: Path, rows: Path) -> "HashLookup":
        """Memory-map both arrays.

        Raises:
            KnowledgeBaseError: they are not two arrays of the same length and the right types.
        """
        arrays = []
        for path, kind in ((hashes, np.uint64), (rows, np.int64)):
            values = load_array(path)
            if values.dtype != kind or values.ndim != 1:
                raise KnowledgeBaseError(f"{path} is not a vector of {np.dtype(kind)}")
            arrays.append(values)
        if len(arrays[0]) != len(arrays[1]):
            raise KnowledgeBaseError(f"{hashes} and {rows} differ in length")
        return cls(*arrays)

    def write(self, hashes: Path, rows: Path) -> None:
        """Write both arrays as .npy files."""
        np.save(hashes, self.hashes, allow_pickle=False)
        np.save(rows, self.rows, allow_pickle=False)

    def __len__(self) -> int:
        return len(self.hashes)

    def suggestions(self, text: str) -> list[int]:
        """The rows whose text has the same hash, ascending."""
        wanted = np.uint64(text_hash(text))
        first, last = (int(np.searchsorted(self.hashes, wanted, side=side)) for side in ("left", "right"))
        return [int(row) for row in self.rows[first:last]]

    def collisions(self) -> Iterator[list[int]]:
        """Groups of rows that share a hash: candidates for duplicates."""
        shared = np.flatnonzero(self.hashes[1:] == self.hashes[:-1])
        for value in np.unique(self.hashes[shared]):
            first, last = (int(np.searchsorted(self.hashes, value, side=side)) for side in ("left", "right"))
            yield [int(row) for row in self.rows[first:last]]

    @classmethod
    def _sorted(cls, pairs: Iterator[tuple[int, int]]) -> "HashLookup":
        hashes, rows = array("Q"), array("q")
        for hashed, row in pairs:
            hashes.append(hashed)
            rows.append(row)
        unsorted = np.frombuffer(hashes, np.uint64) if hashes else np.empty(0, np.uint64)
        order = np.argsort(unsorted, kind="stable")
        return cls(unsorted[order], np.array(rows, np.int64)[order])


def _name_hashes(table: EntityTable) -> Iterator[tuple[int, int]]:
    row = 0
    for batch in table.batches():
        for entity in batch:
            for name in sorted({normalise_name(name) for name in entity.names} - {""}):
                yield text_hash(name), row
            row += 1
