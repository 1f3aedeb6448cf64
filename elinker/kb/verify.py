"""Checking a whole base directory: checksums, counts, lookups, vectors and the model. Opening checks only sizes."""

from collections.abc import Iterator
from pathlib import Path

from elinker.kb.base import KnowledgeBase
from elinker.kb.checks import (
    SAME,
    Check,
    index_checks,
    lookup_problem,
    message_of,
    opening,
    repeated_id,
    sampled_rows,
)
from elinker.kb.encoder import Encoder
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import Manifest


def verify(path: str | Path, encoder: Encoder | None = None) -> Iterator[Check]:
    """Check a base directory, each check as it is done; with `encoder` also whether that model made the vectors.

    A base that cannot be opened ends the checks.
    """
    base = yield from opening(Path(path), Manifest, KnowledgeBase.open)
    if base is None:
        return
    yield Check(
        "lookup of ids", lookup_problem(base.ids, HashLookup.of_ids(base.table)) or repeated_id(base.ids, base.table.id)
    )
    yield Check("lookup of names", lookup_problem(base.names, HashLookup.of_names(base.table)))
    yield from index_checks(base.index)
    if encoder is not None:
        yield from _model_checks(base, encoder)


def _model_checks(base: KnowledgeBase, encoder: Encoder) -> Iterator[Check]:
    problem = message_of(lambda: base.check_model(encoder))
    yield Check("model", problem)
    if problem is not None:
        return
    text, example = encoder.entity_text(base.entity(0)), base.manifest.entity_text_example
    if example is not None:
        yield Check("entity text", None if text == example else f"{text!r}, the manifest says {example!r}")
    rows = sampled_rows(len(base))
    again = encoder.encode_documents([encoder.entity_text(base.entity(int(row))) for row in rows])
    cosines = (again * base.vectors(rows)).sum(axis=1)
    worst = int(cosines.argmin())
    different = f"the model now gives row {rows[worst]} a vector at cosine {cosines[worst]:.3f} from the stored one"
    yield Check("vectors of a few entities", None if cosines[worst] > SAME else different)
