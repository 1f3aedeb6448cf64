import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from elinker.errors import InputError, UsageError
from elinker.kb import EntityFile, Rejects
from elinker.schema import Entity

APPLE = Entity("Q312", "Apple", ("Apple Inc.", "AAPL"), "maker, of computers", ("organization",))
TOKYO = Entity("Q1490", "東京")


def read(path: Path) -> tuple[list[Entity], list[dict[str, Any]]]:
    with Rejects(path.with_name("rejects.jsonl")) as rejects:
        entities = list(EntityFile(path, rejects=rejects))
    lines = rejects.path.read_text().splitlines() if rejects.path.exists() else []
    return entities, [json.loads(line) for line in lines]


def jsonl(*rows: Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


FULL = {
    "id": "Q312",
    "label": "Apple",
    "aliases": ["Apple Inc.", "AAPL"],
    "description": "maker, of computers",
    "types": ["organization"],
}
CSV = (
    'id,label,aliases,description,types\nQ312,Apple,Apple Inc.|AAPL,"maker, of computers",organization\nQ1490,東京,,,\n'
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("e.jsonl", jsonl(FULL, {"id": "Q1490", "label": "東京"})),
        ("e.ndjson", jsonl(FULL, {"id": "Q1490", "label": "東京", "aliases": None, "description": None})),
        ("e.csv", CSV.encode()),
        ("e.tsv", CSV.replace('"maker, of computers"', "maker; of computers").replace(",", "\t").encode()),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("compressed", [False, True])
def test_text_formats_give_the_same_entities(
    tmp_path: Path, name: str, data: bytes, bom: bytes, newline: bytes, compressed: bool
) -> None:
    data = bom + data.replace(b"\n", newline).replace(b"maker; of", b"maker, of")
    path = tmp_path / (name + ".gz" if compressed else name)
    path.write_bytes(gzip.compress(data) if compressed else data)
    assert read(path) == ([APPLE, TOKYO], [])


def test_parquet_gives_the_same_entities(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pd.DataFrame([FULL, {"id": "Q1490", "label": "東京"}]).to_parquet(path)
    assert read(path) == ([APPLE, TOKYO], [])


def test_parquet_needs_only_the_required_columns(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pd.DataFrame([{"label": "東京", "id": "Q1490", "rank": 1}, {"label": None, "id": "Q2", "rank": 2}]).to_parquet(path)
    entities, rejects = read(path)
    assert entities == [TOKYO]
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [(2, "label is missing")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "Q1"}', "label is missing"),
        (b'{"label": "x"}', "id is missing"),
        (b'{"id": " ", "label": "x"}', "id is missing"),
        (b'{"id": 1, "label": "x"}', "id is a number, not a string"),
        (b'{"id": "Q1", "label": "x", "aliases": "y"}', "aliases is a string, not a list of strings"),
        (b'{"id": "Q1", "label": "x", "types": [null]}', "types has null among its strings"),
        (b'{"id": "Q1", "label": "x", "description": true}', "description is a boolean, not a string"),
        (b'["Q1", "x"]', "the row is a list, not an object"),
        (b'{"id": "Q1", "label": "\\ud800"}', "label is not valid UTF-8"),
        (b'{"id": "Q1", "label": "\xff"}', "label is not valid UTF-8"),
        (b'{"id": "Q1", "label"', "broken JSON: Expecting ':' delimiter: line 1 column 21 (char 20)"),
        (b"[" * 100_000, "broken JSON: maximum recursion depth exceeded"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_line_and_reason(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(jsonl(FULL) + b"\n" + line + b"\n" + jsonl({"id": "Q1490", "label": "東京"}))
    entities, rejects = read(path)
    assert entities == [APPLE, TOKYO]
    assert [reject["line"] for reject in rejects] == [3]
    assert rejects[0]["reason"].startswith(reason)


def test_a_rejected_row_is_kept_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(b'{"id": "Q1", "note": "n"}\n{oops\n' + jsonl(FULL))
    _, rejects = read(path)
    assert [reject["row"] for reject in rejects] == [{"id": "Q1", "note": "n"}, "{oops"]


def test_ragged_csv_rows_are_set_aside_at_the_line_where_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('id,label,description\nQ1,one,"two\nlines"\nQ2,two\n\nQ3,three,3,4\nQ4,four,\n')
    entities, rejects = read(path)
    assert [entity.id for entity in entities] == ["Q1", "Q4"]
    assert entities[0].description == "two\nlines"
    assert [(reject["line"], reject["reason"], reject["row"]) for reject in rejects] == [
        (4, "2 cells, the header has 3", ["Q2", "two"]),
        (6, "4 cells, the header has 3", ["Q3", "three", "3", "4"]),
    ]


def test_broken_quoting_costs_one_csv_row(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('id,label\nQ1,"one" more\nQ2,two\n')
    entities, rejects = read(path)
    assert [entity.id for entity in entities] == ["Q2"]
    assert (rejects[0]["line"], rejects[0]["row"]) == (2, 'Q1,"one" more\n')
    assert rejects[0]["reason"].startswith("broken quoting")


def test_blank_and_repeated_names_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("id,label,aliases\n Q1 , one ,uno| |uno|one|\n")
    assert read(path) == ([Entity("Q1", "one", ("uno",))], [])


@pytest.mark.parametrize(
    ("data", "message"),
    [("id,name\n", "no column label"), ("", "is empty"), ("id,label,label\n", "two columns")],
)
def test_a_csv_without_a_usable_header_is_one_error(tmp_path: Path, data: str, message: str) -> None:
    path = tmp_path / "e.csv"
    path.write_text(data)
    with pytest.raises(InputError, match=message):
        read(path)


def test_columns_that_mean_nothing_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("id,label,alias\nQ1,one,uno\n")
    source = EntityFile(path)
    assert list(source) == [Entity("Q1", "one")]
    assert source.ignored == {"alias"}


@pytest.mark.parametrize("name", ["e.txt", "e", "e.gz", "e.parquet.gz"])
def test_an_unknown_suffix_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="not named like an entity file"):
        EntityFile(tmp_path / name)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no entity file"):
        EntityFile(tmp_path / "e.jsonl")


@pytest.mark.parametrize("name", ["e.parquet", "e.jsonl.gz"])
def test_a_damaged_binary_file_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not what the name says")
    with pytest.raises(InputError, match=name):
        read(tmp_path / name)


def test_rejects_of_an_earlier_run_are_removed_when_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text("old")
    (tmp_path / "e.jsonl").write_bytes(jsonl(FULL))
    assert read(tmp_path / "e.jsonl") == ([APPLE], [])
    assert not (tmp_path / "rejects.jsonl").exists()
