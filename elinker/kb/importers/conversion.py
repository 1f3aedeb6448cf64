"""Running a reader over a source: entities to an entity file, broken lines aside, the rest counted. One at a time."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from elinker.errors import InputError, UsageError
from elinker.kb.importers.seen import SeenIds
from elinker.kb.importers.source import MAX_LINE, Source
from elinker.kb.readers import Rejects
from elinker.schema import Entity
from elinker.whole_file import whole_file

Reader = Callable[[bytes], Entity | str | None]
"""Turns a line into an entity, into the reason why it is left out, or into None where it is no record at all.

A broken line raises InputError.
"""

Progress = Callable[[int, int], None]
"""Hears the bytes of the source read so far and the entities written so far."""

_EVERY = 256
_HOPELESS = 1000
_SHOWN = 500
_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


@dataclass(slots=True)
class Report:
    """How a conversion went: lines read, entities written, lines set aside, lines left out by reason.

    `damage` says what ended the reading before the end of the source, if anything did.
    """

    lines: int = 0
    written: int = 0
    rejected: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str | None = None


class _AnotherKindError(InputError):
    """The source is not of the kind that its reader is for."""


def convert(
    source: Source,
    reader: Reader,
    output: Path,
    rejects: Rejects,
    *,
    limit: int | None = None,
    unique: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write the entities of a source as JSON lines to `output`, whole or not at all.

    Args:
        source: the lines.
        reader: what a line means.
        output: named `.jsonl` or `.ndjson`, with `.gz` after it or not (`check_output`).
        rejects: where broken lines go.
        limit: stop after so many entities.
        unique: leave out an entity whose id occurred before (`SeenIds`).
        progress: called every 256 lines.

    Raises:
        InputError: the first 1,000 records are all broken, so the source is not of this kind.
    """
    report = Report()
    entities = _entities(source, reader, rejects, report, progress)
    write_entities(output, islice(_counted(_unique(entities, report) if unique else entities, report), limit))
    return report


def write_entities(output: Path, entities: Iterable[Entity]) -> int:
    """Write entities as JSON lines, whole or not at all; how many there were."""
    count = 0
    with _written(output) as file:
        for entity in entities:
            file.write(_json_line(entity))
            count += 1
    return count


def check_output(output: Path, source: Path, *, overwrite: bool) -> None:
    """Refuse an output that `elinker kb build` would not read, or that would destroy something.

    Raises:
        UsageError: the name is wrong, or a file is there.
    """
    if not output.name.lower().endswith(_SUFFIXES):
        raise UsageError(f"{output} is not named like an entity file", hint=f"end its name in {' or '.join(_SUFFIXES)}")
    if output.is_dir() or (output.exists() and source.exists() and output.samefile(source)):
        raise UsageError(f"{output} cannot be written: it is a directory or the source itself")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists", hint="replace it with --overwrite")


def _entities(
    source: Source, reader: Reader, rejects: Rejects, report: Report, progress: Progress | None
) -> Iterator[Entity]:
    try:
        for number, line in source.lines():
            report.lines = number
            if progress is not None and number % _EVERY == 0:
                progress(source.position, report.written)
            try:
                if line is None:
                    raise InputError(f"longer than {MAX_LINE:,} bytes")
                found = reader(line) if line else None
            except InputError as error:
                _set_aside(source, number, error.message, line, rejects, report)
                continue
            if isinstance(found, str):
                report.left_out[found] += 1
            elif found is not None:
                yield found
    except _AnotherKindError:
        raise
    except InputError as error:
        if report.lines == 0:
            raise
        report.damage = error.message


def _unique(entities: Iterable[Entity], report: Report) -> Iterator[Entity]:
    seen = SeenIds()
    for entity in entities:
        if seen.add(entity.id):
            yield entity
        else:
            report.left_out["its id occurred before"] += 1


def _counted(entities: Iterable[Entity], report: Report) -> Iterator[Entity]:
    for entity in entities:
        report.written += 1
        yield entity


def _set_aside(source: Source, number: int, reason: str, line: bytes | None, rejects: Rejects, report: Report) -> None:
    shown = (line or b"")[:_SHOWN].decode("utf-8", "backslashreplace")
    rejects.add(number, reason, shown)
    report.rejected += 1
    if report.rejected == _HOPELESS and not report.written and not report.left_out:
        raise _AnotherKindError(
            f"{source.path}: the first {_HOPELESS:,} records are all broken, the last one: {reason}"
        )


@contextmanager
def _written(output: Path) -> Iterator[IO[str]]:
    """A file to fill beside `output`, which it replaces when the block ends; on an error it goes."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        whole_file(output) as temporary,
        gzip.open(temporary, "wt", encoding="utf-8", compresslevel=6)
        if output.name.lower().endswith(".gz")
        else temporary.open("w", encoding="utf-8") as file,
    ):
        yield file


def _json_line(entity: Entity) -> str:
    value = {
        "id": entity.id,
        "label": entity.label,
        "aliases": entity.aliases,
        "description": entity.description,
        "types": entity.types,
    }
    return json.dumps(value, ensure_ascii=False) + "\n"
