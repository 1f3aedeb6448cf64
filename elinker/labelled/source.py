"""What the readers of labelled texts share: a place in every error, decoded lines, rows of JSON. No format is here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from elinker.corpus.formats.jsonl import load
from elinker.corpus.formats.plain import decode_lines
from elinker.corpus.records import Source
from elinker.errors import InputError

Reject = Callable[[InputError], None]
"""Takes what is wrong with one document. It raises to end the reading; when it returns, the next document is read."""


def raise_error(error: InputError) -> None:
    """The `Reject` that ends the reading at the first error."""
    raise error


def at(path: Path, line: int | None, error: InputError) -> InputError:
    """The error with file and line before it."""
    place = str(path) if line is None else f"{path}:{line}"
    return InputError(f"{place}: {error.message}", hint=error.hint)


def lines(path: Path) -> Iterator[tuple[int, str | InputError]]:
    """The lines of a UTF-8 file with their numbers from 1, without line ends; an error where a line is not UTF-8."""
    for number, text, _ in decode_lines(Source(str(path), path.name, path)):
        yield number, text if isinstance(text, InputError) else text.removesuffix("\n").removesuffix("\r")


def json_objects(path: Path, reject: Reject) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines with their line numbers; blank lines are skipped, broken ones rejected."""
    for number, line in lines(path):
        try:
            if isinstance(line, InputError):
                raise line
            if not line.strip():
                continue
            value = load(line)
            if not isinstance(value, dict):
                raise InputError("the line is not a JSON object")
        except InputError as error:
            reject(at(path, number, error))
        else:
            yield number, value
