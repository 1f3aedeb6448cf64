"""Files that are seen whole or not at all: written under a temporary name beside the final one, and renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from elinker.errors import UsageError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write a file at, of the same suffix; it gets its name when the block ends, and on an error it goes."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def open_whole(path: Path) -> Iterator[TextIO]:
    """A text stream in UTF-8 to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        with whole_file(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        UsageError: it cannot be written.
    """
    with open_whole(path) as stream:
        stream.write(text)
