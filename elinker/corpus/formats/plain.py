"""Plain text: a document a file, or a document a line; and the strict decoding that every text format shares.

Text is never altered: no newline translation, no normalisation. Only a byte order mark at a file's start is dropped.
"""

import codecs
from collections.abc import Iterator
from contextlib import closing

from elinker.corpus.inputs.compression import BUFFER
from elinker.corpus.inputs.encodings import encoding_of
from elinker.corpus.inputs.lines import split_lines
from elinker.corpus.records import LONGEST_RAW, BadRecord, Format, Located, ReadOptions, Record, Source, short
from elinker.errors import InputError
from elinker.schema import Document

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(content: bytes, *, offset: int = 0, encoding: str = "utf-8") -> str:
    """Bytes as text, by default UTF-8; `offset` is where they start in their file.

    Raises:
        InputError: they are not of the encoding; the message names the byte offset in the file.
    """
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and offset == 0 and content.startswith(_UTF16):
            raise _looks_like_utf16() from None
        place = f"{offset + error.start}: 0x{content[error.start]:02x} ({error.reason})"
        raise InputError(f"not {encoding.upper()} at byte {place}") from None
    except ValueError as error:  # some of Python's encodings say no more
        raise InputError(f"not {encoding.upper()}: {error}") from None


def _looks_like_utf16() -> InputError:
    return InputError("not UTF-8 at byte 0: it looks like UTF-16", hint="convert it, or give --encoding utf-16")


def decode_lines(source: Source, options: ReadOptions | None = None) -> Iterator[tuple[int, str | InputError, bytes]]:
    """Each line of a source: its number from 1, its text with its line end (or why it is none), its bytes.

    A line ends at `\\n`; a lone `\\r` is text. A byte order mark is dropped from the first line. A line that is longer
    than the options allow is none, and only its first bytes are given.
    """
    options = options or ReadOptions()
    offset = 0
    with closing(source.open()) as stream:
        beginning = stream.peek(BUFFER)
        encoding = encoding_of(options.encoding, beginning)
        if encoding.name == "utf-8" and beginning.startswith(_UTF16):
            yield 1, _looks_like_utf16(), b""  # its lines would be a mess of broken and of wrong ones
            return
        lines = split_lines(stream, encoding.newline, options.max_bytes)
        for number, (content, length) in enumerate(lines, start=1):
            start, offset = offset, offset + length
            if len(content) < length:
                yield number, _too_long("the line", options), content[: 4 * LONGEST_RAW + 4]
                continue
            if number == 1 and encoding.mark:
                content, start = content.removeprefix(encoding.mark), start + len(encoding.mark)
            try:
                yield number, decode(content, offset=start, encoding=encoding.name), content
            except InputError as error:
                yield number, error, content


def read_whole(source: Source, options: ReadOptions) -> bytes:
    """All bytes of a source that is one document.

    Raises:
        InputError: there are more than the options allow.
        OSError: it cannot be read.
    """
    with closing(source.open()) as stream:
        content = stream.read(options.max_bytes + 1)
    if len(content) > options.max_bytes:
        raise _too_long("the file", options)
    return content


def _too_long(what: str, options: ReadOptions) -> InputError:
    return InputError(f"{what} has more than {options.max_bytes:,} bytes", hint="--max-bytes sets the limit")


def readable(content: bytes) -> str | None:
    """Bytes as they are kept in a bad record: broken ones as `\\xNN`, nothing when they are long."""
    return short(content[: 4 * LONGEST_RAW + 4].decode("utf-8", "backslashreplace").rstrip("\r\n"))


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The whole file as one document whose id is the file's, or each line that is not blank as one (`id:line`)."""
    if options.lines:
        yield from _read_lines(source, options)
        return
    content = b""
    try:
        content = read_whole(source, options)
        encoding = encoding_of(options.encoding, content[:BUFFER])
        offset = len(encoding.mark)
        text = decode(content[offset:], offset=offset, encoding=encoding.name)
        yield Located(Document(source.id, text), source.name)
    except InputError as error:
        yield BadRecord(source.name, None, str(error), readable(content) if content else None)


def _read_lines(source: Source, options: ReadOptions) -> Iterator[Record]:
    for number, text, content in decode_lines(source, options):
        if isinstance(text, InputError):
            yield BadRecord(source.name, number, str(text), readable(content))
            continue
        text = text.removesuffix("\n").removesuffix("\r")
        if text.strip():
            yield Located(Document(f"{source.id}:{number}", text), source.name, number)


FORMAT = Format("text", reads=(".txt", ".text"), read=read)
