"""Making a base directory from entities and a model, adding to one and removing from one.

Reading entity files is in `readers`, what happens to the vectors in `indexing`.
"""

import shutil
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress
from pathlib import Path

import numpy as np

from elinker import __version__
from elinker.errors import InputError, ModelError, UsageError, listed
from elinker.kb import indexing
from elinker.kb.base import OWN, KnowledgeBase
from elinker.kb.directory import changing, free_target, now, records_of, write_changed
from elinker.kb.encoder import Encoder, EntityEncoder
from elinker.kb.faiss_file import empty_index
from elinker.kb.kinds import AUTO, factory_for, search_settings
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import (
    ENTITIES,
    FILES,
    ID_HASHES,
    ID_ROWS,
    NAME_HASHES,
    NAME_ROWS,
    Manifest,
    is_link,
)
from elinker.kb.progress import Progress, of_stage, silence
from elinker.kb.readers import EntityFile
from elinker.kb.replace import replacing
from elinker.kb.table import EntityTable, write_table
from elinker.kb.vectors import Vectors, storable
from elinker.schema import Entity


def build(
    entities: Iterable[Entity] | EntityFile,
    encoder: EntityEncoder,
    out: str | Path,
    *,
    url_template: str | None = None,
    index: str = AUTO,
    batch_size: int = 64,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> KnowledgeBase:
    """Make a base at `out` and open it; the entities are stored and checked before the first one is encoded.

    Args:
        entities: what to store; ids are unique.
        encoder: the model that makes the vectors.
        out: the directory to make.
        url_template: an http(s) address with `{id}` in it.
        index: `auto`, a kind of `elinker.kb.kinds.KINDS`, or a FAISS factory string.
        batch_size: entities encoded at a time.
        overwrite: whether a base that is there may be replaced.
        progress: hears how it goes.

    Raises:
        UsageError: `out` is taken, `url_template` is not an http(s) address with `{id}` in it, or `index` does not fit.
        InputError: there are no entities, or ids occur twice (the message lists the first with their lines).
        ModelError: the model gave vectors of the wrong shape.
    """
    target = check_target(out, overwrite=overwrite)
    check_url_template(url_template)
    empty_index(factory_for(index, 1, encoder.dim), encoder.dim)
    report = progress or silence
    with replacing(target, OWN) as directory:
        table = _write_entities(directory, _located(entities), None, report)
        factory = factory_for(index, len(table), encoder.dim)
        blocks = _encoded(table, 0, encoder, batch_size, report)
        indexing.create(directory, factory, blocks, len(table), encoder.dim, report)
        Manifest(
            elinker_version=__version__,
            created=now(),
            count=len(table),
            dim=encoder.dim,
            index_factory=factory,
            search=search_settings(factory),
            url_template=url_template,
            fingerprint=encoder.fingerprint,
            entity_text_example=encoder.entity_text(table[0]),
            files=records_of(directory, FILES),
        ).write(directory)
    return KnowledgeBase.open(target)


def add(
    base: KnowledgeBase,
    entities: Iterable[Entity] | EntityFile,
    encoder: Encoder,
    *,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> KnowledgeBase:
    """Append entities to a base, keeping the rows and vectors it has; the opened `base` goes on showing the old state.

    Raises:
        InputError: there are no entities, or ids occur twice or are in the base already (the message lists them).
        KnowledgeBaseError: another model made the base, or it changed on disk meanwhile.
    """
    base.check_model(encoder)
    report = progress or silence
    with changing(base, OWN) as directory:
        table = _write_entities(directory, _located(entities), base, report)
        blocks = _encoded(table, len(base), encoder, batch_size, report)
        indexing.extend(directory, base, blocks, len(table), report)
        write_changed(directory, base, count=len(table), entity_text_example=encoder.entity_text(table[0]))
    return KnowledgeBase.open(base.path)


def remove(base: KnowledgeBase, ids: Iterable[str], *, progress: Progress | None = None) -> KnowledgeBase:
    """Take entities out of a base; the rows behind them move up, and nothing is encoded or trained again.

    Raises:
        InputError: ids are not in the base (the message lists them).
        UsageError: there are no ids, or no entity would be left.
        KnowledgeBaseError: the base changed on disk meanwhile.
    """
    keep = np.ones(len(base), bool)
    keep[_rows_of(base, ids)] = False
    if not keep.any():
        raise UsageError("no entity would be left", hint="delete the directory, or build another base")
    report = progress or silence
    with changing(base, OWN) as directory:
        table = _write_table(directory, compress(base.entities(), keep.tolist()))
        _write_lookups(directory, table, HashLookup.of_ids(table))
        indexing.shrink(directory, base, keep, report)
        example = base.manifest.entity_text_example if keep[0] else None
        write_changed(directory, base, count=len(table), entity_text_example=example)
    return KnowledgeBase.open(base.path)


def reindex(base: KnowledgeBase, index: str = AUTO, *, progress: Progress | None = None) -> KnowledgeBase:
    """Give a base an index of another kind, or train one again that has grown; nothing is encoded again.

    Raises:
        UsageError: `index` does not fit the base.
        KnowledgeBaseError: the base changed on disk meanwhile.
    """
    factory = factory_for(index, len(base), base.dim)
    empty_index(factory, base.dim)
    report = progress or silence
    with changing(base, OWN) as directory:
        for name in (ENTITIES, ID_HASHES, ID_ROWS, NAME_HASHES, NAME_ROWS):
            shutil.copyfile(base.path / name, directory / name)
        blocks = indexing.blocks_of_rows(base.index, np.arange(len(base)), report)
        indexing.create(directory, factory, blocks, len(base), base.dim, report)
        write_changed(directory, base, count=len(base), index_factory=factory, search=search_settings(factory))
    return KnowledgeBase.open(base.path)


def check_target(out: str | Path, *, overwrite: bool) -> Path:
    """The directory a base will be written to.

    Raises:
        UsageError: something is there already that may not be replaced.
    """
    return free_target(out, Manifest, adding="elinker kb add", overwrite=overwrite)


def check_url_template(template: str | None) -> None:
    """Refuse a template that a manifest would refuse, before any work is done.

    Raises:
        UsageError: it is not an http(s) address with `{id}` in it.
    """
    if template is not None and not is_link(template):
        raise UsageError(
            f"url template {template!r} is not an http(s) address with {{id}} in it",
            hint="for example https://www.wikidata.org/wiki/{id}",
        )


def _located(entities: Iterable[Entity] | EntityFile) -> Iterable[tuple[int, Entity]]:
    return entities.located() if isinstance(entities, EntityFile) else enumerate(entities, 1)


def _write_entities(
    directory: Path, located: Iterable[tuple[int, Entity]], base: KnowledgeBase | None, report: Progress
) -> EntityTable:
    lines = array("q")
    old = () if base is None else base.entities()
    table = _write_table(directory, chain(old, _noting_lines(located, lines, report)))
    if not lines:
        raise InputError("there are no entities to store")
    ids = HashLookup.of_ids(table)
    _refuse_duplicates(table, ids, lines)
    _write_lookups(directory, table, ids)
    return table


def _write_table(directory: Path, entities: Iterable[Entity]) -> EntityTable:
    write_table(directory / ENTITIES, entities)
    return EntityTable.open(directory / ENTITIES)


def _write_lookups(directory: Path, table: EntityTable, ids: HashLookup) -> None:
    ids.write(directory / ID_HASHES, directory / ID_ROWS)
    HashLookup.of_names(table).write(directory / NAME_HASHES, directory / NAME_ROWS)


def _rows_of(base: KnowledgeBase, ids: Iterable[str]) -> list[int]:
    rows = {identifier: base.find(identifier) for identifier in ids}
    if not rows:
        raise UsageError("there are no ids to remove")
    unknown = [identifier for identifier, row in rows.items() if row is None]
    if unknown:
        raise InputError(
            f"{len(unknown)} ids are not in the base: {listed(unknown)}", hint="nothing was removed; leave them out"
        )
    return [row for row in rows.values() if row is not None]


def _noting_lines(located: Iterable[tuple[int, Entity]], lines: "array[int]", report: Progress) -> Iterator[Entity]:
    for line, entity in located:
        lines.append(line)
        report("reading", 1, None)
        yield entity


def _refuse_duplicates(table: EntityTable, ids: HashLookup, lines: Sequence[int]) -> None:
    """Raise InputError where rows share an id; the last `len(lines)` rows are new, the others are in the base."""
    first_new = len(table) - len(lines)
    groups: dict[str, list[int]] = {}
    for rows in ids.collisions():
        for row in rows:
            groups.setdefault(table.id(row), []).append(row)
    repeated = sorted((rows, identifier) for identifier, rows in groups.items() if len(rows) > 1)
    if not repeated:
        return
    known = [f"{name} (line {lines[rows[1] - first_new]})" for rows, name in repeated if rows[0] < first_new]
    twice = [
        f"{name} (lines {', '.join(str(lines[row - first_new]) for row in rows)})"
        for rows, name in repeated
        if rows[0] >= first_new
    ]
    problems = []
    if known:
        problems.append(f"{len(known)} ids are in the base already: {listed(known)}")
    if twice:
        problems.append(f"{len(twice)} ids occur more than once: {listed(twice)}")
    raise InputError("; ".join(problems), hint="an id may occur once in a base: remove these rows")


def _encoded(
    table: EntityTable, start: int, encoder: EntityEncoder, batch_size: int, report: Progress
) -> Iterator[Vectors]:
    """Unit vectors of the entities from row `start` on, made as they are asked for. *Shape:* each block (n, dim)."""
    total = len(table) - start
    for batch in table.batches(start=start):
        vectors = encoder.encode_documents(
            [encoder.entity_text(entity) for entity in batch],
            batch_size=batch_size,
            progress=of_stage(report, "encoding", total),
        )
        if vectors.shape != (len(batch), encoder.dim):
            raise ModelError(f"the model gave vectors of shape {vectors.shape}, not {(len(batch), encoder.dim)}")
        yield storable(vectors, encoder.dim)
