"""Large line-oriented sources: plain, gzip or bzip2, a file or a pipe, with the position for a progress display."""

import bz2
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from elinker.errors import InputError, UsageError

MAX_LINE = 1 << 26
"""Bytes of the longest line that is read, 64 MiB; the largest entities of Wikidata have about 5 MB."""

STDIN = Path("-")

_BUFFER = 1 << 20
_PIECE = 1 << 17
"""Bytes that gzip unpacks at a time: its own pieces of 8 KiB are slow, and a piece that is damaged is lost whole."""


class Source:
    """A file of lines, or standard input where the path is `-`. Compression is told by the first bytes.

    Raises:
        UsageError: the path is a directory or does not exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.size: int | None = None
        self._raw: _Counted | None = None
        if self.path == STDIN:
            return
        if not self.path.exists():
            raise UsageError(f"no file {self.path}")
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a directory, not a file")
        self.size = self.path.stat().st_size if self.path.is_file() else None

    @property
    def position(self) -> int:
        """Bytes read so far, of the file as it lies on the disk."""
        return 0 if self._raw is None else self._raw.count

    def lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Each line's number from 1 and its bytes without white space at the ends; None for one above `MAX_LINE`.

        Raises:
            InputError: the compressed data are damaged or cut short; the lines before were given,
                but for those of the last piece.
        """
        with self._opened() as file:
            number = 0
            try:
                while data := file.readline(MAX_LINE):
                    number += 1
                    if len(data) == MAX_LINE and not data.endswith(b"\n"):
                        _skip_line(file)
                        yield number, None
                    else:
                        yield number, data.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else data.strip()
            except (OSError, EOFError, zlib.error) as error:
                raise InputError(f"{self.path} is damaged or cut short after line {number:,}: {error}") from None

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with open(sys.stdin.fileno() if self.path == STDIN else self.path, "rb", 0, closefd=self.path != STDIN) as raw:
            self._raw = _Counted(raw)
            buffered = io.BufferedReader(self._raw, _BUFFER)
            start = buffered.peek(3)[:3]
            if start == b"BZh":
                yield bz2.BZ2File(buffered)
            elif start[:2] == b"\x1f\x8b":
                unzipped: Any = gzip.GzipFile(fileobj=buffered)
                yield io.BufferedReader(unzipped, _PIECE)
            else:
                yield buffered


class _Counted(io.RawIOBase):
    """A raw stream that counts what is read from it."""

    def __init__(self, raw: Any) -> None:
        self._source = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        read: int | None = self._source.readinto(buffer)
        self.count += read or 0
        return read


def _skip_line(file: IO[bytes]) -> None:
    while (data := file.readline(_BUFFER)) and not data.endswith(b"\n"):
        pass
