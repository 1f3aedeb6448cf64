"""Tables with a text column: CSV, TSV and Parquet. They are read, never written: mentions do not fit into one row.

CSV and TSV go through the standard library's parser line by line, because it alone says which bytes of which row are
broken and leaves the line ends inside a field as they are; Parquet goes through pyarrow, a batch of rows at a time.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, time
from math import isfinite
from typing import Any

from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document

_ROWS_AT_ONCE = 256


class _Lines:
    """The lines of a source for `csv.reader`, remembering where the current row began and what was broken in it."""

    def __init__(self, source: Source) -> None:
        self._lines = decode_lines(source)
        self.start_row()

    def start_row(self) -> None:
        self.first: int | None = None
        self.error: InputError | None = None
        self.content = b""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        number, line, content = next(self._lines)
        self.first = self.first or number
        self.content += content
        if isinstance(line, InputError):
            self.error = self.error or line
            return content.decode("utf-8", "replace")
        return line

    def close(self) -> None:
        self._lines.close()  # type: ignore[attr-defined]


def _read_delimited(source: Source, options: ReadOptions, dialect: str) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # its default of 131,072 characters is shorter than many documents
    with closing(_Lines(source)) as lines:
        header: list[str] | None = None
        for row in _rows(lines, dialect):
            line = lines.first
            raw = readable(lines.content)
            if isinstance(row, InputError):
                yield BadRecord(source.name, line, str(row), raw)
            elif header is None:
                header = row
                try:
                    _check_columns(header, options)
                except InputError as error:
                    yield BadRecord(source.name, line, str(error), raw)
                    return
            elif len(row) != len(header):
                reason = f"the row has {len(row)} fields, the header {len(header)}"
                yield BadRecord(source.name, line, reason, raw)
            else:
                fields = dict(zip(header, row, strict=True))
                text = fields.pop(options.text_column)
                identifier = fields.pop(options.id_field, "") or f"{source.id}:{line}"
                yield Located(Document(identifier, text, meta=fields), source.name, line)


def _rows(lines: _Lines, dialect: str) -> Iterator[list[str] | InputError]:
    """The rows that are not blank, or why one cannot be read; a broken row ends where its last line does."""
    reader = csv.reader(lines, dialect, strict=True)
    while True:
        lines.start_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield lines.error or InputError(f"not a {dialect} row: {error}")
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

    if source.path is None:
        yield BadRecord(source.name, None, "Parquet cannot be read from standard input")
        return
    try:
        with parquet.ParquetFile(source.path) as table:
            _check_columns(table.schema_arrow.names, options)
            done = 0
            for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
                for index in range(batch.num_rows):
                    done += 1
                    source.consumed = (source.size or 0) * done // table.metadata.num_rows
                    yield _parquet_row(batch, index, done, source, options)
    except (pyarrow.ArrowException, InputError) as error:
        yield BadRecord(source.name, None, f"not readable as Parquet: {error}")


def _parquet_row(batch: Any, index: int, number: int, source: Source, options: ReadOptions) -> Record:
    fields: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            fields[name] = column[index].as_py()
        except UnicodeDecodeError as error:
            reason = f"column {name!r} is not UTF-8 at byte {error.start} of its value"
            return BadRecord(source.name, number, reason)
    text = fields.pop(options.text_column)
    if not isinstance(text, str):
        kind = "null" if text is None else type(text).__name__
        return BadRecord(source.name, number, f"column {options.text_column!r} is {kind}, not a string")
    identifier = fields.pop(options.id_field, None)
    identifier = f"{source.id}:{number}" if identifier is None else str(identifier)
    meta = {name: _plain(value) for name, value in fields.items()}
    return Located(Document(identifier, text, meta=meta), source.name, number)


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
