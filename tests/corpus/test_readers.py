"""What each kind of input is read as, and what is said about inputs that are broken."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

from elinker import Document, Mention
from elinker.corpus import BadRecord, ReadOptions, find_sources, read_annotations, read_documents, read_records
from elinker.errors import InputError, UsageError


def read(path: Path, **options: Any) -> list[Document | BadRecord]:
    return list(read_documents(path, ReadOptions(**options)))


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def bad(record: Document | BadRecord) -> BadRecord:
    assert isinstance(record, BadRecord), record
    return record


class TestText:
    def test_a_file_is_one_document_with_every_character_kept(self, tmp_path: Path) -> None:
        text = "one\r\ntwo\rthree\n\n\x00 \u202e👩‍👩‍👧 [LK]\n"
        assert read(write(tmp_path / "a.txt", text)) == [Document("a.txt", text)]

    def test_a_byte_order_mark_is_dropped_at_the_start_only(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt", "\ufeffone\ufefftwo\n\ufeffthree")
        assert read(path) == [Document("a.txt", "one\ufefftwo\n\ufeffthree")]
        assert read(path, lines=True) == [
            Document("a.txt:1", "one\ufefftwo"),
            Document("a.txt:2", "\ufeffthree"),
        ]

    def test_lines_are_documents_without_their_line_end_and_blank_ones_are_skipped(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt", "one\r\n\n \t\r\ntwo\rhalf\x0b\x85\nthree ")
        assert read(path, lines=True) == [
            Document("a.txt:1", "one"),
            Document("a.txt:4", "two\rhalf\x0b\x85"),
            Document("a.txt:5", "three "),
        ]

    def test_broken_utf8_names_the_byte_in_the_file(self, tmp_path: Path) -> None:
        content = b"\xef\xbb\xbfna\xc3\xafve\nbad \xff here\nfine\n"
        whole = bad(read(write(tmp_path / "a.txt", content))[0])
        assert "byte 14" in whole.reason and content[14] == 0xFF
        first, second, third = read(tmp_path / "a.txt", lines=True)
        assert isinstance(first, Document) and isinstance(third, Document)
        assert bad(second) == BadRecord(
            str(tmp_path / "a.txt"), 2, "not UTF-8 at byte 14: 0xff (invalid start byte)", "bad \\xff here"
        )

    def test_utf16_is_recognised_in_the_reason(self, tmp_path: Path) -> None:
        assert "UTF-16" in bad(read(write(tmp_path / "a.txt", "text".encode("utf-16")))[0]).reason

    def test_an_empty_file_is_an_empty_document(self, tmp_path: Path) -> None:
        assert read(write(tmp_path / "a.txt", "")) == [Document("a.txt", "")]


class TestJsonl:
    def test_fields_other_than_text_and_id_travel_as_meta(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '\ufeff{"key": 7, "body": "a\\r\\nb", "tags": ["x"], "year": null}\r\n\n')
        assert read(path, text_field="body", id_field="key") == [
            Document("7", "a\r\nb", meta={"tags": ["x"], "year": None})
        ]

    def test_a_line_without_id_is_called_after_file_and_line(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '\n{"text": "x"}\n{"text": "y", "id": null}')
        assert read(path) == [Document("a.jsonl:2", "x"), Document("a.jsonl:3", "y")]

    def test_a_line_of_our_own_keeps_mentions_and_meta(self, tmp_path: Path) -> None:
        document = Document("d", "Apple", (Mention(0, 5, "Apple", "Q312", "Apple", 0.5),), {"a": {"b": 1}})
        assert read(write(tmp_path / "a.jsonl", json.dumps(document.to_json()))) == [document]

    def test_a_field_called_mentions_of_another_shape_is_meta(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '{"id": "t", "text": "hi @bob", "mentions": [{"username": "bob"}]}')
        assert read(path) == [Document("t", "hi @bob", meta={"mentions": [{"username": "bob"}]})]

    def test_a_field_never_replaces_one_that_meta_has_already(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '{"id": "t", "text": "x", "meta": {"a": 1}, "a": 2}')
        assert read(path) == [Document("t", "x", meta={"a": 2, "meta": {"a": 1}})]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{", "not JSON"),
            ("[1]", "a list, not a JSON object"),
            ('{"id": 1, "title": "x"}', "no field 'text' (fields: 'id', 'title'"),
            ('{"text": 5}', "field 'text' is a number, not a string"),
            ('{"text": null}', "is null"),
            ('{"text": "ab\\ud800"}', "field 'text' has a lone surrogate \\ud800 at character 2"),
            ('{"text": "a", "meta": {"\\udfff": 1}}', "lone surrogate"),
            ("[" * 100_000, "nested too deeply"),
            ('{"text": "a", "n": ' + "9" * 5000 + "}", "not JSON that can be read"),
            ('{"schema": 99, "text": "a", "mentions": []}', "newer"),
            ('{"text": "Apple", "mentions": [{"start": 1, "end": 3, "text": "Ap"}]}', "is not the text at 1:3"),
            ('{"text": "Apple", "mentions": [{"start": -2, "end": -1, "text": "l"}]}', "is not the text at -2:-1"),
            (
                '{"text": "Ap", "mentions": [{"start": 0, "end": 2, "text": "Ap", "candidates": ["Q1"]}]}',
                "field 'candidates[]' is str, not dict",
            ),
        ],
    )
    def test_a_bad_line_says_why_and_costs_only_itself(self, tmp_path: Path, line: str, reason: str) -> None:
        path = write(tmp_path / "a.jsonl", f'{{"text": "before"}}\n{line}\n{{"text": "after"}}\n')
        before, broken, after = read(path)
        assert before == Document("a.jsonl:1", "before") and after == Document("a.jsonl:3", "after")
        assert bad(broken).line == 2 and reason in bad(broken).reason
        assert bad(broken).raw == (line if len(line) <= 1000 else None)

    def test_a_number_that_json_does_not_have_becomes_null(self, tmp_path: Path) -> None:
        assert read(write(tmp_path / "a.jsonl", '{"id": "1", "text": "x", "n": NaN}')) == [
            Document("1", "x", meta={"n": None})
        ]


class TestTables:
    def test_other_columns_travel_as_meta_and_line_ends_in_fields_stay(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.csv", '\ufeffid,body,year\r\n7,"a ""b""\r\nc,d",NA\r\n,plain,\r\n')
        assert read(path, text_column="body") == [
            Document("7", 'a "b"\r\nc,d', meta={"year": "NA"}),
            Document("a.csv:4", "plain", meta={"year": ""}),
        ]

    def test_tsv_is_split_at_tabs(self, tmp_path: Path) -> None:
        assert read(write(tmp_path / "a.tsv", "text\tn\na, b\t1\n")) == [Document("a.tsv:2", "a, b", meta={"n": "1"})]

    def test_texts_longer_than_the_parsers_default_limit_are_read(self, tmp_path: Path) -> None:
        text = "word " * 60_000
        assert read(write(tmp_path / "a.csv", f"id,text\n1,{text}\n")) == [Document("1", text)]

    def test_broken_rows_cost_only_themselves(self, tmp_path: Path) -> None:
        content = b'id,text\n1,a\n2,b\xffc\n3,d,e\n4,"f"g\n5,h\n'
        first, encoding, length, quote, last = read(write(tmp_path / "a.csv", content))
        assert first == Document("1", "a") and last == Document("5", "h")
        assert bad(encoding).line == 3 and "byte 15" in bad(encoding).reason and content[15] == 0xFF
        assert bad(length).line == 4 and "3 fields, the header 2" in bad(length).reason
        assert bad(quote).line == 5

    def test_a_missing_column_is_named_with_those_there_are(self, tmp_path: Path) -> None:
        (record,) = read(write(tmp_path / "a.csv", "id,body\n1,x\n"))
        assert "no column 'text' (columns: 'id', 'body'" in bad(record).reason

    def test_parquet_values_become_json(self, tmp_path: Path) -> None:
        frame = pandas.DataFrame(
            {
                "id": [1, 2, 3],
                "text": ["a\r\nb", None, "c"],
                "day": pandas.to_datetime(["2024-01-02", None, "2024-01-03"]),
                "share": [0.5, None, float("nan")],
                "tags": [["x"], [], None],
            }
        )
        frame.to_parquet(tmp_path / "a.parquet")
        first, null, last = read(tmp_path / "a.parquet")
        assert first == Document("1", "a\r\nb", meta={"day": "2024-01-02T00:00:00", "share": 0.5, "tags": ["x"]})
        assert bad(null).line == 2 and "null" in bad(null).reason
        assert last == Document("3", "c", meta={"day": "2024-01-03T00:00:00", "share": None, "tags": None})

    def test_a_file_that_is_no_parquet_is_one_bad_record(self, tmp_path: Path) -> None:
        (record,) = read(write(tmp_path / "a.parquet", b"no"))
        assert "Parquet" in bad(record).reason


class TestConll:
    def test_files_without_our_comment_are_read_as_aida_writes_them(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "aida.tsv",
            "-DOCSTART- (1 EU)\nEU\tB\tEU\t--NME--\nrejects\n"
            "New\tB\tNew York\tNew_York\thttp://en.wikipedia.org/wiki/New_York\t8210131\t/m/059rby\n"
            "York\tI\tNew York\tNew_York\thttp://en.wikipedia.org/wiki/New_York\t8210131\t/m/059rby\n\nBye\n\n"
            "-DOCSTART- (2)\nHello\n",
        )
        assert read(path) == [
            Document(
                "1 EU", "EU rejects New York\nBye", (Mention(0, 2, "EU"), Mention(11, 19, "New York", "New_York"))
            ),
            Document("2", "Hello"),
        ]

    def test_a_span_corrected_in_the_columns_is_what_counts(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "a.conll", '-DOCSTART- (x)\n# elinker {"id": "x", "text": "New  York"}\nNew\tB\nYork\tI\n'
        )
        assert read(path) == [Document("x", "New  York", (Mention(0, 9, "New  York"),))]

    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            (b"Old\nYork\n", "not what follows"),
            (b"New\n", "tokens end before"),
            (b"New\tX\nYork\n", "not B or I"),
            (b"New\tB\tNew\tQ1\tNew\tmuch\nYork\n", "not a number"),
            (b"New\xff\nYork\n", "not UTF-8 at byte"),
        ],
    )
    def test_a_broken_document_costs_only_itself(self, tmp_path: Path, rows: bytes, reason: str) -> None:
        comment = b'# elinker {"id": "x", "text": "New York"}\n'
        good = b"-DOCSTART- (y)\nfine\n"
        path = write(tmp_path / "a.conll", good + b"\n-DOCSTART- (x)\n" + comment + rows + b"\n" + good)
        before, broken, after = read(path)
        assert before == after == Document("y", "fine")
        assert reason in bad(broken).reason


class TestDocBin:
    def test_spans_of_any_spacy_file_are_mentions(self, tmp_path: Path) -> None:
        import spacy
        from spacy.tokens import DocBin, Span

        doc = spacy.blank("en")("Apple is in London.")
        doc.set_ents([Span(doc, 0, 1, "ORG", kb_id="Q312"), Span(doc, 3, 4, "GPE")])
        DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
        assert read(tmp_path / "a.spacy") == [
            Document(
                "a.spacy:1",
                "Apple is in London.",
                (Mention(0, 5, "Apple", "Q312"), Mention(12, 18, "London")),
                {"mention_types": [["ORG"], ["GPE"]]},
            )
        ]

    def test_spans_changed_after_annotation_are_what_counts(self, tmp_path: Path) -> None:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab

        from elinker.corpus.formats.docbin import to_doc

        mentions = (Mention(0, 5, "Apple", "Q312", "Apple", 0.5), Mention(9, 15, "London", "Q84", "London", 0.5))
        doc = to_doc(Document("d", "Apple in London", mentions, {"a": [1]}), Vocab())
        doc.set_ents(doc.ents[1:])
        DocBin(store_user_data=True, docs=[doc]).to_disk(tmp_path / "a.spacy")
        assert read(tmp_path / "a.spacy") == [Document("d", "Apple in London", mentions[1:], {"a": [1]})]

    @pytest.mark.parametrize("content", [b"", b"no", b"x\x9c\x03\x00\x00\x00\x00\x01"])
    def test_a_damaged_file_is_one_bad_record(self, tmp_path: Path, content: bytes) -> None:
        (record,) = read(write(tmp_path / "a.spacy", content))
        assert "not readable as a .spacy file" in bad(record).reason


class TestSources:
    def test_a_folder_is_read_at_any_depth_sorted_without_hidden_and_foreign_files(self, tmp_path: Path) -> None:
        for name in ["b/2.txt", "b/10.TXT", "a.jsonl", "z.txt", ".hidden.txt", ".git/x.txt", "x.pdf", "o.errors.jsonl"]:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("")
        assert [source.id for source in find_sources([tmp_path])] == ["a.jsonl", "b/10.TXT", "b/2.txt", "z.txt"]

    def test_patterns_are_expanded_and_inputs_keep_their_order(self, tmp_path: Path) -> None:
        for name in ["1.txt", "2.txt", "[x].txt"]:
            (tmp_path / name).write_text(name)
        given: list[str | Path] = [tmp_path / "[x].txt", str(tmp_path / "?.txt")]
        assert [source.id for source in find_sources(given)] == ["[x].txt", "1.txt", "2.txt"]

    @pytest.mark.parametrize("given", ["missing.txt", "*.none", "empty", "a.pdf"])
    def test_what_cannot_be_read_is_said_before_anything_is(self, tmp_path: Path, given: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "a.pdf").write_text("")
        with pytest.raises(UsageError):
            find_sources([tmp_path / given])

    def test_lines_and_jsonl_read_files_of_any_suffix(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.log", '{"text": "x"}\n')
        assert read(path, jsonl=True) == [Document("a.log:1", "x")]
        assert read(path, lines=True) == [Document("a.log:1", '{"text": "x"}')]

    def test_standard_input_is_one_text_or_lines_or_json_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def from_stdin(**options: Any) -> list[Document]:
            stdin = io.TextIOWrapper(io.BytesIO(b'{"text": "x"}\r\n'))
            monkeypatch.setattr(sys, "stdin", stdin)
            records = read_records(find_sources(["-"]), ReadOptions(**options))
            return [record.document for record in records if not isinstance(record, BadRecord)]

        assert from_stdin() == [Document("stdin", '{"text": "x"}\r\n')]
        assert from_stdin(lines=True) == [Document("stdin:1", '{"text": "x"}')]
        assert from_stdin(jsonl=True) == [Document("stdin:1", "x")]

    def test_a_file_that_vanishes_is_a_bad_record(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt", "x")
        sources = find_sources([path])
        path.unlink()
        assert list(read_records(sources)) == [BadRecord(str(path), None, "cannot be read: No such file or directory")]

    @pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.conll", "a.spacy", "a.parquet"])
    def test_bytes_consumed_reach_the_size_of_the_file(self, tmp_path: Path, name: str) -> None:
        import spacy
        from spacy.tokens import DocBin

        path = tmp_path / name
        if name == "a.spacy":
            DocBin(docs=[spacy.blank("en")("x y")] * 7).to_disk(path)
        elif name == "a.parquet":
            pandas.DataFrame({"text": ["x"] * 1000}).to_parquet(path)
        else:
            path.write_text("text\n" * 100_000)
        (source,) = find_sources([path])
        assert all(source.consumed > 0 for _ in read_records([source]))
        assert source.consumed == source.size == path.stat().st_size

    def test_strict_reading_stops_at_the_first_bad_record(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", '{"id": "1", "text": "x"}\n{\n')
        documents = read_annotations(path)
        assert next(documents) == Document("1", "x")
        with pytest.raises(InputError, match=r"a\.jsonl:2: not JSON"):
            next(documents)
