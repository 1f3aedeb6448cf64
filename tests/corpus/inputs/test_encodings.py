"""Encodings other than UTF-8: named, or found; lines end where they end in them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker.corpus import BadRecord, Located, ReadOptions, find_sources, read_records
from elinker.errors import UsageError

TEXT = "第一行\r\n日本 ਊ\u0a0a\n\n👩‍👩‍👧 end"


def texts(path: Path, encoding: str, **options: int) -> list[str]:
    chosen = ReadOptions(encoding=encoding, **options)
    records = read_records(find_sources([path], chosen), chosen)
    return [record.document.text if isinstance(record, Located) else f"! {record}" for record in records]


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig", "gb18030"]
)
def test_a_named_encoding_is_read_as_a_file_and_by_lines(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert texts(path, encoding) == [TEXT]
    assert texts(path, encoding, lines=True) == ["第一行", "日本 ਊ\u0a0a", "👩‍👩‍👧 end"]


def test_tables_and_json_lines_can_be_in_it_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,naïve\n".encode("latin-1"))
    (tmp_path / "a.jsonl").write_bytes('{"text": "日本"}\n'.encode("utf-16"))
    assert texts(tmp_path / "a.csv", "latin-1") == ["naïve"]
    assert texts(tmp_path / "a.jsonl", "utf-16") == ["日本"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "shift_jis"])
def test_detection_goes_by_the_mark_then_by_utf8_then_by_a_guess(tmp_path: Path, encoding: str) -> None:
    text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 5
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    assert texts(path, "detect") == [text]


def test_bytes_that_are_not_of_the_encoding_cost_only_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("fine\nbad ".encode("utf-16-le") + b"\x00\xd8" + "\nfine".encode("utf-16-le"))
    first, broken, last = texts(path, "utf-16-le", lines=True)
    assert first == last == "fine" and "a.txt:2: not UTF-16-LE at byte 18" in broken


def test_two_encodings_in_one_file_are_told_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("naïve\n".encode() + "naïve\n".encode("latin-1") + b"plain\n")
    good, bad, last = texts(path, "utf-8", lines=True)
    assert (good, last) == ("naïve", "plain") and "not UTF-8 at byte 9: 0xef" in bad


def test_utf16_that_is_not_named_is_one_bad_record_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode("utf-16"))
    for lines in (False, True):
        (complaint,) = texts(path, "utf-8", lines=lines)
        assert "looks like UTF-16" in complaint and "--encoding utf-16" in complaint


@pytest.mark.parametrize("name", ["", "no-such", "zlib", "base64", "rot13", "hex"])
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(UsageError, match="no encoding"):
        find_sources([tmp_path / "a.txt"], ReadOptions(encoding=name))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n")), max_size=8),
       encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-32-be"]), limit=st.integers(1, 60))  # fmt: skip
def test_lines_are_those_of_the_text_and_long_ones_are_told(
    tmp_path: Path, lines: list[str], encoding: str, limit: int
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\n".join(lines).encode(encoding))
    options = ReadOptions(lines=True, encoding=encoding, max_bytes=limit)
    found = list(read_records(find_sources([path], options), options))
    marked = lines[:1] and lines[0].startswith("\ufeff")
    for record in found:
        original = lines[(record.line or 0) - 1]
        if isinstance(record, BadRecord):
            assert "more than" in record.reason and len(original.encode(encoding)) > limit
        elif not (marked and record.line == 1):
            assert record.document.text == original.removesuffix("\r")
    assert len(found) == sum(bool(line.removesuffix("\r").strip()) for line in lines) or marked or limit < 60
