"""Checking a whole base directory: checksums, counts, lookups, vectors and the model. Opening checks only sizes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elinker.errors import KnowledgeBaseError
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.base import KnowledgeBase
from elinker.kb.encoder import Encoder
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import Manifest

_VECTOR_ROWS = 8192
_SAMPLES = 8
_SAME = 0.99
_PROBES = 256
_FOUND = 0.9


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, and what was found wrong; None where all is well."""

    name: str
    problem: str | None


def verify(path: str | Path, encoder: Encoder | None = None) -> Iterator[Check]:
    """Check a base directory, each check as it is done; with `encoder` also whether that model made the vectors.

    A base that cannot be opened ends the checks.
    """
    path = Path(path)
    try:
        manifest = Manifest.read(path)
    except KnowledgeBaseError as error:
        yield Check("manifest", str(error))
        return
    yield Check("manifest", None)
    for record in manifest.files:
        yield Check(f"checksum of {record.name}", _checksum_problem(path / record.name, record.sha256))
    try:
        base = KnowledgeBase.open(path)
        base.table.check()
    except KnowledgeBaseError as error:
        yield Check("sizes and counts", str(error))
        return
    yield Check("sizes and counts", None)
    yield Check("lookup of ids", _lookup_problem(base.ids, HashLookup.of_ids(base.table)) or _repeated_id(base))
    yield Check("lookup of names", _lookup_problem(base.names, HashLookup.of_names(base.table)))
    yield Check("vectors", _vector_problem(base))
    if isinstance(base.index, ApproximateIndex):
        yield Check("index", base.index.proposer.problem() or _unfound_problem(base))
    if encoder is not None:
        yield from _model_checks(base, encoder)


def _checksum_problem(path: Path, expected: str) -> str | None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == expected else f"{found[:12]}, the manifest says {expected[:12]}"


def _lookup_problem(stored: HashLookup, rebuilt: HashLookup) -> str | None:
    if len(stored) != len(rebuilt):
        return f"has {len(stored)} entries, the table gives {len(rebuilt)}"
    wrong = int(np.count_nonzero((stored.hashes != rebuilt.hashes) | (stored.rows != rebuilt.rows)))
    return f"{wrong} entries differ from the table" if wrong else None


def _repeated_id(base: KnowledgeBase) -> str | None:
    for rows in base.ids.collisions():
        ids = [base.table.id(row) for row in rows]
        if len(set(ids)) != len(ids):
            return f"the id {ids[0]!r} occurs more than once"
    return None


def _vector_problem(base: KnowledgeBase) -> str | None:
    for start in range(0, len(base), _VECTOR_ROWS):
        vectors = base.vectors(np.arange(start, min(start + _VECTOR_ROWS, len(base))))
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1.0) < 1e-3))
        if len(wrong):
            return f"the vector of row {start + int(wrong[0])} is not of unit length"
    return None


def _unfound_problem(base: KnowledgeBase) -> str | None:
    """Whether the index leads to the vectors that lie beside it: most vectors should find themselves."""
    rows = np.unique(np.linspace(0, len(base) - 1, _PROBES, dtype=np.int64))
    scores, _ = base.search(base.vectors(rows), 1)
    found = float(np.mean(scores[:, 0] > 1.0 - 1e-5))
    return None if found >= _FOUND else f"only {found:.0%} of the vectors find themselves"


def _model_checks(base: KnowledgeBase, encoder: Encoder) -> Iterator[Check]:
    problem = _message(lambda: base.check_model(encoder))
    yield Check("model", problem)
    if problem is not None:
        return
    text, example = encoder.entity_text(base.entity(0)), base.manifest.entity_text_example
    if example is not None:
        yield Check("entity text", None if text == example else f"{text!r}, the manifest says {example!r}")
    rows = np.unique(np.linspace(0, len(base) - 1, _SAMPLES, dtype=np.int64))
    again = encoder.encode_documents([encoder.entity_text(base.entity(int(row))) for row in rows])
    cosines = (again * base.vectors(rows)).sum(axis=1)
    worst = int(cosines.argmin())
    different = f"the model now gives row {rows[worst]} a vector at cosine {cosines[worst]:.3f} from the stored one"
    yield Check("vectors of a few entities", None if cosines[worst] > _SAME else different)


def _message(check: Callable[[], None]) -> str | None:
    try:
        check()
    except KnowledgeBaseError as error:
        return str(error)
    return None
