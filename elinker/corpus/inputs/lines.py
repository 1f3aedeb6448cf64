"""The lines of a stream of bytes, none longer than a limit in memory. What the bytes mean is decided elsewhere."""

from collections.abc import Iterator
from typing import BinaryIO

from elinker.corpus.inputs.compression import BUFFER


def split_lines(stream: BinaryIO, newline: bytes, limit: int) -> Iterator[tuple[bytes, int]]:
    """Each line with its end, and its length in bytes; of one longer than `limit` only the first `limit` bytes.

    So a line is whole where the two agree. `limit` does not count the line's end.
    """
    return _short_lines(stream, limit) if newline == b"\n" else _lines_ending(stream, newline, limit)


def _short_lines(stream: BinaryIO, limit: int) -> Iterator[tuple[bytes, int]]:
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line, len(line)
            continue
        length = len(line)
        while rest := stream.readline(BUFFER):
            length += len(rest)
            if rest.endswith(b"\n"):
                break
        yield line[:limit], length


def _lines_ending(stream: BinaryIO, newline: bytes, limit: int) -> Iterator[tuple[bytes, int]]:
    """Lines whose end takes several bytes, which only count where a character begins, or another one byte."""
    width = len(newline)
    kept = bytearray()
    length = 0
    waiting = b""
    while content := stream.read(BUFFER):
        waiting += content
        whole = len(waiting) - len(waiting) % width
        start = 0
        while (end := _aligned(waiting, newline, start, whole)) >= 0:
            kept += waiting[start : min(end + width, start + max(0, limit + width - len(kept)))]
            length += end + width - start
            yield bytes(kept if length <= limit + width else kept[:limit]), length
            kept.clear()
            length, start = 0, end + width
        kept += waiting[start : min(whole, start + max(0, limit + width - len(kept)))]
        length += whole - start
        waiting = waiting[whole:]
    if length or waiting:
        kept += waiting
        length += len(waiting)
        yield bytes(kept if length <= limit + width else kept[:limit]), length


def _aligned(content: bytes, wanted: bytes, start: int, end: int) -> int:
    """Where `wanted` stands at a multiple of its length from `start`, which is one itself; -1 where it does not."""
    found = content.find(wanted, start, end)
    while found >= 0 and (found - start) % len(wanted):
        found = content.find(wanted, found + 1, end)
    return found
