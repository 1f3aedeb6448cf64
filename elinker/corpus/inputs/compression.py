"""Compressed inputs: which suffixes mean compression, and the bytes inside as a stream. Nothing is unpacked to disk.

What is damaged or cut off raises `OSError` where the damage is reached; all that came before it has been given out.
Memory is bounded whatever a file claims: a few hundred bytes that stand for gigabytes cost time alone.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, BinaryIO

from elinker.errors import MissingExtraError

BUFFER = 1 << 17
"""Bytes that are read at once."""

_ZSTANDARD_STEP = 1 << 10
"""Compressed bytes that are unpacked at once: a block of 4 bytes may stand for 128 KiB."""


_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".bz2": lambda stream: bz2.BZ2File(stream),
    ".xz": lambda stream: lzma.LZMAFile(stream),  # noqa: SIM115 (closed by `_Unpacked`)
    ".zst": lambda stream: _Frames(stream),
}
_SHORT = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}


def suffixes(filename: str) -> tuple[str, str]:
    """The lower-case suffix of what a file holds and that of its compression, each `""` where there is none."""
    suffix = PurePath(filename).suffix.lower()
    if suffix in _SHORT:
        inner, outer = _SHORT[suffix].rsplit(".", 1)
        return inner, f".{outer}"
    if suffix not in _OPENERS:
        return suffix, ""
    return PurePath(PurePath(filename).stem).suffix.lower(), suffix


def check_available(filename: str) -> None:
    """Say before anything is read that a package is missing.

    Raises:
        MissingExtraError: the file is compressed with Zstandard, and its package is not installed.
    """
    if suffixes(filename)[1] == ".zst":
        _package()


def decompressed(raw: BinaryIO, filename: str, on_read: Callable[[int], None]) -> "io.BufferedReader[Any]":
    """The bytes of a file, unpacked where its name says that they are compressed; closing it closes `raw`.

    `on_read` is told how many bytes of `raw` were read each time.
    """
    compression = suffixes(filename)[1]
    buffered: io.BufferedReader[Any] = io.BufferedReader(_Raw(raw, on_read), BUFFER)
    return io.BufferedReader(_Unpacked(buffered, compression), BUFFER) if compression else buffered


class _Raw(io.RawIOBase):
    """Any binary stream as a raw one that tells what is read of it."""

    def __init__(self, stream: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._on_read(len(content))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _Unpacked(io.RawIOBase):
    """Decompressed bytes; what the many libraries raise on broken data becomes one `OSError` that says so."""

    def __init__(self, stream: "io.BufferedReader[Any]", compression: str) -> None:
        self._stream = stream
        self._kind = compression.removeprefix(".")
        self._inner = _OPENERS[compression](stream)
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._begun and not self._stream.peek(1):
            raise OSError(f"damaged {self._kind} data: it is empty")
        self._begun = True
        try:
            content = self._inner.read1(len(buffer))
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, _DamagedError) as error:
            raise OSError(f"damaged {self._kind} data: {error}") from None
        except OSError as error:
            if error.errno is None:  # bz2 has no exception of its own
                raise OSError(f"damaged {self._kind} data: {error}") from None
            raise
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._stream.close()
        super().close()


class _DamagedError(Exception):
    """Zstandard data that cannot be unpacked."""


class _Frames:
    """Zstandard frames one after another. The package's own reader takes a file that was cut off for a whole one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._package = _package()
        self._stream = stream
        self._decoder: Any = None
        self._waiting = b""
        self._unpacked = memoryview(b"")

    def read1(self, size: int) -> bytes:
        """At most `size` bytes; none at the end of the last frame."""
        while not self._unpacked:
            packed = self._waiting or self._stream.read(_ZSTANDARD_STEP)
            self._waiting = b""
            if not packed:
                if self._decoder is not None:
                    raise _DamagedError("it ends in the middle of a frame")
                return b""
            self._unpacked = memoryview(self._unpack(packed))
        content, self._unpacked = bytes(self._unpacked[:size]), self._unpacked[size:]
        return content

    def _unpack(self, packed: bytes) -> bytes:
        self._decoder = self._decoder or self._package.ZstdDecompressor().decompressobj()
        try:
            content: bytes = self._decoder.decompress(packed)
        except self._package.ZstdError as error:
            raise _DamagedError(str(error)) from None
        if self._decoder.eof:
            self._waiting = self._decoder.unused_data
            self._decoder = None
        return content

    def close(self) -> None:
        """Nothing but the stream is open."""


def _package() -> Any:
    try:
        import zstandard
    except ModuleNotFoundError:
        raise MissingExtraError("zstandard", "formats") from None
    return zstandard
