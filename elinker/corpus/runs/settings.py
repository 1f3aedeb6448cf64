"""`run.json`: everything that decides what a run writes, and how two such files differ. It loads no model."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from elinker import __version__
from elinker.corpus.records import Format, ReadOptions, Source
from elinker.corpus.runs.shards import SHARD_CHARACTERS
from elinker.errors import UsageError
from elinker.schema import SCHEMA_VERSION

RUN_FORMAT = 1
"""Version of a run's folder; it grows when an older elinker would go on with it wrongly."""

LISTED = 100
"""So many inputs are listed by name; a digest stands for all of them."""

NAMED = 6
"""So many differences are spelt out."""


def run_settings(
    sources: Sequence[Source],
    options: ReadOptions,
    form: Format,
    *,
    shard_documents: int | None,
    keep_nil: bool,
    linker: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of `run.json`; `linker` says what the linker is (`Linker.identity`).

    Without `shard_documents` it describes a run into one file.
    """
    return {
        "run_format": RUN_FORMAT,
        "elinker": __version__,
        "schema": SCHEMA_VERSION,
        "inputs": _inputs(sources),
        "reading": asdict(options),
        "output": {
            "format": form.name,
            "keep_nil": keep_nil,
            "shard_documents": shard_documents,
            "shard_characters": SHARD_CHARACTERS,
        },
        "linker": dict(linker),
    }


def check_same(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings than those that a run was begun with.

    Raises:
        UsageError: they differ; the message names each difference.
    """
    found = list(_differences(dict(before), dict(now), ""))
    if found:
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise UsageError(
            f"{name} was begun with other settings: {'; '.join(found[:NAMED])}{more}",
            hint="repeat the first command with --resume, name another folder, or start again with --overwrite",
        )


def _inputs(sources: Sequence[Source]) -> dict[str, Any]:
    sizes = [source.size for source in sources]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.name}\0{source.size}\0".encode("utf-8", "surrogatepass"))
    return {
        "count": len(sources),
        "bytes": None if None in sizes else sum(size or 0 for size in sizes),
        "first": [{"name": source.name, "size": source.size} for source in sources[:LISTED]],
        "sha256_of_names_and_sizes": digest.hexdigest(),
    }


_ABSENT = object()


def _differences(before: Any, now: Any, place: str) -> Iterator[str]:
    if isinstance(before, list | tuple) and isinstance(now, list | tuple):
        before, now = (dict(enumerate(value, start=1)) for value in (before, now))
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(before.get(key, _ABSENT), now.get(key, _ABSENT), inner)
    elif before != now:
        yield f"{place} was {_shown(before)}, is {_shown(now)}"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not there"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
