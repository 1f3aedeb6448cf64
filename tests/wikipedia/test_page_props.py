"""Rows of page_props are found, and only rows."""

import gzip

import pytest

from elinker.errors import InputError
from elinker.wikipedia import page_props
from elinker.wikipedia.page_props import read_page_props


def test_items_and_disambiguation_pages_are_read_and_values_are_not_taken_for_rows(samples):
    props = read_page_props(samples / "page_props.sql")
    assert {page: props.qid(page) for page in props.items} == {
        17: "Q5679", 974: "Q7259", 1271: "Q181365", 5698: "Q46633", 19694: "Q1"
    }  # fmt: skip
    assert props.disambiguations == {17867}
    assert props.qid(1) is None


@pytest.mark.parametrize("chunk", [1, 7, 64, 300])
def test_rows_across_chunks_are_found_once(tmp_path, samples, monkeypatch, chunk):
    expected = read_page_props(samples / "page_props.sql")
    monkeypatch.setattr(page_props, "_CHUNK", chunk)
    packed = tmp_path / "page_props.sql.gz"
    packed.write_bytes(gzip.compress((samples / "page_props.sql").read_bytes()))
    assert read_page_props(packed) == expected


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "no rows"), (b"\xff\x00", "no rows"), (gzip.compress(b"x" * 999)[:-9], "damaged"), (b"\x1f\x8b", "damaged")],
)
def test_a_file_without_rows_or_damaged_is_an_error_with_its_name(tmp_path, content, complaint):
    path = tmp_path / "p.sql"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint) as caught:
        read_page_props(path)
    assert caught.value.message.startswith(str(path))
