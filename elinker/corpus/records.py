"""What readers and writers exchange: sources, documents with their place, bad records, and the shape of a format.

No format is implemented here, and nothing here opens a file except `Source.open`.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from elinker.schema import Document

LONGEST_RAW = 1000
"""A bad record keeps its raw text up to this many characters."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A document that could not be read, linked or written, and why.

    `line` counts from 1 (rows for tables); None when the whole file is meant. `raw` is the row, where short.
    """

    source: str
    line: int | None
    reason: str
    raw: str | None = None

    def to_json(self) -> dict[str, Any]:
        """One line of the errors file (docs/formats.md)."""
        return {"source": self.source, "line": self.line, "reason": self.reason, "raw": self.raw}

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Located:
    """A document and where it was read."""

    document: Document
    source: str
    line: int | None = None


Record = Located | BadRecord


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are read: `lines` and `jsonl` override what a file's name says about text, the rest names fields."""

    lines: bool = False
    jsonl: bool = False
    text_field: str = "text"
    id_field: str = "id"
    text_column: str = "text"


@dataclass(slots=True)
class Source:
    """One input: a file, or standard input when `path` is None.

    `name` is what messages call it, `id` is what the ids of its documents start with. `size` is its length in bytes,
    None when that is not known; readers keep `consumed` at the part of it that the records given out so far stand for.
    """

    name: str
    id: str
    path: Path | None = None
    size: int | None = None
    consumed: int = field(default=0, compare=False)

    @property
    def suffix(self) -> str:
        """The lower-case suffix of the file, `""` for standard input."""
        return "" if self.path is None else self.path.suffix.lower()

    def open(self) -> BinaryIO:
        """The bytes, buffered.

        Raises:
            OSError: the file cannot be opened.
        """
        if self.path is None:
            return sys.stdin.buffer
        return self.path.open("rb")

    def head(self, length: int = 256) -> bytes:
        """The first bytes of a file; empty for standard input and unreadable files."""
        try:
            if self.path is None:
                return b""
            with self.path.open("rb") as stream:
                return stream.read(length)
        except OSError:
            return b""


class Writer(Protocol):
    """Writes documents to a stream that somebody else opens, closes and renames.

    A writer of a format that cannot hold everything has `losses` besides (`elinker.corpus.losses`).
    """

    def write(self, document: Document) -> None:
        """Add a document.

        Raises:
            InputError: this format cannot hold the document; nothing was written of it.
        """

    def finish(self) -> None:
        """Write what is left; called once, only when all documents were given."""


class FileSink(Protocol):
    """Takes the files of formats that have several files a document: a folder, or a zip archive."""

    def add(self, name: str, content: bytes) -> None:
        """Add a file under a name that no other has; `/` in it parts folders."""


@dataclass(frozen=True, slots=True)
class Format:
    """One entry of the registry: how files of a kind are recognised, read and written.

    Attributes:
        name: what `--format` calls it.
        reads: suffixes of the inputs that `read` takes.
        read: yields the records of a source; an error of one record never ends the rest.
        writes: suffixes of `-o` that choose it.
        write: makes a writer on a binary stream; None for formats that are only read.
        recognises: says from the first bytes of a file, whatever its suffix in `reads`, that it is this format.
        streams: whether documents leave the writer as they come, so that a pipe or terminal can show them.
        write_files: makes a writer that puts files into a folder; of formats with a file or more for each document,
            whose `write` makes a zip archive of the same files.
    """

    name: str
    reads: tuple[str, ...]
    read: Callable[[Source, ReadOptions], Iterator[Record]]
    writes: tuple[str, ...] = ()
    write: Callable[[BinaryIO], Writer] | None = None
    recognises: Callable[[bytes], bool] | None = None
    streams: bool = True
    write_files: Callable[[FileSink], Writer] | None = None


def short(raw: str | None) -> str | None:
    """`raw` where it is short enough to keep."""
    return raw if raw is not None and len(raw) <= LONGEST_RAW else None
