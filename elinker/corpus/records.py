"""What readers and writers exchange: sources, documents with their place, bad records, and the shape of a format.

No format is implemented here, and nothing here opens a file except `Source.open`.
"""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from elinker.corpus.inputs.compression import decompressed, suffixes
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


LONGEST = 50_000_000
"""Bytes that a line, a row or a file that is one document may have, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How inputs are read: `lines` and `jsonl` override what a file's name says about text, the next name fields.

    `encoding` is that of text, JSON lines and tables, or `detect`. A document of more than `max_bytes` is not held in
    memory but a bad record. `html` says which text of a web page is its document's: the `main` one, or `all`.
    """

    lines: bool = False
    jsonl: bool = False
    text_field: str = "text"
    id_field: str = "id"
    text_column: str = "text"
    encoding: str = "utf-8"
    max_bytes: int = LONGEST
    html: Literal["main", "all"] = "main"


@dataclass(slots=True)
class Source:
    """One input: a file at `path`, what `opener` opens (a file at a URL, a member of an archive), else standard input.

    `name` is what messages call it, `id` is what the ids of its documents start with. `filename`, by default that of
    `path`, has the suffixes that say what it holds. `size` is its length in bytes, None when that is not known, and
    `consumed` how many of them were read, which a buffer may be ahead of the records given out; both count bytes as
    they lie there, compressed or not. What can be opened only once has its first bytes in `beginning`.
    """

    name: str
    id: str
    path: Path | None = None
    size: int | None = None
    filename: str = ""
    opener: Callable[[], BinaryIO] | None = field(default=None, compare=False, repr=False)
    beginning: bytes | None = field(default=None, compare=False, repr=False)
    consumed: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not self.filename and self.path is not None:
            self.filename = self.path.name

    @property
    def is_standard_input(self) -> bool:
        """Whether it has no name, suffix or size, and can be read once."""
        return self.path is None and self.opener is None

    @property
    def suffix(self) -> str:
        """The lower-case suffix of what it holds, that of a compression left out; `""` for standard input."""
        return suffixes(self.filename)[0]

    def open(self) -> "io.BufferedReader[Any]":
        """The bytes, decompressed and buffered; reading them moves `consumed`.

        Raises:
            OSError: it cannot be opened. Reading raises it too, where compressed data is damaged.
        """
        if self.is_standard_input:
            stream = sys.stdin.buffer
            return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)
        self.consumed = 0
        return decompressed(self.open_raw(), self.filename, self._count)

    def open_raw(self) -> BinaryIO:
        """The bytes as they lie there, for formats that go to and fro in a file. Nothing is counted.

        Raises:
            OSError: it cannot be opened.
        """
        if self.opener is not None:
            return self.opener()
        if self.path is None:
            raise OSError("standard input can only be read from beginning to end")
        return self.path.open("rb", buffering=0)

    def head(self, length: int = 256) -> bytes:
        """The first bytes, decompressed; empty for standard input and what is unreadable."""
        if self.is_standard_input:
            return b""
        try:
            raw = self.open_raw() if self.beginning is None else io.BytesIO(self.beginning)
            with decompressed(raw, self.filename, lambda _: None) as stream:
                return stream.read(length)
        except OSError:
            return b""

    def _count(self, read: int) -> None:
        self.consumed += read


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


def write_only(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The `read` of formats that are only written."""
    yield BadRecord(source.name, None, "this format is only written")


def short(raw: str | None) -> str | None:
    """`raw` where it is short enough to keep."""
    return raw if raw is not None and len(raw) <= LONGEST_RAW else None
