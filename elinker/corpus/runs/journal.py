"""The journal: a line for each shard whose files are complete, with checksums. A line that is not whole is none."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

JOURNAL = "run.journal"

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class PartFile:
    """A complete file: its name, its size in bytes, its SHA-256 in hex."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "PartFile":
        """The record of a file with this content."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished shard: the digest of what was read for it, what came of it, and its files.

    `seconds` is the time that the run spent on it, `losses` what its format could not hold (`elinker.corpus.losses`).
    """

    shard: int
    read: str
    documents: int
    bad: int
    mentions: int
    linked: int
    tokens: int
    seconds: float
    losses: dict[str, int]
    files: tuple[PartFile, ...]

    def line(self) -> bytes:
        """The entry as a line: a checksum of the rest, a blank, JSON, a line feed."""
        content = json.dumps(asdict(self), separators=(",", ":")).encode("ascii")
        return _checksum(content) + b" " + content + b"\n"


def read_entries(content: bytes) -> dict[int, Entry]:
    """The entries of a journal by shard, of several for one shard the last. What is torn or damaged is left out."""
    entries = (_entry(line) for line in content.split(b"\n"))
    return {entry.shard: entry for entry in entries if entry is not None}


def lines(entries: Iterable[Entry]) -> bytes:
    """A journal with exactly these entries."""
    return b"".join(entry.line() for entry in entries)


def _entry(line: bytes) -> Entry | None:
    checksum, content = line[:_DIGITS], line[_DIGITS + 1 :]
    if not content or _checksum(content) != checksum:
        return None
    value: Mapping[str, Any] = json.loads(content)
    return Entry(**{**value, "files": tuple(PartFile(**file) for file in value["files"])})


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:_DIGITS].encode("ascii")
