"""Checking a whole index of passages: checksums, counts, lookups, vectors and the model. Opening checks only sizes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from elinker.kb.checks import SAME, Check, index_checks, lookup_problem, message_of, opening, repeated_id, sampled_rows
from elinker.onegen.model import OneGen
from elinker.rag.indexing import lookups_of
from elinker.rag.passages import PassageIndex, PassageManifest


def verify_index(path: str | Path, onegen: OneGen | None = None) -> Iterator[Check]:
    """Check an index directory, each check as it is done; with `onegen` also whether that model made the vectors.

    An index that cannot be opened ends the checks.
    """
    index = yield from opening(Path(path), PassageManifest, PassageIndex.open)
    if index is None:
        return
    ids, documents, entities = lookups_of(index.table)
    yield Check("lookup of passages", lookup_problem(index.ids, ids) or repeated_id(ids, index.table.id))
    yield Check("lookup of documents", lookup_problem(index.documents, documents))
    yield Check("lookup of entities", lookup_problem(index.entities, entities))
    yield Check("offsets", _offset_problem(index))
    yield from index_checks(index.index)
    if onegen is not None:
        yield from _model_checks(index, onegen)


def _offset_problem(index: PassageIndex) -> str | None:
    first = index.table.first_vectors()
    if not np.array_equal(first, index.first):
        return "the rows of vectors do not follow from the sentences of the table"
    for batch in index.table.batches():
        for chunk in batch:
            passage = chunk.passage
            inside = all(0 <= start < end <= len(passage.text) for start, end in chunk.sentences)
            if passage.end - passage.start != len(passage.text) or not inside:
                return f"passage {passage.id!r} has offsets that are not those of its text"
    return None


def _model_checks(index: PassageIndex, onegen: OneGen) -> Iterator[Check]:
    problem = message_of(lambda: index.check_model(onegen))
    yield Check("model", problem)
    if problem is not None:
        return
    rows = sampled_rows(len(index)).tolist()
    chunks = [index.table[row] for row in rows]
    again = onegen.encode_passages([(chunk.passage.title, chunk.passage.text, chunk.sentences) for chunk in chunks])
    stored = [index.vectors(np.arange(index.first[row], index.first[row + 1])) for row in rows]
    cosines = [float((new * old).sum(axis=1).min()) for new, old in zip(again, stored, strict=True)]
    worst = int(np.argmin(cosines))
    different = f"the model now gives passage {chunks[worst].passage.id!r} a vector at cosine {cosines[worst]:.3f}"
    yield Check("vectors of a few passages", None if cosines[worst] > SAME else different)
