"""The runner keeps order, bounds what it holds, and lets a bad document cost only itself."""

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from elinker import Document
from elinker.corpus import (
    FORMATS,
    BadRecord,
    Located,
    ReadOptions,
    Summary,
    annotate_corpus,
    find_sources,
    read_records,
)
from elinker.corpus.output import FileOutput, StreamOutput
from elinker.corpus.records import Record
from elinker.corpus.runner import MOST_BAD_HELD, link_each
from elinker.errors import ElinkerError, KnowledgeBaseError, UsageError

JSONL = FORMATS["jsonl"]


def located(texts: Iterable[str]) -> Iterator[Record]:
    for number, text in enumerate(texts, start=1):
        yield Located(Document(f"d{number}", text), "source", number)


def run(linker: Any, records: Iterable[Record], path: Path, **options: Any) -> Summary:
    with FileOutput(path, JSONL) as output:
        return annotate_corpus(linker, records, output, **options)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_documents_are_written_in_order_with_their_id_and_meta(linker: Any, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": "{n}", "text": "London {n}", "n": {n}}}\n' for n in range(10)))
    records = read_records(find_sources([tmp_path / "in.jsonl"]))
    summary = run(linker, records, tmp_path / "out.jsonl")
    written = lines(tmp_path / "out.jsonl")
    assert [(line["id"], line["text"], line["meta"]) for line in written] == [
        (str(n), f"London {n}", {"n": n}) for n in range(10)
    ]
    assert all(line["mentions"][0]["entity_id"] == "Q84" for line in written)
    assert (summary.documents, summary.mentions, summary.linked, summary.nil, summary.bad) == (10, 10, 10, 0, 0)
    assert summary.tokens == 20


def test_nil_mentions_are_kept_and_counted_on_request(linker: Any, tmp_path: Path) -> None:
    summary = run(linker, located(["London and Nowhere"]), tmp_path / "out.jsonl", keep_nil=True)
    assert (summary.linked, summary.nil) == (1, 1)
    assert [mention["entity_id"] for mention in lines(tmp_path / "out.jsonl")[0]["mentions"]] == ["Q84", None]


def test_no_more_is_read_ahead_than_the_linker_takes(linker: Any) -> None:
    ahead = []
    read = 0

    def counted() -> Iterator[Record]:
        nonlocal read
        for record in located(["London"] * 50):
            read += 1
            yield record

    output = StreamOutput(io.BytesIO(), JSONL, lambda record: None)
    annotate_corpus(linker, counted(), output, on_progress=lambda so_far: ahead.append(read - so_far.documents))
    assert max(ahead) <= 3


def test_bad_records_are_listed_beside_the_output(linker: Any, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"London\n\xff\nApple\n")
    options = ReadOptions(lines=True)
    source = str(tmp_path / "in.txt")
    summary = run(linker, read_records(find_sources([source]), options), tmp_path / "out.jsonl")
    assert [line["text"] for line in lines(tmp_path / "out.jsonl")] == ["London", "Apple"]
    assert summary.bad == 1
    assert lines(tmp_path / "out.jsonl.errors.jsonl") == [
        {"source": source, "line": 2, "reason": "not UTF-8 at byte 7: 0xff (invalid start byte)", "raw": "\\xff"}
    ]


@pytest.mark.parametrize("bad", ["poison", "crash"])
def test_a_document_that_the_linker_fails_on_costs_only_itself(linker: Any, tmp_path: Path, bad: str) -> None:
    texts = ["London 1", "London 2", bad, "London 4", "London 5", bad, "London 7"]
    summary = run(linker, located(texts), tmp_path / "out.jsonl")
    assert [line["id"] for line in lines(tmp_path / "out.jsonl")] == ["d1", "d2", "d4", "d5", "d7"]
    assert [error["line"] for error in lines(tmp_path / "out.jsonl.errors.jsonl")] == [3, 6]
    assert (summary.documents, summary.bad) == (5, 2)


def test_records_come_back_in_the_order_of_the_input_whatever_happens_to_them(linker: Any) -> None:
    texts = ["London 1", "poison", "London 3", "crash", "London 5", "London 6", "London 7"]
    records: list[Record] = list(located(texts))
    records.insert(0, BadRecord("source", 100, "bad"))
    records.insert(4, BadRecord("source", 101, "bad"))
    records += [BadRecord("source", 102, "bad"), BadRecord("source", 103, "bad")]
    linked = list(link_each(linker, records, keep_nil=False))
    assert [record.line for record in linked] == [record.line for record in records]
    assert [isinstance(record, BadRecord) for record in linked] == [
        isinstance(record, BadRecord) or record.document.text in ("poison", "crash") for record in records
    ]


def test_a_flood_of_bad_records_is_not_held_back(linker: Any) -> None:
    read = 0

    def flood() -> Iterator[Record]:
        nonlocal read
        yield from located(["London"])
        for read in range(10 * MOST_BAD_HELD):
            yield BadRecord("source", read, "bad")

    ahead = [read - given for given, _ in enumerate(link_each(linker, flood(), keep_nil=False))]
    assert len(ahead) == 10 * MOST_BAD_HELD + 1
    assert max(ahead) <= MOST_BAD_HELD


def test_a_linker_that_fails_on_everything_is_not_blamed_on_the_documents(linker: Any, tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        run(linker, located(["crash"] * 5), tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_an_unusable_base_ends_the_run(tmp_path: Path) -> None:
    class Mismatched:
        tokens_seen = 0

        def pipe(self, texts: Iterable[str | Document], **_: Any) -> Iterator[Document]:
            for _text in texts:
                raise KnowledgeBaseError("made by another model")
            yield from ()

    with pytest.raises(KnowledgeBaseError):
        run(Mismatched(), located(["London", "Apple"]), tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_reading_is_not_taken_for_the_end_of_the_corpus(linker: Any, tmp_path: Path) -> None:
    def failing() -> Iterator[Record]:
        yield from located(["London"])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(linker, failing(), tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_document_that_the_format_cannot_hold_costs_only_itself(linker: Any, tmp_path: Path) -> None:
    records: list[Record] = [
        Located(Document("a", "London", meta={"n": float("inf")}), "source", 1),
        Located(Document("b", "London \ud800"), "source", 2),
        Located(Document("c", "London"), "source", 3),
    ]
    for name in ["jsonl", "conll", "docbin"]:
        path = tmp_path / name
        with FileOutput(path, FORMATS[name]) as output:
            summary = annotate_corpus(linker, records, output)
        assert (summary.documents, summary.bad) == (1, 2), name
        assert [error["line"] for error in lines(tmp_path / f"{name}.errors.jsonl")] == [1, 2]


def test_nothing_has_the_final_name_until_all_is_written(linker: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    seen = []
    records = [*located(["London"]), BadRecord("source", 2, "bad")]
    run(linker, records, path, on_progress=lambda _: seen.append(path.exists()))
    assert seen == [False]
    assert sorted(child.name for child in tmp_path.iterdir()) == ["out.jsonl", "out.jsonl.errors.jsonl"]


def test_an_interrupted_run_leaves_nothing(linker: Any, tmp_path: Path) -> None:
    def interrupted() -> Iterator[Record]:
        yield from [*located(["London"] * 4), BadRecord("source", 2, "bad")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(linker, interrupted(), tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_corpus_gives_an_empty_file_that_reads_as_one(linker: Any, tmp_path: Path) -> None:
    for name, suffix in [("jsonl", ".jsonl"), ("conll", ".conll"), ("docbin", ".spacy")]:
        with FileOutput(tmp_path / f"out{suffix}", FORMATS[name]) as output:
            assert annotate_corpus(linker, [], output).documents == 0
        assert list(read_records(find_sources([tmp_path / f"out{suffix}"]))) == []


def test_an_output_that_exists_is_kept_unless_it_may_be_replaced(linker: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    run(linker, [*located(["Apple"]), BadRecord("source", 2, "bad")], path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"exists .*--overwrite"):
        run(linker, located(["London"]), path)
    assert path.read_bytes() == before
    with FileOutput(path, JSONL, overwrite=True) as output:
        annotate_corpus(linker, located(["London"]), output)
    assert [line["text"] for line in lines(path)] == ["London"]
    assert [child.name for child in tmp_path.iterdir()] == ["out.jsonl"], "the old list of errors is stale"


@pytest.mark.parametrize("place", ["missing/out.jsonl", "file/out.jsonl", "folder", "x" * 300])
def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError):
        FileOutput(tmp_path / place, JSONL)


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(UsageError, match="not a file that can be replaced"):
        FileOutput(Path("/dev/null"), JSONL, overwrite=True)


def test_a_full_disk_is_one_line_and_leaves_nothing(linker: Any, tmp_path: Path) -> None:
    class Full(io.RawIOBase):
        def write(self, content: Any) -> int:
            raise OSError(28, "No space left on device")

    with FileOutput(tmp_path / "out.jsonl", JSONL) as output:
        output._file.stream.close()
        output._file.stream = Full()  # type: ignore[assignment]
        with pytest.raises(ElinkerError, match="No space left on device"):
            annotate_corpus(linker, located(["London"]), output)
    assert list(tmp_path.iterdir()) == []


def test_a_packed_format_is_not_written_to_a_stream() -> None:
    with pytest.raises(UsageError, match="-o"):
        StreamOutput(io.BytesIO(), FORMATS["docbin"], lambda record: None)
