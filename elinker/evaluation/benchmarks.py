"""Read a benchmark file, its format told by its content, and predictions stored beside it.

The other formats' details lie in `elevant` and `aida`; our own JSONL is read here.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from elinker.errors import InputError
from elinker.evaluation.aida import DOCUMENT_START, read_aida
from elinker.evaluation.elevant import parse_elevant
from elinker.evaluation.gold import BenchmarkFormat, GoldDocument, GoldMention
from elinker.schema import Document

Parsed = TypeVar("Parsed")


def read_benchmark(
    path: Path, *, benchmark_format: BenchmarkFormat | None = None, limit: int | None = None
) -> list[GoldDocument]:
    """The gold documents of a file, at most `limit` of them; without `benchmark_format` the content tells the format.

    Raises:
        InputError: the file cannot be read, its format cannot be told, it holds no document, or a line is broken; the
            message names file and line.
    """
    lines = _lines(path)
    chosen = benchmark_format or _detect(path, lines)
    if chosen is BenchmarkFormat.AIDA:
        documents = read_aida(path, lines)
    else:
        parse = parse_elevant if chosen is BenchmarkFormat.ELEVANT else _parse_elinker
        documents = (document for _, document in _parse_lines(path, lines, parse))
    read = list(islice(documents, limit))
    if not read:
        raise InputError(f"{path}: no documents")
    return read


def read_predictions(path: Path, gold: Sequence[GoldDocument]) -> list[Document]:
    """Stored predictions (our JSONL) for `gold`, in its order, found by document id; further documents are left out.

    Raises:
        InputError: a line is broken, an id stands twice on either side, or a gold document has no prediction.
    """
    predictions: dict[str, Document] = {}
    for number, document in _parse_lines(path, _lines(path), Document.from_json):
        if document.id in predictions:
            raise InputError(f"{path}, line {number}: a second document {document.id!r}")
        predictions[document.id] = document
    ids = [document.id for document in gold]
    if len(set(ids)) < len(ids):
        raise InputError("the benchmark has two documents of one id", hint="predictions are matched by document id")
    missing = [identifier for identifier in ids if identifier not in predictions]
    if missing:
        raise InputError(
            f"{path}: no prediction for document {missing[0]!r} ({len(missing)} of {len(ids)} are missing)",
            hint="give every document a line, also where nothing was found; --limit shortens the benchmark",
        )
    return [predictions[identifier] for identifier in ids]


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return [line.rstrip("\n") for line in file]
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason})", hint="convert the file to UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _detect(path: Path, lines: Iterable[str]) -> BenchmarkFormat:
    first = next((line for line in lines if line.strip()), "")
    if first.startswith(DOCUMENT_START):
        return BenchmarkFormat.AIDA
    try:
        value = json.loads(first or "null")
    except json.JSONDecodeError:
        value = None
    if isinstance(value, Mapping) and "labels" in value:
        return BenchmarkFormat.ELEVANT
    if isinstance(value, Mapping) and "mentions" in value:
        return BenchmarkFormat.ELINKER
    raise InputError(
        f"{path}: the format of the benchmark is not clear from its first line",
        hint="force one with --benchmark-format elevant, elinker or aida",
    )


def _parse_lines(
    path: Path, lines: Iterable[str], parse: Callable[[Mapping[str, Any]], Parsed]
) -> Iterator[tuple[int, Parsed]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, Mapping):
                raise InputError(f"a JSON {type(value).__name__}, not an object")
            parsed = parse(value)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number}: not JSON: {error.msg} at column {error.colno}") from None
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error.message}", hint=error.hint) from None
        yield number, parsed


def _parse_elinker(value: Mapping[str, Any]) -> GoldDocument:
    document = Document.from_json(value)
    return GoldDocument(
        id=document.id,
        text=document.text,
        mentions=tuple(
            GoldMention(mention.start, mention.end, mention.entity_id or None) for mention in document.mentions
        ),
    )
