"""Inputs that nobody cleaned: each kind of trouble has a rule (docs/hostile-input.md), and here it is kept."""

import json
import resource
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.corpus import BadRecord, Located, ReadOptions, find_sources, read_records
from elinker.corpus.inputs.repeated_ids import RepeatedIds
from elinker.errors import UsageError
from elinker.schema import Document


def read(path: Path, **options: int | str) -> list[Located | BadRecord]:
    chosen = ReadOptions(**options)  # type: ignore[arg-type]
    return list(read_records(find_sources([path], chosen), chosen))


def documents(path: Path, **options: int | str) -> list[Document]:
    return [record.document for record in read(path, **options) if isinstance(record, Located)]


def bad(path: Path, **options: int | str) -> list[BadRecord]:
    return [record for record in read(path, **options) if isinstance(record, BadRecord)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


class TestSize:
    def test_a_line_of_100_megabytes_is_a_bad_record_in_little_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        with path.open("wb") as file:
            file.write(b'{"text": "before"}\n{"text": "')
            for _ in range(100):
                file.write(b"x" * 1_000_000)
            file.write(b'"}\n{"text": "after"}\n')
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first, long, last = read(path)
        assert isinstance(first, Located) and isinstance(last, Located) and last.line == 3
        assert isinstance(long, BadRecord) and long.line == 2 and long.raw is None
        assert long.reason == "the line has more than 50,000,000 bytes (--max-bytes sets the limit)"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KB

    @pytest.mark.parametrize("name", ["a.txt", "a.html", "a.conll", "a.csv", "a.jsonl"])
    def test_the_limit_holds_for_every_kind_of_text(self, tmp_path: Path, name: str) -> None:
        assert "--max-bytes sets the limit" in bad(write(tmp_path / name, "x" * 101), max_bytes=100)[0].reason

    def test_a_spacy_file_that_unpacks_to_very_much_is_refused_before_it_is_unpacked(self, tmp_path: Path) -> None:
        packing = zlib.compressobj(9)
        content = b"".join(packing.compress(bytes(1_000_000)) for _ in range(300)) + packing.flush()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (record,) = bad(write(tmp_path / "a.spacy", content))
        assert "it unpacks to more than 50,000,000 bytes" in record.reason
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KB; spaCy itself is loaded too

    def test_a_field_of_ten_megabytes_is_read(self, tmp_path: Path) -> None:
        text = "word " * 2_000_000
        assert documents(write(tmp_path / "a.csv", f'id,text\n1,"{text}"\n')) == [Document("1", text)]

    def test_an_empty_file_is_an_empty_document_or_none(self, tmp_path: Path) -> None:
        for name, count in (("a.txt", 1), ("a.jsonl", 0), ("a.csv", 0), ("a.conll", 0)):
            assert len(read(write(tmp_path / name, ""))) == count


class TestJson:
    def test_of_a_name_that_stands_twice_the_last_counts(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '{"id": "1", "text": "first", "text": "last"}\n')
        assert documents(path) == [Document("1", "last")]

    @pytest.mark.parametrize("number", ["1e999", "-1E+400", "1" * 400 + ".0", "NaN", "-Infinity"])
    def test_a_number_beyond_a_float_is_null(self, tmp_path: Path, number: str) -> None:
        path = write(tmp_path / "a.jsonl", f'{{"id": "1", "text": "x", "n": {number}, "m": 1.5}}\n')
        assert documents(path) == [Document("1", "x", meta={"n": None, "m": 1.5})]

    @pytest.mark.parametrize(
        "value", ["1" * 4301, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000]
    )
    def test_what_python_refuses_to_parse_is_a_bad_record(self, tmp_path: Path, value: str) -> None:
        (record,) = bad(write(tmp_path / "a.jsonl", f'{{"text": "x", "n": {value}}}\n'))
        assert "not JSON that can be read" in record.reason


class TestTables:
    def test_a_quote_that_is_not_closed_costs_the_rows_up_to_the_end_and_says_which(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.csv", 'id,text\n1,good\n2,"open\n3,lost\n4,lost\n')
        good, broken = read(path)
        assert isinstance(good, Located) and isinstance(broken, BadRecord)
        assert broken.line == 3 and "lines 3 to 5" in broken.reason

    def test_a_quote_that_is_not_closed_swallows_no_more_than_the_limit(self, tmp_path: Path) -> None:
        rows = "".join(f"{number},text of a row\n" for number in range(100))
        path = write(tmp_path / "a.csv", f'id,text\n0,"open\n{rows}')
        swallowed, *others = read(path, max_bytes=200)
        assert isinstance(swallowed, BadRecord) and "is a quote not closed?" in swallowed.reason
        assert len(others) > 85 and all(isinstance(record, Located) for record in others)

    def test_many_lines_in_one_row_take_time_in_proportion(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.csv", 'id,text\n0,"open\n' + "a\n" * 300_000)
        (record,) = read(path)
        assert isinstance(record, BadRecord) and record.raw is None

    @pytest.mark.parametrize("cut", [4, 100, 400, -8, -1])
    def test_a_parquet_file_that_was_cut_or_overwritten_is_bad_records(self, tmp_path: Path, cut: int) -> None:
        import pyarrow
        from pyarrow import parquet

        path = tmp_path / "a.parquet"
        parquet.write_table(pyarrow.table({"text": ["some text"] * 100, "n": list(range(100))}), path)
        content = path.read_bytes()
        for changed in (content[:cut], content[:cut] + b"\xff" * 8 + content[cut:]):
            assert all(record.reason.startswith("not readable as Parquet") for record in bad(write(path, changed)))


class TestFiles:
    def test_links_that_lead_in_a_circle_are_not_followed(self, tmp_path: Path) -> None:
        write(tmp_path / "a.txt", "x")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "up").symlink_to(tmp_path)
        (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
        assert [source.id for source in find_sources([tmp_path])] == ["a.txt"]
        with pytest.raises(UsageError, match="no such file"):
            find_sources([tmp_path / "self.txt"])

    def test_a_name_that_is_not_utf8_becomes_an_id_that_can_be_written(self, tmp_path: Path) -> None:
        write(tmp_path / "na\udcefve.txt", "x")
        (document,) = documents(tmp_path)
        assert document.id == "na\\xefve.txt"
        json.dumps(document.to_json(), ensure_ascii=False).encode()


class TestIds:
    def test_documents_with_the_same_id_are_kept_and_counted(self) -> None:
        records = [Located(Document(identifier, "x"), "a") for identifier in "abcabca"]
        repeated = RepeatedIds()
        assert list(repeated.watch([*records, BadRecord("a", 1, "bad")])) == [*records, BadRecord("a", 1, "bad")]
        assert (repeated.count, repeated.first) == (4, "a")

    @given(ids=st.lists(st.text(max_size=2), max_size=200), more=st.integers(0, 3000))
    def test_what_is_counted_is_what_a_set_would_count(self, ids: list[str], more: int) -> None:
        every = [*ids, *map(str, range(more)), *ids]
        repeated = RepeatedIds()
        assert len(list(repeated.watch(Located(Document(identifier, ""), "a") for identifier in every))) == len(every)
        assert repeated.count == len(every) - len(set(every))


class TestCharacters:
    def test_every_odd_character_is_text(self, tmp_path: Path) -> None:
        """NUL, controls, zero width, bidirectional overrides, joined emoji, private use, unassigned; markup."""
        text = "[LK] <MENTION> </s> "
        text += "a\x00b\x1b[31m \u200b\u200d\ufeff \u202eאבג\u202c 👩‍👩‍👧🏳️‍🌈 \ue000 \U0003ffff e\u0301 \x85\u2028"
        assert documents(write(tmp_path / "a.txt", text)) == [Document("a.txt", text)]
        assert documents(write(tmp_path / "a.jsonl", json.dumps({"id": "1", "text": text}) + "\n")) == [
            Document("1", text)
        ]
