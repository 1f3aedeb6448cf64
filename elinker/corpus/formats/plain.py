"""Plain text: a document a file, or a document a line; and the strict UTF-8 decoding that every text format shares.

Text is never altered: no newline translation, no normalisation. Only a byte order mark at a file's start is dropped.
"""

import codecs
from collections.abc import Iterator
from contextlib import closing

from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source, short
from elinker.errors import InputError
from elinker.schema import Document

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(content: bytes, *, offset: int = 0) -> str:
    """UTF-8 bytes as text; `offset` is where they start in their file.

    Raises:
        InputError: they are not UTF-8; the message names the byte offset in the file.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "the file looks like UTF-16: convert it" if offset == 0 and content.startswith(_UTF16) else None
        raise InputError(
            f"not UTF-8 at byte {offset + error.start}: 0x{content[error.start]:02x} ({error.reason})", hint=hint
        ) from None


def decode_lines(source: Source) -> Iterator[tuple[int, str | InputError, bytes]]:
    """Each line of a source: its number from 1, its text with its line end (or why it is none), its bytes.

    A line ends at `\\n`; a lone `\\r` is text. A byte order mark is dropped from the first line.
    """
    offset = 0
    with closing(source.open()) as stream:
        for number, content in enumerate(stream, start=1):
            start, offset = offset, offset + len(content)
            source.consumed = offset
            if number == 1 and content.startswith(codecs.BOM_UTF8):
                content, start = content.removeprefix(codecs.BOM_UTF8), start + len(codecs.BOM_UTF8)
            try:
                yield number, decode(content, offset=start), content
            except InputError as error:
                yield number, error, content


def readable(content: bytes) -> str | None:
    """Bytes as they are kept in a bad record: broken ones as `\\xNN`, nothing when they are long."""
    return short(content.decode("utf-8", "backslashreplace").rstrip("\r\n"))


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The whole file as one document whose id is the file's, or each line that is not blank as one (`id:line`)."""
    if options.lines:
        yield from _read_lines(source)
        return
    with closing(source.open()) as stream:
        content = stream.read()
    source.consumed = len(content)
    offset = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
    try:
        yield Located(Document(source.id, decode(content[offset:], offset=offset)), source.name)
    except InputError as error:
        yield BadRecord(source.name, None, str(error), readable(content))


def _read_lines(source: Source) -> Iterator[Record]:
    for number, text, content in decode_lines(source):
        if isinstance(text, InputError):
            yield BadRecord(source.name, number, str(text), readable(content))
            continue
        text = text.removesuffix("\n").removesuffix("\r")
        if text.strip():
            yield Located(Document(f"{source.id}:{number}", text), source.name, number)


FORMAT = Format("text", reads=(".txt", ".text"), read=read)
