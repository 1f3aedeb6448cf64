"""WARC files of web crawls (ISO 28500) through warcio: their pages as documents, and the texts of WET files."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO

from elinker.corpus.formats.plain import decode
from elinker.corpus.inputs.compression import BUFFER
from elinker.corpus.inputs.html import decode_page, page_text
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError, MissingExtraError
from elinker.schema import Document

_PAGES = ("text/html", "application/xhtml+xml")
_LONGEST_LINE = 1 << 24
"""Bytes without a line break that warcio is given; it would hold a header of any length in memory."""


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a page or text that was answered with a status of 200 to 299, `line` being the record's number.

    Its id is the URL; `meta["warc"]` and `meta["http"]` have the headers. Records of other kinds, pictures and the like
    are passed over. What is wrong with the structure of the file ends it, for nothing says where the next record is.
    """
    try:
        from warcio.archiveiterator import ArchiveIterator
    except ModuleNotFoundError:
        raise MissingExtraError("warcio", "formats") from None
    number = 0
    bad = False
    with closing(source.open()) as stream:
        lines = _Lines(stream)
        archive = iter(ArchiveIterator(lines))
        while True:
            number += 1
            try:
                record = next(archive, None)
                if record is None:
                    break
                document = _document(record, f"{source.id}:{number}", options)
                _read_to_end(record)
            except InputError as error:
                bad = True
                yield BadRecord(source.name, number, str(error))
                continue
            except MissingExtraError:
                raise
            except OSError as error:
                raise OSError(f"record {number}: {error.strerror or error}") from None
            except Exception as error:  # what warcio raises on broken records is not documented and is many things
                reason = " ".join(f"{error or type(error).__name__}".split())
                yield BadRecord(source.name, number, f"not readable as WARC from here on: {reason}")
                return
            bad = False
            if document is not None:
                yield Located(document, source.name, number)
    if lines.since_break and not bad:
        yield BadRecord(source.name, None, "the file ends in the middle of a record")


def _document(record: Any, default_id: str, options: ReadOptions) -> Document | None:
    """The document of a record; None for one that holds no text."""
    if record.rec_type is None:
        raise InputError("the record has no WARC-Type")
    if not (record.rec_headers.get_header("Content-Length") or "").strip().isdecimal():
        raise InputError("the record has no Content-Length that is a number")
    kind, charset = _content_type(record)
    is_text = kind == "text/plain" and record.rec_type in ("response", "resource", "conversion")
    is_page = kind in _PAGES and record.rec_type in ("response", "resource")
    if not is_text and not is_page:
        return None
    if record.http_headers is not None and not (record.http_headers.get_statuscode() or "").startswith("2"):
        return None
    content = record.content_stream().read(options.max_bytes + 1)
    if len(content) > options.max_bytes:
        raise InputError(f"the record has more than {options.max_bytes:,} bytes", hint="--max-bytes sets the limit")
    meta: dict[str, Any] = {"warc": _headers(record.rec_headers)}
    if record.http_headers is not None:
        meta["http"] = _headers(record.http_headers)
    if is_page:
        text, title = page_text(content, charset, options.html)
        if title is not None:
            meta["title"] = title
    else:
        text = decode(content) if record.rec_type == "conversion" else decode_page(content, charset)
    identifier = record.rec_headers.get_header("WARC-Target-URI") or default_id
    return Document(_clean(identifier), text, meta=meta)


def _read_to_end(record: Any) -> None:
    """Pass over what is left of a record.

    Raises:
        InputError: the file ends before the record does.
    """
    while record.raw_stream.read(BUFFER):
        pass
    if getattr(record.raw_stream, "limit", 0) > 0:
        raise InputError(f"the file ends {record.raw_stream.limit:,} bytes before the record does")


def _content_type(record: Any) -> tuple[str, str | None]:
    """The media type of what was archived, in lower case, and its charset."""
    headers = record.http_headers if record.http_headers is not None else record.rec_headers
    kind, *parameters = (headers.get_header("Content-Type") or "").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip(" \"'")
    return kind.strip().lower(), None


def _headers(headers: Any) -> dict[str, str]:
    return {_clean(name): _clean(value) for name, value in headers.headers}


def _clean(text: str) -> str:
    """A header as it can be written: warcio keeps bytes that are not UTF-8 as lone surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Lines(io.RawIOBase):
    """A stream that ends in an error rather than give a line that is too long."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.since_break = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(BUFFER if size < 0 else size)
        after = content.rpartition(b"\n")
        self.since_break = len(after[2]) if after[1] else self.since_break + len(content)
        if self.since_break > _LONGEST_LINE:
            raise OSError(f"{_LONGEST_LINE:,} bytes without a line break")
        return content


FORMAT = Format("warc", reads=(".warc", ".wet"), read=read)
