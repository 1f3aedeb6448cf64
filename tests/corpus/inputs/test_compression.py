"""Compressed inputs: the same records as without, and what came before any damage."""

import bz2
import gzip
import lzma
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from elinker.corpus import BadRecord, Located, ReadOptions, find_sources, read_records
from elinker.corpus.inputs.compression import suffixes


def _skippable(content: bytes) -> bytes:
    """Two frames with one between them that decoders pass over, as pzstd writes them."""
    half = len(content) // 2
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    return zstandard.compress(content[:half]) + skipped + zstandard.compress(content[half:])


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content[:70]) + gzip.compress(content[70:]),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _skippable,
}
LINES = b"".join(b'{"id": "%d", "text": "line %d %d"}\n' % (number, number, number**3) for number in range(5000))


@pytest.fixture(params=PACK)
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.jsonl{request.param}"
    path.write_bytes(PACK[request.param](LINES))
    return path


def test_a_compressed_file_is_read_like_the_file_in_it(packed: Path) -> None:
    (source,) = find_sources([packed])
    records = list(read_records([source]))
    assert [record.document.id for record in records if isinstance(record, Located)] == [str(n) for n in range(5000)]
    assert records[0].line == 1 and source.consumed == source.size == packed.stat().st_size


def test_a_file_that_was_cut_off_gives_what_is_whole_and_one_bad_record(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-20])
    *records, last = read_records(find_sources([packed]))
    assert all(isinstance(record, Located) for record in records)
    assert isinstance(last, BadRecord) and last.line is None
    assert f"cannot be read: damaged {packed.suffix[1:]} data" in last.reason


@pytest.mark.parametrize("content", [b"", b"no such data", b"\x00" * 1000])
def test_what_is_not_compressed_at_all_is_a_bad_record(packed: Path, content: bytes) -> None:
    packed.write_bytes(content)
    records = list(read_records(find_sources([packed])))
    assert len(records) == 1 and isinstance(records[0], BadRecord)


def test_a_few_bytes_that_stand_for_gigabytes_need_little_memory(tmp_path: Path) -> None:
    """A document of 300 MB in 300 KB is given up at the limit."""
    path = tmp_path / "bomb.txt.gz"
    with gzip.open(path, "wb", compresslevel=9) as stream:
        for _ in range(300):
            stream.write(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    options = ReadOptions(max_bytes=1_000_000)
    (record,) = read_records(find_sources([path]), options)
    assert isinstance(record, BadRecord) and "more than 1,000,000 bytes" in record.reason
    (record,) = read_records(find_sources([path]), ReadOptions(lines=True, max_bytes=1_000_000))
    assert isinstance(record, BadRecord) and record.line == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", (".jsonl", "")),
        ("a.JSONL.GZ", (".jsonl", ".gz")),
        ("a.tgz", (".tar", ".gz")),
        ("a.warc.wet.gz", (".wet", ".gz")),
        ("a.gz", ("", ".gz")),
        ("gz", ("", "")),
    ],
)
def test_a_name_says_what_is_inside_and_how_it_is_packed(name: str, expected: tuple[str, str]) -> None:
    assert suffixes(name) == expected
