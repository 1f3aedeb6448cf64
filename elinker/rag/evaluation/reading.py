"""From a file to questions: which format it is in, and what to do with a broken one. Formats are read in `formats`."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from elinker.corpus.formats.jsonl import load
from elinker.errors import InputError, UsageError
from elinker.labelled.source import at, json_objects, lines, raise_error
from elinker.rag.evaluation.formats import arc, hotpotqa, jsonl, popqa, pubhealth, triviaqa
from elinker.rag.evaluation.questions import Question

FORMATS = ("2wiki", "arc", "hotpotqa", "jsonl", "popqa", "pubhealth", "triviaqa")
"""Names of the formats that can be read; `docs/rag-evaluation.md` describes them."""

_Object = tuple[str, int | None, dict[str, Any]]
"""Where an object stands: a name for messages and ids, its line where it has one; and the object."""

_HEAD = 1 << 20


def read_questions(
    path: Path, *, format: str | None = None, aliases: Path | None = None, limit: int | None = None
) -> list[Question]:
    """The questions of a file, at most `limit` of them; without `format` the content tells the format.

    Args:
        path: a file in one of `FORMATS`.
        format: its name.
        aliases: the `id_aliases.json` of 2WikiMultihopQA.
        limit: how many are wanted.

    Raises:
        InputError: the file cannot be read, its format is not clear, it holds no question, two have the same id, or
            one is
            broken; the message names file and line, or the number of the question in a list.
        UsageError: there is no such format, or `aliases` are given for another one than 2WikiMultihopQA.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"no format {format!r} of questions", hint=f"one of: {', '.join(FORMATS)}")
    try:
        name, objects = _open(path, format)
        if aliases is not None and name != "2wiki":
            raise UsageError("aliases of answers are only for questions of 2WikiMultihopQA")
        known = {} if aliases is None else hotpotqa.read_aliases(aliases)
        found = list(islice(_questions(path, name, objects, known), limit))
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from None
    if not found:
        raise InputError(f"{path}: no questions")
    return found


def format_of(path: Path) -> str:
    """The name of the format that a file's content speaks for.

    Raises:
        InputError: none does, or the file cannot be read.
    """
    try:
        return _open(path, None)[0]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _open(path: Path, format: str | None) -> tuple[str, Iterable[_Object]]:
    """The format of a file, and its objects as they are asked for."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8-sig", "replace")
    columns = head.split("\n", 1)[0].rstrip("\r").split("\t")
    for name, needed in (("popqa", popqa.COLUMNS), ("pubhealth", pubhealth.COLUMNS)):
        if set(needed) <= set(columns):
            return format or name, _rows(path)
    if head.lstrip().startswith("["):
        objects = _listed(path, _json(path))
        return format or _guess(path, objects[0][2] if objects else {}), objects
    first = head.lstrip().split("\n", 1)[0]
    if triviaqa.recognises(whole := _whole(path, first)):
        return format or "triviaqa", _listed(path, list(triviaqa.objects(whole)))
    rows = json_objects(path, raise_error)
    begun = list(islice(rows, 1))
    numbered = ((f"{path.name}:{number}", number, value) for number, value in chain(begun, rows))
    return format or _guess(path, begun[0][1] if begun else {}), numbered


def _whole(path: Path, first: str) -> dict[str, Any]:
    """The one object that a file holds, over many lines or in one; empty where it holds lines of objects."""
    try:
        value = json.loads(first or "{}")
    except (ValueError, RecursionError):
        value = _json(path)
    return value if isinstance(value, dict) else {}


def _json(path: Path) -> Any:
    try:
        return load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from None
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None


def _listed(path: Path, values: Any) -> list[_Object]:
    if not all(isinstance(value, dict) for value in values):
        raise InputError(f"{path}: the list holds something that is no object")
    return [(f"question {number}", None, value) for number, value in enumerate(values, start=1)]


def _rows(path: Path) -> Iterator[_Object]:
    """The rows of a TSV by its header; quotes that do not close are text, as in the published files."""
    csv.field_size_limit(sys.maxsize)  # PubHealth holds whole articles
    reader = csv.DictReader(_decoded(path), delimiter="\t", strict=False)
    for row in reader:
        yield f"{path.name}:{reader.line_num}", reader.line_num, row


def _decoded(path: Path) -> Iterator[str]:
    for number, line in lines(path):
        if isinstance(line, InputError):
            raise at(path, number, line)
        yield line + "\n"


def _guess(path: Path, value: dict[str, Any]) -> str:
    if not value:
        raise InputError(f"{path}: no questions")
    if hotpotqa.recognises(value):
        return "2wiki" if hotpotqa.is_2wiki(value) else "hotpotqa"
    if arc.recognises(value):
        return "arc"
    if pubhealth.recognises(value):
        return "pubhealth"
    if jsonl.recognises(value):
        return "jsonl"
    raise InputError(
        f"{path}: the format of these questions is not clear from their beginning",
        hint=f"name it with --format, one of: {', '.join(FORMATS)}",
    )


def _questions(path: Path, name: str, objects: Iterable[_Object], aliases: hotpotqa.Aliases) -> Iterator[Question]:
    readers: dict[str, Callable[[dict[str, Any], str], Question]] = {
        "2wiki": lambda value, _: hotpotqa.question(value, aliases),
        "arc": arc.question,
        "hotpotqa": lambda value, _: hotpotqa.question(value, {}),
        "jsonl": jsonl.question,
        "popqa": popqa.question,
        "pubhealth": pubhealth.question,
        "triviaqa": lambda value, _: triviaqa.question(value),
    }
    read, seen = readers[name], set()
    for place, line, value in objects:
        try:
            question = read(value, place)
            if not question.id:
                raise InputError("the question has no id")
            if question.id in seen:
                raise InputError(f"a second question {question.id!r}")
        except InputError as error:
            if line is not None:
                raise at(path, line, error) from None
            raise InputError(f"{path}: {place}: {error.message}", hint=error.hint) from None
        seen.add(question.id)
        yield question
