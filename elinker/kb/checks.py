"""Checks that every directory of vectors can go through; which ones a base or an index needs, its own verify says."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elinker.errors import KnowledgeBaseError
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.index import RowIndex
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import IndexManifest

_VECTOR_ROWS = 8192
_PROBES = 256
_FOUND = 0.9


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, and what was found wrong; None where all is well."""

    name: str
    problem: str | None


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
