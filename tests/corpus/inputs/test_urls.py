"""Inputs by URL: single files, folders and patterns in a store, and what is refused."""

import gzip
from collections.abc import Iterator

import fsspec
import pytest

from elinker.corpus import BadRecord, Located, find_sources, read_records
from elinker.errors import UsageError


@pytest.fixture
def bucket() -> Iterator[str]:
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/b/2.txt", b"two")
    store.pipe("/bucket/1.jsonl.gz", gzip.compress(b'{"id": "one", "text": "first"}\n'))
    store.pipe("/bucket/.hidden.txt", b"hidden")
    store.pipe("/bucket/b/x.png", b"picture")
    yield "memory://bucket"
    store.rm("/bucket", recursive=True)


def ids(*given: str) -> list[str]:
    return [record.document.id for record in read_records(find_sources(given)) if isinstance(record, Located)]


def test_a_file_in_a_store_is_read_like_one_on_the_disk(bucket: str) -> None:
    (source,) = find_sources([f"{bucket}/1.jsonl.gz"])
    (record,) = read_records([source])
    assert isinstance(record, Located) and (record.document.id, record.document.text) == ("one", "first")
    assert record.source == "memory:///bucket/1.jsonl.gz" and source.consumed == source.size


def test_a_folder_in_a_store_is_read_at_any_depth_sorted_without_hidden_and_foreign_files(bucket: str) -> None:
    assert ids(bucket) == ["one", "b/2.txt"]


def test_a_pattern_stands_for_its_matches(bucket: str) -> None:
    assert ids(f"{bucket}/**/*.txt") == ["2.txt"]


def test_a_file_that_vanishes_from_a_store_is_a_bad_record(bucket: str) -> None:
    sources = find_sources([f"{bucket}/b/2.txt"])
    fsspec.filesystem("memory").rm("/bucket/b/2.txt")
    (record,) = read_records(sources)
    assert isinstance(record, BadRecord) and "cannot be read" in record.reason


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://example.org/a.txt", "https is not read"),
        ("HTTP://example.org/a.txt", "http is not read"),
        ("memory://none/a.txt", "no such file or folder"),
        ("memory://none/*.txt", "no readable file"),
        ("zip://a.txt::memory://bucket/a.zip", "chained URLs are not read"),
        ("nowhere://a/b.txt", "Protocol not known"),
        ("reference://a/b.txt", "reference"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_is(bucket: str, url: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        find_sources([url])
