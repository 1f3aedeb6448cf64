"""Checks that every directory of vectors can go through; which ones a base or an index needs, its own verify says."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.index import RowIndex
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import IndexManifest

_VECTOR_ROWS = 8192
_PROBES = 256
_FOUND = 0.9
_SAMPLES = 8
SAME = 0.99
"""Cosine of two vectors that one model gives for one text, at least."""


class _Table(Protocol):
    def check(self) -> None: ...


class _Directory(Protocol):
    @property
    def table(self) -> _Table: ...


Opened = TypeVar("Opened", bound=_Directory)


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, and what was found wrong; None where all is well."""

    name: str
    problem: str | None


def opening(
    path: Path, kind: type[IndexManifest], open_: Callable[[Path], Opened]
) -> Generator[Check, None, Opened | None]:
    """The checks up to an opened directory, whose table is read once; it is returned, None where one of them failed."""
    try:
        manifest = kind.read(path)
    except KnowledgeBaseError as error:
        yield Check("manifest", str(error))
        return None
    yield Check("manifest", None)
    yield from checksums(path, manifest)
    try:
        opened = open_(path)
        opened.table.check()
    except KnowledgeBaseError as error:
        yield Check("sizes and counts", str(error))
        return None
    yield Check("sizes and counts", None)
    return opened


def index_checks(index: RowIndex) -> Iterator[Check]:
    """Whether the vectors are sound, and where an index leads to them, whether it does."""
    yield Check("vectors", vector_problem(index))
    if isinstance(index, ApproximateIndex):
        yield Check("index", index_problem(index))


def sampled_rows(count: int) -> NDArray[np.int64]:
    """A few rows of many, evenly spread, to hold against what the model gives now."""
    return np.unique(np.linspace(0, count - 1, _SAMPLES, dtype=np.int64))


def checksums(path: Path, manifest: IndexManifest) -> Iterator[Check]:
    """Whether each file has the checksum that the manifest gives."""
    for record in manifest.files:
        yield Check(f"checksum of {record.name}", _checksum_problem(path / record.name, record.sha256))


def _checksum_problem(path: Path, expected: str) -> str | None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == expected else f"{found[:12]}, the manifest says {expected[:12]}"


def lookup_problem(stored: HashLookup, rebuilt: HashLookup) -> str | None:
    """Whether a lookup is the one that the table gives."""
    if len(stored) != len(rebuilt):
        return f"has {len(stored)} entries, the table gives {len(rebuilt)}"
    wrong = int(np.count_nonzero((stored.hashes != rebuilt.hashes) | (stored.rows != rebuilt.rows)))
    return f"{wrong} entries differ from the table" if wrong else None


def repeated_id(lookup: HashLookup, id_of: Callable[[int], str]) -> str | None:
    """Whether an id occurs more than once."""
    for rows in lookup.collisions():
        ids = [id_of(row) for row in rows]
        if len(set(ids)) != len(ids):
            return f"the id {ids[0]!r} occurs more than once"
    return None


def vector_problem(index: RowIndex) -> str | None:
    """Whether all vectors are of unit length."""
    for start in range(0, len(index), _VECTOR_ROWS):
        vectors = index.vectors(np.arange(start, min(start + _VECTOR_ROWS, len(index))))
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1.0) < 1e-3))
        if len(wrong):
            return f"the vector of row {start + int(wrong[0])} is not of unit length"
    return None


def index_problem(index: ApproximateIndex) -> str | None:
    """Whether an index leads to the vectors that lie beside it: most vectors should find themselves."""
    problem = index.proposer.problem()
    if problem is not None:
        return problem
    rows = np.unique(np.linspace(0, len(index) - 1, _PROBES, dtype=np.int64))
    scores, _ = index.search(index.vectors(rows), 1)
    found = float(np.mean(scores[:, 0] > 1.0 - 1e-5))
    return None if found >= _FOUND else f"only {found:.0%} of the vectors find themselves"


def message_of(check: Callable[[], None]) -> str | None:
    """What a check that raises has to say."""
    try:
        check()
    except KnowledgeBaseError as error:
        return str(error)
    return None
