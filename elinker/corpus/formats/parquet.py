"""Parquet with nested mentions, for tables and data lakes: a row a document, `mentions` a list of structs.

Files with a text column that others wrote are read in `table`; here their rows are only given back the meta of ours.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, BinaryIO

from elinker.corpus.formats import table
from elinker.corpus.formats.jsonl import encode
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.schema import SCHEMA_VERSION, Document

ROWS = 1000
CHARACTERS = 4_000_000
"""A row group is written when it has so many rows, or characters in them; so much is held in memory."""

_MARK = b"elinker.schema"


class ParquetWriter:
    """Writes documents in row groups: columns `schema`, `id`, `text`, `mentions` and `meta`, this one as JSON."""

    def __init__(self, stream: BinaryIO) -> None:
        from pyarrow import parquet

        self._schema = _schema()
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._size = 0

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        row = document.to_json()
        # Also the check that every string is Unicode text and every number finite: Arrow would tell it only of a group.
        self._size += len(encode(row))
        row["meta"] = json.dumps(row["meta"], ensure_ascii=False)
        self._rows.append(row)
        if len(self._rows) >= ROWS or self._size >= CHARACTERS:
            self._flush()

    def finish(self) -> None:
        """Write what is left and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows, self._size = [], 0


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a row; of files that elinker wrote with mentions and meta, whatever the options call the columns."""
    if not _is_own(source):
        yield from table.PARQUET.read(source, options)
        return
    for record in table.PARQUET.read(source, replace(options, text_column="text", id_field="id")):
        yield record if isinstance(record, BadRecord) else _with_meta(record)


def _with_meta(record: Located) -> Record:
    try:
        meta = json.loads(record.document.meta.get("meta", "{}"))
    except (ValueError, TypeError, RecursionError):
        meta = None
    if not isinstance(meta, dict):
        return BadRecord(record.source, record.line, "column 'meta' is not a JSON object")
    return Located(replace(record.document, meta=meta), record.source, record.line)


def _is_own(source: Source) -> bool:
    import pyarrow
    from pyarrow import parquet

    try:
        with closing(source.open_raw()) as raw:
            return _MARK in (parquet.read_schema(raw).metadata or {})
    except (pyarrow.ArrowException, OSError, ValueError):
        return False


def _schema() -> Any:
    import pyarrow as pa

    candidate = pa.struct({"entity_id": pa.string(), "label": pa.string(), "score": pa.float64()})
    mention = pa.struct(
        {
            "start": pa.int64(),
            "end": pa.int64(),
            "text": pa.string(),
            "entity_id": pa.string(),
            "label": pa.string(),
            "score": pa.float64(),
            "candidates": pa.list_(candidate),
        }
    )
    columns = {"schema": pa.int32(), "id": pa.string(), "text": pa.string(), "mentions": pa.list_(mention)}
    return pa.schema({**columns, "meta": pa.string()}, metadata={_MARK: str(SCHEMA_VERSION)})


FORMAT = Format("parquet", reads=(".parquet",), read=read, writes=(".parquet",), write=ParquetWriter, streams=False)
