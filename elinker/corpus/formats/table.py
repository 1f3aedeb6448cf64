"""Tables with a text column: CSV, TSV and Parquet. They are read, never written: mentions do not fit into one row.

CSV and TSV go through the standard library's parser line by line, because it alone says which bytes of which row are
broken and leaves the line ends inside a field as they are; Parquet goes through pyarrow, a batch of rows at a time.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, time
from math import isfinite
from typing import Any

from elinker.corpus.formats.jsonl import document_of
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.inputs.compression import BUFFER, suffixes
from elinker.corpus.records import LONGEST_RAW, BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document

_ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = 1 << 24


class _RowTooLongError(Exception):
    """A row goes on beyond the limit: somewhere in it a quote is not closed."""


class _Lines:
    """The lines of a source for `csv.reader`, remembering where the current row began and what was broken in it."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._lines = decode_lines(source, options)
        self._limit = options.max_bytes
        self.start_row()

    def start_row(self) -> None:
        self.first: int | None = None
        self.last: int | None = None
        self.error: InputError | None = None
        self._content: list[bytes] = []
        self._length = 0

    @property
    def raw(self) -> str | None:
        """The row as it is kept in a bad record."""
        return readable(b"".join(self._content))

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        number, line, content = next(self._lines)
        self.first, self.last = self.first or number, number
        if self._length <= 4 * LONGEST_RAW:  # what is longer is not kept
            self._content.append(content)
        self._length += len(content)
        if isinstance(line, InputError):
            self.error = self.error or line
            return content.decode("utf-8", "replace")
        if self._length > self._limit:
            raise _RowTooLongError
        return line

    def close(self) -> None:
        self._lines.close()  # type: ignore[attr-defined]


def _read_delimited(source: Source, options: ReadOptions, dialect: str) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # its default of 131,072 characters is shorter than many documents
    with closing(_Lines(source, options)) as lines:
        header: list[str] | None = None
        for row in _rows(lines, dialect, options):
            line = lines.first
            if isinstance(row, InputError):
                yield BadRecord(source.name, line, str(row), lines.raw)
            elif header is None:
                header = row
                try:
                    _check_columns(header, options)
                except InputError as error:
                    yield BadRecord(source.name, line, str(error), lines.raw)
                    return
            elif len(row) != len(header):
                reason = f"the row has {len(row)} fields, the header {len(header)}"
                yield BadRecord(source.name, line, reason, lines.raw)
            else:
                fields = dict(zip(header, row, strict=True))
                text = fields.pop(options.text_column)
                identifier = fields.pop(options.id_field, "") or f"{source.id}:{line}"
                yield Located(Document(identifier, text, meta=fields), source.name, line)


def _rows(lines: _Lines, dialect: str, options: ReadOptions) -> Iterator[list[str] | InputError]:
    """The rows that are not blank, or why one cannot be read; a broken row ends where its last line does."""
    reader = csv.reader(lines, dialect, strict=True)
    while True:
        lines.start_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            place = "" if lines.last == lines.first else f" (lines {lines.first} to {lines.last})"
            yield lines.error or InputError(f"not a {dialect} row{place}: {error}")
            continue
        except _RowTooLongError:
            reader = csv.reader(lines, dialect, strict=True)
            reason = f"lines {lines.first} to {lines.last} are one row of more than {options.max_bytes:,} bytes"
            yield InputError(reason, hint="is a quote not closed? --max-bytes sets the limit")
            continue
        if lines.error is not None:
            yield lines.error
        elif row:
            yield row


def _check_columns(names: Sequence[str], options: ReadOptions) -> None:
    if options.text_column not in names:
        listed = ", ".join(map(repr, names))
        raise InputError(f"no column {options.text_column!r}", hint=f"columns: {listed}; name one with --text-column")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"two columns are called {min(twice)!r}")


def _delimited(dialect: str) -> Callable[[Source, ReadOptions], Iterator[Record]]:
    def read(source: Source, options: ReadOptions) -> Iterator[Record]:
        return _read_delimited(source, options, dialect)

    return read


def _read_parquet(source: Source, options: ReadOptions) -> Iterator[Record]:
    import pyarrow
    from pyarrow import parquet

    done = 0
    try:
        if suffixes(source.filename)[1]:
            raise InputError("a Parquet file that is compressed once more is not read")
        if source.beginning is not None:
            raise InputError("a Parquet file in a tar archive is not read")
        # A row group is read through a small buffer a column, so that its size does not matter.
        with (
            closing(source.open_raw()) as raw,
            parquet.ParquetFile(raw, buffer_size=BUFFER, pre_buffer=False) as table,
        ):
            _check_columns(table.schema_arrow.names, options)
            for batch in table.iter_batches(batch_size=_rows_at_once(table.metadata)):
                for index in range(batch.num_rows):
                    done += 1
                    source.consumed = min(
                        (source.size or 0) * done // max(1, table.metadata.num_rows), source.size or 0
                    )
                    yield _parquet_row(batch, index, done, source, options)
    except (pyarrow.ArrowException, InputError, MemoryError, OSError, ValueError) as error:
        place = f" after row {done}" if done else ""
        yield BadRecord(source.name, None, f"not readable as Parquet{place}: {' '.join(str(error).split())}")


def _rows_at_once(metadata: Any) -> int:
    """Fewer rows where they are long. The numbers are the file's own: a lie costs time, not memory without bound."""
    groups = range(min(metadata.num_row_groups, 100))
    size = sum(int(metadata.row_group(number).total_byte_size) for number in groups)
    rows = sum(int(metadata.row_group(number).num_rows) for number in groups)
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE * rows // max(1, size)))


def _parquet_row(batch: Any, index: int, number: int, source: Source, options: ReadOptions) -> Record:
    """The document of a row; one that elinker wrote, with nested mentions, keeps them."""
    fields: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            fields[name] = _plain(column[index].as_py())
        except UnicodeDecodeError as error:
            reason = f"column {name!r} is not UTF-8 at byte {error.start} of its value"
            return BadRecord(source.name, number, reason)
        except (ValueError, OverflowError) as error:  # a date that Python does not have, and the like
            return BadRecord(source.name, number, f"column {name!r} cannot be read: {error}")
    text = fields[options.text_column]
    if not isinstance(text, str):
        kind = "null" if text is None else type(text).__name__
        return BadRecord(source.name, number, f"column {options.text_column!r} is {kind}, not a string")
    if len(text) > options.max_bytes:
        return BadRecord(source.name, number, f"the text has more than {options.max_bytes:,} characters")
    try:
        named = replace(options, text_field=options.text_column)
        return Located(document_of(fields, named, default_id=f"{source.id}:{number}"), source.name, number)
    except InputError as error:
        return BadRecord(source.name, number, str(error))


def _plain(value: Any) -> Any:
    """A value of a Parquet column as JSON has it: dates in ISO form, numbers that are not finite as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


CSV = Format("csv", reads=(".csv",), read=_delimited("excel"))
TSV = Format("tsv", reads=(".tsv",), read=_delimited("excel-tab"))
PARQUET = Format("parquet", reads=(".parquet",), read=_read_parquet)
