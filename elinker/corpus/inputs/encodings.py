"""Encodings of texts: which one a file has, how its lines end in it, and its byte order mark. UTF-8 unless named."""

import codecs
from dataclasses import dataclass
from typing import Any

from elinker.errors import MissingExtraError, UsageError

DETECT = "detect"
"""In place of an encoding's name: a byte order mark, else UTF-8 where it is that, else a guess."""

_MARKS = (
    ("utf-8", codecs.BOM_UTF8),
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32-be", codecs.BOM_UTF32_BE),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)
"""UTF-32's before UTF-16's, which begin like it."""

_SAMPLE = 1 << 15


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding as a file has it: Python's name, the line end, and the byte order mark that the file begins with."""

    name: str
    newline: bytes = b"\n"
    mark: bytes = b""


def check_encoding(name: str) -> None:
    """Refuse what is no encoding of text.

    Raises:
        UsageError: Python knows no such encoding.
        MissingExtraError: encodings are to be detected, and the package that does it is not installed.
    """
    if name == DETECT:
        _detector()
        return
    try:
        "\n".encode(name)
        b"".decode(name)
    except (LookupError, ValueError):
        raise UsageError(
            f"no encoding {name!r}", hint="for example utf-8, latin-1, cp1252, shift_jis, utf-16, or detect"
        ) from None


def encoding_of(name: str, beginning: bytes) -> Encoding:
    """The encoding called `name` of a file that begins so. UTF-16 and UTF-32 without a mark are little-endian."""
    if name == DETECT:
        name = _detected(beginning)
    name = codecs.lookup(name).name.removesuffix("-sig")
    if name in ("utf-16", "utf-32"):
        name = next((one for one, mark in _MARKS if one.startswith(name) and beginning.startswith(mark)), f"{name}-le")
    mark = next((mark for one, mark in _MARKS if one == name and beginning.startswith(mark)), b"")
    return Encoding(name, "\n".encode(name), mark)


def _detected(beginning: bytes) -> str:
    for name, mark in _MARKS:
        if beginning.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
        return "utf-8"
    except UnicodeDecodeError:
        best = _detector()(beginning[:_SAMPLE]).best()
        return "utf-8" if best is None else str(best.encoding)


def _detector() -> Any:
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:
        raise MissingExtraError("charset-normalizer", "formats") from None
    return from_bytes
