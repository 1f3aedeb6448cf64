"""Which FAISS index for how many vectors, and how it is trained and searched. Making and reading indexes is elsewhere.

The numbers come from `benchmarks/index_tradeoff.py`; docs/knowledge-bases.md shows its table.
"""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from elinker.errors import UsageError

FLAT = "Flat"
"""FAISS factory string of exact search: every vector as it is, compared with every query."""

AUTO = "auto"
KINDS = ("flat", "hnsw", "ivfpq")
"""Names for factory strings that fit the number of vectors; any other word is taken as a factory string itself."""

_EXACT_SCALARS = 20_000_000
_GRAPH_SCALARS = 100_000_000
_MAX_LISTS = 65_536
_FEWEST_PROBED = 64
_CODE_PARTS = 256
_SAMPLE_PER_LIST = 40
_SAMPLE = 65_536
_SAMPLE_SCALARS = 1 << 29
_NUMBER_LIMITS = (("x", 12), ("HNSW", 256), ("", 1 << 20))
"""The largest number that may stand behind a part of a factory string: a string must not ask for all memory."""

_FACTORY = re.compile(r"[A-Za-z0-9_,x]{1,80}")

Positive = Annotated[int, Field(ge=1, le=1 << 20)]


class SearchSettings(BaseModel):
    """How an approximate index is searched; None for a part that the index does not have.

    Args:
        nprobe: inverted lists that are read for a query.
        ef_search: nodes of an HNSW graph that are kept as the search goes on; where the graph leads to inverted lists,
            more of them than `nprobe`.
        refine: proposed rows whose exact cosine is computed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nprobe: Positive | None = None
    ef_search: Positive | None = None
    refine: Positive = 64


def factory_for(kind: str, count: int, dim: int) -> str:
    """The FAISS factory string of a kind for `count` vectors of length `dim`; a factory string is returned as it is.

    Raises:
        UsageError: the string is longer or asks for more than a base may hold.
    """
    if kind == AUTO:
        scalars = count * dim
        kind = "flat" if scalars <= _EXACT_SCALARS else "hnsw" if scalars <= _GRAPH_SCALARS else "ivfpq"
    if kind == "flat":
        return FLAT
    if kind == "hnsw":
        return "HNSW32_SQ8"
    if kind == "ivfpq":
        return f"IVF{_lists(count)}_HNSW16,PQ{_divisor(dim, max(4, dim // _CODE_PARTS))}x4fs"
    check_factory(kind)
    return kind


def check_factory(factory: str) -> None:
    """Refuse a factory string that asks FAISS for more than a base may hold.

    Raises:
        UsageError: it has other characters than FAISS uses, is too long, or has a number that is too large.
    """
    known = f"one of {AUTO}, {', '.join(KINDS)}, or a FAISS factory string such as IVF1024,SQ8"
    if not _FACTORY.fullmatch(factory):
        raise UsageError(f"index {factory!r} is not a FAISS factory string", hint=f"take {known}")
    for prefix, digits in re.findall(r"([A-Za-z]*)(\d+)", factory):
        limit = next(limit for name, limit in _NUMBER_LIMITS if prefix.endswith(name))
        if len(digits) > 9 or int(digits) > limit:
            raise UsageError(f"index {factory!r} has {prefix}{digits}, the most is {limit}", hint=f"take {known}")


def search_settings(factory: str) -> SearchSettings | None:
    """The default search settings of a factory string; None for `Flat`, whose search is exact."""
    if factory == FLAT:
        return None
    lists = re.search(r"IVF(\d+)", factory)
    if lists:
        nprobe = min(int(lists[1]), max(_FEWEST_PROBED, 3 * int(lists[1]) // 64))
        return SearchSettings(nprobe=nprobe, ef_search=3 * nprobe // 2 if "HNSW" in factory else None)
    return SearchSettings(ef_search=128 if "HNSW" in factory else None)


def sample_size(lists: int, count: int, dim: int) -> int:
    """How many vectors an index with so many inverted lists is trained on.

    40 a list and at least 65,536, as far as there are so many and they fit 2 GiB.
    """
    return min(count, max(_SAMPLE, _SAMPLE_PER_LIST * lists), max(1, _SAMPLE_SCALARS // dim))


def _lists(count: int) -> int:
    """The power of two that is nearest to four times the square root of the number of vectors."""
    lists = 16
    while lists * lists * 2 <= 16 * count and lists < _MAX_LISTS:
        lists *= 2
    return lists


def _divisor(dim: int, width: int) -> int:
    """Into how many parts of at least `width` a vector can be cut, all of the same size."""
    return next(parts for parts in range(max(1, dim // width), 0, -1) if dim % parts == 0)
