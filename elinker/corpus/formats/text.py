"""Characters that formats cannot take as they are: lone surrogates, controls, cells that a spreadsheet would run."""

import re
from typing import BinaryIO

from elinker.errors import InputError

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REPLACEMENT = "\ufffd"


def utf8(text: str) -> bytes:
    """The text as UTF-8.

    Raises:
        InputError: it has a lone surrogate.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"a lone surrogate \\u{ord(text[error.start]):04x} cannot be written as UTF-8") from None


def xml_characters(text: str) -> tuple[str, int]:
    """The text with U+FFFD for each character that XML 1.0 does not have (its section 2.2), and how many those are.

    Offsets stay as they are.

    Raises:
        InputError: it has a lone surrogate.
    """
    utf8(text)
    return _NOT_XML.subn(REPLACEMENT, text)


class Framed:
    """A stream whose content stands between a start and an end, which are written even around nothing."""

    def __init__(self, stream: BinaryIO, start: str, end: str) -> None:
        self._stream = stream
        self._start = start.encode()
        self._end = end.encode()

    def write(self, content: bytes) -> None:
        """Add content, behind the start."""
        self._stream.write(self._start + content)
        self._start = b""

    def finish(self) -> None:
        """Write the end."""
        self.write(self._end)
