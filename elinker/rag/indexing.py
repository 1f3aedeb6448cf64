"""Making an index of passages from documents and a model, adding to one and removing from one.

Reading files is in `documents`, splitting in `splitting`, what happens to the vectors in `elinker.kb.indexing`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elinker import __version__
from elinker.errors import InputError, ModelError, UsageError, listed
from elinker.kb import indexing
from elinker.kb.directory import changing, free_target, now, records_of, write_changed
from elinker.kb.faiss_file import empty_index
from elinker.kb.kinds import AUTO, factory_for, search_settings
from elinker.kb.lookup import HashLookup
from elinker.kb.names import text_hash
from elinker.kb.progress import Progress, of_stage, silence
from elinker.kb.replace import replacing
from elinker.kb.vectors import storable
from elinker.onegen.model import OneGen
from elinker.onegen.source import SURROGATE
from elinker.rag.passages import (
    DOCUMENT_HASHES,
    DOCUMENT_ROWS,
    ENTITY_HASHES,
    ENTITY_ROWS,
    FILES,
    FIRST,
    ID_HASHES,
    ID_ROWS,
    OWN,
    PASSAGES,
    PassageIndex,
    PassageManifest,
    PassageTable,
    write_table,
)
from elinker.rag.splitting import Chunk, SourceDocument, Splitter


def build_index(
    documents: Iterable[SourceDocument],
    onegen: OneGen,
    out: str | Path,
    *,
    size: int | None = None,
    overlap: int = 0,
    index: str = AUTO,
    batch_size: int = 32,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PassageIndex:
    """Split documents, make an index of their passages at `out` and open it.

    Args:
        documents: what to store; ids are unique.
        onegen: the model that makes the vectors.
        out: the directory to make.
        size: tokens of a passage at most; by default what the model reads of one.
        overlap: tokens at the end of a passage that the next one may begin with, in whole sentences.
        index: `auto`, a kind of `elinker.kb.kinds.KINDS`, or a FAISS factory string.
        batch_size: passages encoded at a time.
        overwrite: whether an index that is there may be replaced.
        progress: hears how it goes.

    Raises:
        UsageError: `out` is taken, or `size`, `overlap` or `index` do not fit.
        InputError: there are no passages, a document holds half a character, or ids occur twice (the first are listed).
        ModelError: the model answers no questions.
    """
    target = check_target(out, overwrite=overwrite)
    splitter = Splitter(onegen.answering, size=size, overlap=overlap)
    empty_index(factory_for(index, 1, onegen.dim), onegen.dim)
    report = progress or silence
    with replacing(target, OWN) as directory:
        table = _write_passages(directory, _chunks(documents, splitter, None, report), None)
        first = table.first_vectors()
        vectors = int(first[-1])
        factory = factory_for(index, vectors, onegen.dim)
        indexing.create(directory, factory, _encoded(table, 0, onegen, batch_size, report), vectors, onegen.dim, report)
        _write_manifest(directory, onegen, len(table), vectors, factory)
    return PassageIndex.open(target)


def add_documents(
    base: PassageIndex,
    documents: Iterable[SourceDocument],
    onegen: OneGen,
    *,
    size: int | None = None,
    overlap: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> PassageIndex:
    """Append the passages of documents to an index, keeping the rows and vectors it has.

    Raises:
        InputError: there are no passages, or ids occur twice or are in the index already (the message lists them).
        KnowledgeBaseError: another model made the index, or it changed on disk meanwhile.
    """
    base.check_model(onegen)
    splitter = Splitter(onegen.answering, size=size, overlap=overlap)
    report = progress or silence
    with changing(base, OWN) as directory:
        table = _write_passages(directory, _chunks(documents, splitter, base, report), base)
        vectors = int(table.first_vectors()[-1])
        blocks = _encoded(table, len(base), onegen, batch_size, report)
        indexing.extend(directory, base, blocks, vectors, report)
        write_changed(directory, base, count=len(table), vectors=vectors)
    return PassageIndex.open(base.path)


def remove_documents(base: PassageIndex, ids: Iterable[str], *, progress: Progress | None = None) -> PassageIndex:
    """Take all passages of documents, or single passages, out of an index; nothing is encoded again.

    Args:
        base: the index.
        ids: of documents or of passages.
        progress: hears how it goes.

    Raises:
        InputError: ids are not in the index (the message lists them).
        UsageError: there are no ids, or no passage would be left.
        KnowledgeBaseError: the index changed on disk meanwhile.
    """
    keep = np.ones(len(base), bool)
    keep[_rows_of(base, ids)] = False
    if not keep.any():
        raise UsageError("no passage would be left", hint="delete the directory, or make another index")
    report = progress or silence
    with changing(base, OWN) as directory:
        kept = (chunk for row, chunk in enumerate(_all(base)) if keep[row])
        write_table(directory / PASSAGES, kept)
        table = PassageTable.open(directory / PASSAGES)
        _write_lookups(directory, table)
        indexing.shrink(directory, base, np.repeat(keep, np.diff(base.first)), report)
        write_changed(directory, base, count=len(table), vectors=int(table.first_vectors()[-1]))
    return PassageIndex.open(base.path)


def check_target(out: str | Path, *, overwrite: bool) -> Path:
    """The directory an index will be written to.

    Raises:
        UsageError: something is there already that may not be replaced.
    """
    return free_target(out, PassageManifest, adding="elinker rag add", overwrite=overwrite)


def _chunks(
    documents: Iterable[SourceDocument], splitter: Splitter, base: PassageIndex | None, report: Progress
) -> Iterator[Chunk]:
    seen: set[int] = set()
    for document in documents:
        report("reading", 1, None)
        hashed = text_hash(document.id)
        if hashed in seen or (base is not None and base.rows_of_document(document.id)):
            raise InputError(f"document id {document.id!r} occurs more than once", hint="ids are unique in an index")
        seen.add(hashed)
        _check_text(document)
        yield from splitter.split(document)


def _check_text(document: SourceDocument) -> None:
    """Refuse halves of characters, which Python's strings may hold and files do not."""
    for name, text in (("id", document.id), ("title", document.title), ("text", document.text)):
        if found := SURROGATE.search(text):
            half = f"\\u{ord(found[0]):04x} at character {found.start()}"
            raise InputError(f"document {document.id!r}: {name} has a lone surrogate {half}")


def _all(base: PassageIndex) -> Iterator[Chunk]:
    return chain.from_iterable(base.table.batches())


def _write_passages(directory: Path, chunks: Iterator[Chunk], base: PassageIndex | None) -> PassageTable:
    write_table(directory / PASSAGES, chunks if base is None else chain(_all(base), chunks))
    table = PassageTable.open(directory / PASSAGES)
    if len(table) == (0 if base is None else len(base)):
        raise InputError("there are no passages to store: no document holds text")
    _refuse_duplicates(_write_lookups(directory, table), table)
    return table


def _write_lookups(directory: Path, table: PassageTable) -> HashLookup:
    """Write everything that the table alone determines; the lookup of ids."""
    np.save(directory / FIRST, table.first_vectors(), allow_pickle=False)
    ids, documents, entities = lookups_of(table)
    ids.write(directory / ID_HASHES, directory / ID_ROWS)
    documents.write(directory / DOCUMENT_HASHES, directory / DOCUMENT_ROWS)
    entities.write(directory / ENTITY_HASHES, directory / ENTITY_ROWS)
    return ids


def lookups_of(table: PassageTable) -> tuple[HashLookup, HashLookup, HashLookup]:
    """Rows by the ids of passages, documents and entities."""
    linked = ((entity, row) for row, ids in enumerate(table.column("entities")) for entity in ids)
    return (
        HashLookup.of_texts(zip(table.column("id"), count(), strict=False)),
        HashLookup.of_texts(zip(table.column("document_id"), count(), strict=False)),
        HashLookup.of_texts(linked),
    )


def _refuse_duplicates(ids: HashLookup, table: PassageTable) -> None:
    shared = Counter(table.id(row) for rows in ids.collisions() for row in rows)
    if repeated := sorted(identifier for identifier, times in shared.items() if times > 1):
        raise InputError(
            f"{len(repeated)} ids occur more than once: {listed(repeated)}",
            hint="a passage's id is that of its document, or that with :0, :1 …",
        )


def _rows_of(base: PassageIndex, ids: Iterable[str]) -> list[int]:
    rows: dict[str, list[int]] = {}
    for identifier in ids:
        row = base.find(identifier)
        rows[identifier] = base.rows_of_document(identifier) or ([] if row is None else [row])
    if not rows:
        raise UsageError("there are no ids to remove")
    if unknown := [identifier for identifier, found in rows.items() if not found]:
        raise InputError(
            f"{len(unknown)} ids are not in the index: {listed(unknown)}", hint="nothing was removed; leave them out"
        )
    return [row for found in rows.values() for row in found]


def _encoded(
    table: PassageTable, start: int, onegen: OneGen, batch_size: int, report: Progress
) -> Iterator[NDArray[np.float32]]:
    """Unit vectors of the passages from row `start` on, made as they are asked for. *Shape:* each block (n, dim)."""
    total = len(table) - start
    for batch in table.batches(start=start):
        read = [(chunk.passage.title, chunk.passage.text, chunk.sentences) for chunk in batch]
        vectors = onegen.encode_passages(read, batch_size=batch_size, progress=of_stage(report, "encoding", total))
        for chunk, found in zip(batch, vectors, strict=True):
            if found.shape != (chunk.vectors, onegen.dim):
                raise ModelError(f"the model gave passage {chunk.passage.id!r} vectors of shape {found.shape}")
        yield storable(np.concatenate(vectors), onegen.dim)


def _write_manifest(directory: Path, onegen: OneGen, passages: int, vectors: int, factory: str) -> None:
    PassageManifest(
        elinker_version=__version__,
        created=now(),
        count=passages,
        vectors=vectors,
        dim=onegen.dim,
        index_factory=factory,
        search=search_settings(factory),
        fingerprint=onegen.passage_fingerprint,
        files=records_of(directory, FILES),
    ).write(directory)
