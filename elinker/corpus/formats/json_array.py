"""The elements of a file that is one JSON array, read and written one at a time."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO

from elinker.corpus.formats.jsonl import encode, load
from elinker.corpus.formats.plain import decode
from elinker.corpus.records import ReadOptions, Source
from elinker.errors import InputError

_BLOCK = 1 << 18
_SPACE = re.compile(r"[ \t\r\n]*")
_BOM = b"\xef\xbb\xbf"


class ArrayWriter:
    """Writes an array with an element a line."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._started = False

    def add(self, value: Any) -> None:
        """Write an element; InputError where JSON cannot hold it."""
        content = encode(value)
        self._stream.write((b",\n" if self._started else b"[\n") + content)
        self._started = True

    def finish(self) -> None:
        """Close the array."""
        self._stream.write(b"\n]\n" if self._started else b"[]\n")


def elements(source: Source, options: ReadOptions) -> Iterator[tuple[int, Any]]:
    """The elements of an array with their numbers from 1; a file that is one object is its only element.

    Memory holds one element and a block of the file.

    Raises:
        InputError: the file is not UTF-8 or not JSON, or an element has more than `options.max_bytes` characters;
            nothing after such a place can be read.
    """
    with closing(source.open()) as stream:
        reading = _Reading(stream, options.max_bytes)
        opening = reading.peek()
        if opening != "[":
            yield 1, reading.value()
            if reading.peek():
                raise InputError("more than one JSON value, and no array")
            return
        reading.skip("[")
        number = 0
        while reading.peek() != "]":
            if number:
                reading.skip(",")
            number += 1
            yield number, reading.value()
        reading.skip("]")
        if reading.peek():
            raise InputError("something follows the end of the JSON array")


class _Reading:
    def __init__(self, stream: BinaryIO, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._text = ""
        self._position = 0
        self._rest = b""
        self._offset = 0
        self._ended = False
        self._decoder = json.JSONDecoder()
        self._more()
        self._text = self._text.removeprefix("\ufeff")

    def peek(self) -> str:
        """The next character that is not whitespace, `""` at the end."""
        while True:
            found = _SPACE.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._text) or self._ended:
                return self._text[self._position : self._position + 1]
            self._more()

    def skip(self, character: str) -> None:
        """Pass over a character."""
        found = self.peek()
        if found != character:
            raise InputError(f"not JSON: {found!r} where {character!r} belongs" if found else "the JSON ends too early")
        self._position += 1

    def value(self) -> Any:
        """The value that comes next."""
        self.peek()
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, self._position)
                if end < len(self._text) or self._ended:
                    break
            except RecursionError:
                raise InputError("not JSON that can be read: nested too deeply") from None
            except ValueError as error:
                if self._ended:
                    raise InputError(f"not JSON: {' '.join(str(error).split())}") from None
            self._more()
        content = self._text[self._position : end]
        self._position = end
        return load(content)

    def _more(self) -> None:
        """Read as much again as there is, so that long values are not parsed too often."""
        self._text = self._text[self._position :]
        self._position = 0
        if len(self._text) > self._longest:
            raise InputError(f"a JSON value has more than {self._longest:,} characters")
        content = self._stream.read(max(_BLOCK, len(self._text)))
        self._ended = not content
        content = self._rest + content
        whole = len(content) if self._ended else _whole(content)
        self._text += decode(content[:whole], offset=self._offset)
        self._rest = content[whole:]
        self._offset += whole


def _whole(content: bytes) -> int:
    """How many of the bytes are whole characters of UTF-8."""
    for back in range(1, min(4, len(content) + 1)):
        byte = content[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(content) if back >= length else len(content) - back
        if byte < 0x80:
            break
    return len(content)
