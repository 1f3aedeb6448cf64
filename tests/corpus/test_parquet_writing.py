"""Parquet as it is written: other tools find the mentions in nested columns, and no group of rows is without bound."""

import io
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from elinker import Candidate, Document, Mention
from elinker.corpus import BadRecord, ReadOptions, read_documents
from elinker.corpus.formats import parquet as elinker_parquet
from elinker.errors import InputError

DOCUMENT = Document(
    "d1",
    "Ada Lovelace\r\nin 🏀 London",
    (
        Mention(0, 12, "Ada Lovelace", "Q7259", "Ada", 0.75, (Candidate("Q7259", "Ada", 0.9),)),
        Mention(19, 25, "London"),
    ),
    {"year": 1843, "tags": ["a", None], "nested": {"meta": "x"}},
)


def written(path: Path, documents: list[Document]) -> Path:
    with path.open("wb") as stream:
        writer = elinker_parquet.ParquetWriter(stream)
        for document in documents:
            writer.write(document)
        writer.finish()
    return path


def test_mentions_are_columns_that_other_tools_read(tmp_path: Path) -> None:
    table = parquet.read_table(written(tmp_path / "a.parquet", [DOCUMENT]))
    (row,) = table.to_pylist()
    assert row["mentions"][0]["candidates"] == [{"entity_id": "Q7259", "label": "Ada", "score": 0.9}]
    assert str(table.schema.field("mentions").type).startswith("list<")


def test_documents_come_back_as_they_were(tmp_path: Path) -> None:
    assert list(read_documents(written(tmp_path / "a.parquet", [DOCUMENT, Document("", "")]))) == [
        DOCUMENT,
        Document("", ""),
    ]


def test_names_of_columns_that_the_options_give_do_not_matter_to_own_files(tmp_path: Path) -> None:
    options = ReadOptions(text_column="body", id_field="url")
    assert list(read_documents(written(tmp_path / "a.parquet", [DOCUMENT]), options)) == [DOCUMENT]


def test_groups_of_rows_have_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elinker_parquet, "ROWS", 3)
    monkeypatch.setattr(elinker_parquet, "CHARACTERS", 500)
    documents = [Document(str(n), "x") for n in range(7)] + [Document("long", "y" * 600)]
    path = written(tmp_path / "a.parquet", documents)
    metadata = parquet.read_metadata(path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [3, 3, 2]
    assert list(read_documents(path)) == documents


@pytest.mark.parametrize("meta", [{"n": float("inf")}, {"s": "\ud800"}])
def test_a_document_that_cannot_be_held_leaves_the_others(tmp_path: Path, meta: dict[str, Any]) -> None:
    stream = io.BytesIO()
    writer = elinker_parquet.ParquetWriter(stream)
    writer.write(DOCUMENT)
    with pytest.raises(InputError):
        writer.write(Document("bad", "x", meta=meta))
    writer.finish()
    (tmp_path / "a.parquet").write_bytes(stream.getvalue())
    assert list(read_documents(tmp_path / "a.parquet")) == [DOCUMENT]


def test_meta_that_somebody_broke_is_a_bad_record(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [DOCUMENT])
    table = parquet.read_table(path)
    broken = table.set_column(4, "meta", [["{"]])
    parquet.write_table(broken.replace_schema_metadata(table.schema.metadata), path)
    (record,) = read_documents(path)
    assert isinstance(record, BadRecord) and "meta" in record.reason
