"""Making a base directory from entities and a model, and adding to one. Reading entity files is in `readers`."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Protocol

from elinker import __version__
from elinker.errors import InputError, KnowledgeBaseError, ModelError, UsageError
from elinker.kb.base import KnowledgeBase
from elinker.kb.encoder import Encoder
from elinker.kb.index import FLAT, VectorIndex
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import (
    ENTITIES,
    FILES,
    ID_HASHES,
    ID_ROWS,
    INDEX,
    MANIFEST,
    NAME_HASHES,
    NAME_ROWS,
    FileRecord,
    Manifest,
    is_link,
)
from elinker.kb.readers import EntityFile
from elinker.kb.replace import replacing
from elinker.kb.table import EntityTable, write_table
from elinker.schema import Entity

_OWN = frozenset((*FILES, MANIFEST))
_LISTED = 10


class Progress(Protocol):
    """Hears how a build goes: the stage, how many more entities are done, and of how many (None while unknown)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Take note."""


def build(
    entities: Iterable[Entity] | EntityFile,
    encoder: Encoder,
    out: str | Path,
    *,
    url_template: str | None = None,
    batch_size: int = 64,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> KnowledgeBase:
    """Make a base at `out` and open it; the entities are stored and checked before the first one is encoded.

    Raises:
        UsageError: `out` is taken, or `url_template` is not an http(s) address with `{id}` in it.
        InputError: there are no entities, or ids occur twice (the message lists the first with their lines).
        ModelError: the model gave vectors of the wrong shape.
    """
    target = check_target(out, overwrite=overwrite)
    check_url_template(url_template)
    return _make(target, entities, encoder, None, url_template, batch_size, progress)


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
    return _make(base.path.resolve(), entities, encoder, base, base.manifest.url_template, batch_size, progress)


def check_target(out: str | Path, *, overwrite: bool) -> Path:
    """The directory a base will be written to.

    Raises:
        UsageError: something is there already that may not be replaced.
    """
    target = Path(out).resolve()
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return target
    if not (target / MANIFEST).is_file() or not (target / ENTITIES).is_file():
        raise UsageError(f"{out} exists and is not a knowledge base", hint="choose another output directory")
    if not overwrite:
        raise UsageError(f"{out} exists", hint="replace it with --overwrite, or add to it with elinker kb add")
    return target


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


def _make(
    target: Path,
    entities: Iterable[Entity] | EntityFile,
    encoder: Encoder,
    base: KnowledgeBase | None,
    url_template: str | None,
    batch_size: int,
    progress: Progress | None,
) -> KnowledgeBase:
    report = progress or _silence
    located = entities.located() if isinstance(entities, EntityFile) else enumerate(entities, 1)
    with replacing(target, _OWN) as directory:
        table = _write_entities(directory, located, base, report)
        index = _encode(table, encoder, base, batch_size, report)
        index.write(directory / INDEX)
        Manifest(
            elinker_version=__version__,
            created=datetime.now(UTC).replace(microsecond=0),
            count=len(table),
            dim=encoder.dim,
            index_factory=FLAT,
            url_template=url_template,
            fingerprint=encoder.fingerprint,
            entity_text_example=encoder.entity_text(table[0]),
            files=tuple(FileRecord.of(directory / name) for name in FILES),
        ).write(directory)
        if base is not None and Manifest.read(target) != base.manifest:
            raise KnowledgeBaseError(f"{target} changed while entities were added to it", hint="add them again")
    return KnowledgeBase.open(target)


def _write_entities(
    directory: Path, located: Iterable[tuple[int, Entity]], base: KnowledgeBase | None, report: Progress
) -> EntityTable:
    lines = array("q")
    old = () if base is None else base.entities()
    write_table(directory / ENTITIES, chain(old, _noting_lines(located, lines, report)))
    if not lines:
        raise InputError("there are no entities to store")
    table = EntityTable.open(directory / ENTITIES)
    ids = HashLookup.of_ids(table)
    _refuse_duplicates(table, ids, lines)
    ids.write(directory / ID_HASHES, directory / ID_ROWS)
    HashLookup.of_names(table).write(directory / NAME_HASHES, directory / NAME_ROWS)
    return table


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
        problems.append(f"{len(known)} ids are in the base already: {_listed(known)}")
    if twice:
        problems.append(f"{len(twice)} ids occur more than once: {_listed(twice)}")
    raise InputError("; ".join(problems), hint="an id may occur once in a base: remove these rows")


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _encode(
    table: EntityTable, encoder: Encoder, base: KnowledgeBase | None, batch_size: int, report: Progress
) -> VectorIndex:
    index = VectorIndex.create(encoder.dim) if base is None else VectorIndex.open(base.path / INDEX, mapped=False)
    total = len(table) - len(index)
    for batch in table.batches(start=len(index)):
        vectors = encoder.encode_documents(
            [encoder.entity_text(entity) for entity in batch],
            batch_size=batch_size,
            progress=_encoding(report, total),
        )
        if vectors.shape != (len(batch), encoder.dim):
            raise ModelError(f"the model gave vectors of shape {vectors.shape}, not {(len(batch), encoder.dim)}")
        index.add(vectors)
    return index


def _encoding(report: Progress, total: int) -> Callable[[int], None]:
    return lambda done: report("encoding", done, total)


def _silence(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
