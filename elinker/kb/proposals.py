"""A FAISS index that proposes rows for a query from codes or a graph. Exact scores are made in `approximate`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.clustering import single_thread, train
from elinker.kb.faiss_file import clear_tail, empty_index, inner, is_graph, is_lists, list_ids, read_index
from elinker.kb.kinds import SearchSettings, sample_size
from elinker.kb.progress import Progress
from elinker.kb.vectors import Vectors

_FAISS: Any = faiss
"""FAISS without its type stubs, which lack search parameters."""

_ADDED = 4096
_FEWEST_LIVE = 0.8


class Proposer:
    """Proposes rows; a row number is the id of a vector in FAISS, or, with `slots`, `slots[id]`.

    Inverted lists and plain codes forget a removed vector, and the ids behind it move up. A node of an HNSW graph
    cannot be taken out: there `slots` says which row a node stands for, and -1 for a removed one, which is still passed
    on the way to others but never proposed.

    Args:
        index: a FAISS index of inner products.
        slots: *Shape:* (index.ntotal,); None while every id is its row.
    """

    def __init__(self, index: Any, slots: NDArray[np.int64] | None = None) -> None:
        self._index = index
        self._inner = inner(index)
        self.slots = slots

    @classmethod
    def create(cls, factory: str, dim: int) -> "Proposer":
        """An empty one, to be trained.

        Raises:
            UsageError: the factory string is not usable.
        """
        return cls(empty_index(factory, dim))

    @classmethod
    def open(
        cls, path: Path, factory: str, dim: int, *, slots: NDArray[np.int64] | None = None, mapped: bool = True
    ) -> "Proposer":
        """Memory-map an index to search it, or with `mapped=False` read it into memory to change it.

        Raises:
            KnowledgeBaseError: the file is not what the factory string says, or `slots` do not fit it.
        """
        index = read_index(path, factory, dim, mapped=mapped)
        if slots is not None and not (is_graph(inner(index)) and slots_fit(slots, index.ntotal)):
            raise KnowledgeBaseError(f"the rows of the nodes in {path} are not those of its graph")
        return cls(index, slots)

    def write(self, path: Path) -> None:
        """Write the FAISS index to a file, without the slots."""
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal) if self.slots is None else int(np.count_nonzero(self.slots >= 0))

    @property
    def crowded(self) -> bool:
        """Whether so many nodes were removed that the graph should be made again."""
        return self.slots is not None and len(self) < _FEWEST_LIVE * len(self.slots)

    def train(self, vectors: Vectors, report: Progress) -> None:
        """Train on a sample of the vectors to come: the same one each time. *Shape:* (count, dim)."""
        lists = int(self._inner.nlist) if is_lists(self._inner) else 0
        size = sample_size(lists, len(vectors), vectors.shape[1])
        chosen = np.sort(np.random.default_rng(0).choice(len(vectors), size, replace=False))
        if not self._index.is_trained or lists:
            train(self._index, np.ascontiguousarray(vectors[chosen]), report)

    def add(self, vectors: Vectors, report: Progress) -> None:
        """Append vectors of unit length as the next rows. *Shape:* (n, dim)."""
        first = len(self)
        # a graph that several threads make is another one each time
        with single_thread() if is_graph(self._inner) else nullcontext():
            for start in range(0, len(vectors), _ADDED):
                block = np.ascontiguousarray(vectors[start : start + _ADDED])
                self._index.add(block)
                report("indexing", len(block), len(vectors))
        if self.slots is not None:
            self.slots = np.concatenate([self.slots, np.arange(first, first + len(vectors))])

    def remove(self, keep: NDArray[np.bool_]) -> None:
        """Remove the rows that are not flagged; the others move up. *Shape:* (len(self),)."""
        moved = np.where(keep, np.cumsum(keep) - 1, -1)
        if is_graph(self._inner):
            slots = np.arange(self._index.ntotal) if self.slots is None else self.slots
            self.slots = np.where(slots >= 0, moved[slots], -1)
            return
        self._index.remove_ids(_selector(~keep))
        if is_lists(self._inner):
            for number in range(self._inner.nlist):
                ids = list_ids(self._inner, number)
                ids[:] = moved[ids]
                clear_tail(self._inner, number)

    def propose(
        self, queries: Vectors, count: int, settings: SearchSettings, *, widening: int = 1
    ) -> NDArray[np.int64]:
        """Rows that may be the nearest, -1 where there are no more. *Shape:* (len(queries), count).

        Args:
            queries: vectors of unit length.
            count: how many rows to propose.
            settings: how far to search.
            widening: by how much farther than that.

        Raises:
            KnowledgeBaseError: the index proposes a row that does not exist.
        """
        parameters, _kept = self._parameters(settings, count, widening)
        _, ids = self._index.search(queries, count, params=parameters)
        rows = ids if self.slots is None else np.where(ids >= 0, self.slots[ids], -1)
        if rows.size and rows.max() >= len(self):
            raise KnowledgeBaseError("the index has a row that does not exist", hint="elinker kb verify DIR")
        return rows

    def widest(self, settings: SearchSettings) -> int:
        """From which widening on there is nothing more to find."""
        if is_lists(self._inner):
            return -(-int(self._inner.nlist) // (settings.nprobe or 1))
        return -(-int(self._index.ntotal) // (settings.ef_search or 1)) if is_graph(self._inner) else 1

    def problem(self) -> str | None:
        """Whether a row is missing or there twice; None where all is well."""
        if not is_lists(self._inner):
            return None
        seen = np.zeros(self._index.ntotal, np.int64)
        for number in range(self._inner.nlist):
            ids = list_ids(self._inner, number)
            if len(ids) and not (ids.min() >= 0 and ids.max() < len(seen)):
                return f"list {number} has a row that does not exist"
            seen[ids] += 1
        wrong = np.flatnonzero(seen != 1)
        return f"row {wrong[0]} is {seen[wrong[0]]} times in the lists" if len(wrong) else None

    def _parameters(self, settings: SearchSettings, count: int, widening: int) -> tuple[Any, Any]:
        """FAISS's search parameters, and what they refer to and must outlive them."""
        inside: Any = None
        kept: list[Any] = []
        if is_lists(self._inner):
            inside = _FAISS.SearchParametersIVF(nprobe=min(int(self._inner.nlist), (settings.nprobe or 1) * widening))
            if is_graph(faiss.downcast_index(self._inner.quantizer)):
                width = max(inside.nprobe, (settings.ef_search or 1) * widening)
                kept.append(_FAISS.SearchParametersHNSW(efSearch=min(int(self._inner.nlist), width)))
                inside.quantizer_params = kept[0]
        elif is_graph(self._inner):
            inside = _FAISS.SearchParametersHNSW(efSearch=self._width(settings, count, widening))
            if self.slots is not None:
                kept.append(_selector(self.slots >= 0))
                inside.sel = kept[0]
        if inside is None or self._inner is self._index:
            return inside, kept
        kept.append(inside)
        return _FAISS.SearchParametersPreTransform(index_params=inside), kept

    def _width(self, settings: SearchSettings, count: int, widening: int) -> int:
        """Nodes of a graph to keep: more where removed ones are among them."""
        total = int(self._index.ntotal)
        wanted = max(count, (settings.ef_search or 1) * widening)
        return min(total, -(-wanted * total // max(1, len(self))))


def slots_fit(slots: NDArray[np.int64], nodes: int) -> bool:
    """Whether each row from 0 on stands for one node and there is a slot for each node."""
    rows = slots[slots >= 0]
    return slots.shape == (nodes,) and bool(slots.min() >= -1) and np.array_equal(np.sort(rows), np.arange(len(rows)))


def _selector(flags: NDArray[np.bool_]) -> Any:
    return _FAISS.IDSelectorBitmap(np.packbits(flags, bitorder="little"))
