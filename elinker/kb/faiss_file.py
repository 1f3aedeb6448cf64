"""Reading `index.faiss` of an approximate index that a stranger may have made.

FAISS trusts much of what it reads. So a file is only accepted when its parts are those that FAISS makes from the
manifest's factory string, when nothing in it is larger than the file, and when no number in it leads outside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError, UsageError
from elinker.kb.kinds import check_factory

_SQUEEZED = (
    faiss.IndexFlat,
    faiss.IndexScalarQuantizer,
    faiss.IndexPQ,
    faiss.IndexIVFFlat,
    faiss.IndexIVFScalarQuantizer,
    faiss.IndexIVFPQ,
    faiss.IndexIVFPQFastScan,
    faiss.IndexIVFRaBitQ,
)
_GRAPHS = (faiss.IndexHNSWFlat, faiss.IndexHNSWSQ, faiss.IndexHNSWPQ)
_TRANSFORMS = (faiss.LinearTransform, faiss.NormalizationTransform)
_LOOP_LIMIT = 1 << 24


def empty_index(factory: str, dim: int) -> Any:
    """What FAISS makes of a factory string, without vectors.

    Raises:
        UsageError: FAISS does not know the string, or its parts are not among those that a base can hold.
    """
    check_factory(factory)
    try:
        index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    except (RuntimeError, MemoryError) as error:
        reason = (str(error) or "out of memory").splitlines()[0].rpartition(": ")[2]
        raise UsageError(f"index {factory!r} does not fit {dim} dimensions: {reason}") from None
    known = (*_SQUEEZED, *_GRAPHS, faiss.IndexFlatIP, faiss.IndexFlatL2, faiss.IndexPreTransform)
    for part in [*transforms(index), *_parts(index)]:
        if type(part) not in known and not isinstance(part, _TRANSFORMS):
            raise UsageError(
                f"index {factory!r} has a part of type {type(part).__name__}, which a base cannot hold",
                hint="Flat, SQ, PQ, RaBitQ, HNSW and IVF can be had, with OPQ, PCA, RR or L2norm before",
            )
    return index


def read_index(path: Path, factory: str, dim: int, *, mapped: bool) -> Any:
    """Memory-map the index of a base to search it, or with `mapped=False` read it into memory to change it.

    Raises:
        KnowledgeBaseError: the file is not of the factory string's kind and dimensions, or is damaged.
    """
    try:
        # what is read back has the classes that FAISS writes, a transform of any kind its matrix alone
        empty = faiss.serialize_index(empty_index(factory, dim))
        expected = faiss.deserialize_index(empty)
    except UsageError as error:
        raise KnowledgeBaseError(f"{path}: {error.message}", hint=error.hint) from None
    _check_beginning(path, bytes(empty[:4]))
    try:
        with _bounded_by(path.stat().st_size + _table_bytes(expected)):
            # tables for L2 distances are of no use here, and may be large
            flags = faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE | (faiss.IO_FLAG_MMAP_IFC if mapped else 0)
            index = faiss.read_index(str(path), flags)
    except (RuntimeError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else "out of memory"
        raise KnowledgeBaseError(f"{path} cannot be read: {reason}") from None
    problem = _difference(index, expected)
    if problem is not None:
        raise KnowledgeBaseError(f"{path} is not an index of kind {factory!r}: {problem}")
    return index


def _table_bytes(expected: Any) -> int:
    """What FAISS's own check allows for the L2 tables of inverted lists with product quantizers."""
    lists = inner(expected)
    return 4 * int(lists.nlist * lists.pq.M * lists.pq.ksub) if is_lists(lists) and hasattr(lists, "pq") else 0


def inner(index: Any) -> Any:
    """The index behind the transforms."""
    return faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index


def transforms(index: Any) -> list[Any]:
    """The transforms before an index, in order."""
    if not isinstance(index, faiss.IndexPreTransform):
        return []
    chain: Any = index.chain
    return [faiss.downcast_VectorTransform(chain.at(number)) for number in range(chain.size())]


def is_graph(index: Any) -> bool:
    """Whether it is an HNSW graph."""
    return isinstance(index, faiss.IndexHNSW)


def is_lists(index: Any) -> bool:
    """Whether it is a set of inverted lists."""
    return isinstance(index, faiss.IndexIVF)


def list_ids(index: Any, number: int) -> NDArray[np.int64]:
    """The ids in an inverted list, as a view into the index. *Shape:* (size of the list,)."""
    lists = index.invlists
    size = lists.list_size(number)
    return faiss.rev_swig_ptr(lists.get_ids(number), size) if size else np.empty(0, np.int64)


def clear_tail(index: Any, number: int) -> None:
    """Zero the places behind the last code of a list whose codes lie in blocks, as those of fast-scan PQ do.

    FAISS (1.15) leaves the codes of removed vectors there, and adding sets bits in them without clearing others.
    """
    lists: Any = faiss.downcast_InvertedLists(index.invlists)
    if type(lists).__name__ != "BlockInvertedLists":
        return
    packer: Any = lists.packer
    size, width = lists.list_size(number), lists.n_per_block
    if size % width == 0:
        return
    block = size // width
    codes = faiss.rev_swig_ptr(lists.get_codes(number), (block + 1) * lists.block_size)
    last = codes[block * lists.block_size :].reshape(1, -1)
    nothing = np.zeros(packer.code_size, np.uint8)
    for place in range(size % width, width):
        packer.pack_1(nothing, place, last)


def _check_beginning(path: Path, name: bytes) -> None:
    """A look at the four letters that name the class, before FAISS reads anything."""
    try:
        with path.open("rb") as file:
            found = file.read(4)
    except OSError as error:
        raise KnowledgeBaseError(f"{path} cannot be read: {error.strerror}") from None
    if found != name:
        raise KnowledgeBaseError(f"{path} begins with {found!r}, not with {name!r} as its kind of index does")


@contextmanager
def _bounded_by(size: int) -> Iterator[None]:
    """While it lasts FAISS refuses a vector that is larger than the file, and too many parts."""
    loops, length = faiss.get_deserialization_loop_limit(), faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_loop_limit(_LOOP_LIMIT)
    faiss.set_deserialization_vector_byte_limit(size + 4096)
    try:
        yield
    finally:
        faiss.set_deserialization_loop_limit(loops)
        faiss.set_deserialization_vector_byte_limit(length)


def _parts(index: Any) -> Iterator[Any]:
    """An index and the indexes within it."""
    yield index
    if isinstance(index, faiss.IndexPreTransform):
        yield from _parts(inner(index))
    elif is_graph(index):
        yield from _parts(faiss.downcast_index(index.storage))
    elif is_lists(index):
        yield from _parts(faiss.downcast_index(index.quantizer))


def _difference(index: Any, expected: Any) -> str | None:
    """What is wrong with an index, or None."""
    if type(index) is not type(expected):
        return f"{type(index).__name__} instead of {type(expected).__name__}"
    for name in ("d", "metric_type", "code_size", "nlist", "by_residual", "M2", "bbs"):
        if getattr(index, name, None) != getattr(expected, name, None):
            return f"{name} is {getattr(index, name)}, not {getattr(expected, name)}"
    if not index.is_trained:
        return "it is not trained"
    if isinstance(index, faiss.IndexPreTransform):
        return _chain_difference(index, expected) or _difference(inner(index), inner(expected))
    return _code_problem(index, expected) or _graph_problem(index, expected) or _lists_problem(index, expected)


def _chain_difference(index: Any, expected: Any) -> str | None:
    if len(transforms(index)) != len(transforms(expected)):
        return "another number of transforms"
    for found, wanted in zip(transforms(index), transforms(expected), strict=True):
        if type(found) is not type(wanted) or not isinstance(found, _TRANSFORMS):
            return f"transform {type(found).__name__} instead of {type(wanted).__name__}"
        if (found.d_in, found.d_out) != (wanted.d_in, wanted.d_out) or not found.is_trained:
            return "a transform of other dimensions"
        if isinstance(found, faiss.LinearTransform) and (
            found.A.size() != found.d_in * found.d_out or found.b.size() not in (0, found.d_out)
        ):
            return "a transform whose matrix is of another size"
    return None


def _code_problem(index: Any, expected: Any) -> str | None:
    """Whether the codes, and the tables that give them their meaning, have the sizes that they must have."""
    if hasattr(index, "codes") and index.codes.size() != index.ntotal * index.code_size:
        return f"codes of {index.codes.size()} bytes for {index.ntotal} vectors"
    if hasattr(index, "pq"):
        for name in ("d", "M", "nbits", "dsub", "ksub"):
            if getattr(index.pq, name) != getattr(expected.pq, name):
                return f"product quantizer with another {name}"
        if index.pq.centroids.size() != index.pq.d * index.pq.ksub:
            return "product quantizer with tables of another size"
    if hasattr(index, "sq"):
        if (index.sq.qtype, index.sq.d) != (expected.sq.qtype, expected.sq.d):
            return "scalar quantizer of another type"
        if index.sq.trained.size() not in (0, 2, 2 * index.sq.d):
            return "scalar quantizer with tables of another size"
    return None


def _graph_problem(index: Any, expected: Any) -> str | None:
    """Whether every link of an HNSW graph leads to a node, and every node's links lie in the table."""
    if not is_graph(index):
        return None
    storage = faiss.downcast_index(index.storage)
    if storage.ntotal != index.ntotal:
        return f"{storage.ntotal} codes for {index.ntotal} nodes"
    graph, count = index.hnsw, index.ntotal
    links, ends, levels = (_view(vector) for vector in (graph.neighbors, graph.offsets, graph.levels))
    ends = ends.astype(np.int64)
    widths = _view(graph.cum_nneighbor_per_level)
    if not np.array_equal(widths, _view(expected.hnsw.cum_nneighbor_per_level)):
        return "another number of links a node"
    if len(levels) != count or len(ends) != count + 1 or (count and (levels.min() < 1 or levels.max() >= len(widths))):
        return "levels that do not fit the nodes"
    if ends[0] != 0 or ends[-1] != len(links) or not np.array_equal(np.diff(ends), widths[levels]):
        return "links that do not fit the levels"
    if len(links) and (links.min() < -1 or links.max() >= count):
        return "links that lead outside"
    if count and not (0 <= graph.entry_point < count and 0 <= graph.max_level < levels[graph.entry_point]):
        return "no entry to the graph"
    return _upper_link_problem(links, ends, levels, widths, graph.max_level) or _difference(
        storage, faiss.downcast_index(expected.storage)
    )


def _upper_link_problem(links: Any, ends: Any, levels: Any, widths: Any, highest: int) -> str | None:
    """A link of a level must lead to a node that has that level, or its own links of it would be read elsewhere."""
    for level in range(1, highest + 1):
        nodes = np.flatnonzero(levels > level)
        if not len(nodes):
            return "levels without nodes"
        targets = links[ends[nodes][:, None] + np.arange(widths[level], widths[level + 1])]
        if (levels[targets[targets >= 0]] <= level).any():
            return "links that lead to a lower level"
    return None


def _lists_problem(index: Any, expected: Any) -> str | None:
    if not is_lists(index):
        return None
    quantizer = faiss.downcast_index(index.quantizer)
    if quantizer.ntotal != index.nlist or index.invlists.nlist != index.nlist:
        return f"{quantizer.ntotal} centroids for {index.nlist} lists"
    if index.invlists.code_size != expected.invlists.code_size:
        return "lists with codes of another size"
    sizes = [index.invlists.list_size(number) for number in range(index.nlist)]
    if sum(sizes) != index.ntotal:
        return f"{sum(sizes)} codes for {index.ntotal} vectors"
    return _difference(quantizer, faiss.downcast_index(expected.quantizer))


def _view(vector: Any) -> NDArray[Any]:
    """A C++ vector without copying it."""
    size = vector.size()
    return faiss.rev_swig_ptr(vector.data(), size) if size else np.empty(0, np.int32)
