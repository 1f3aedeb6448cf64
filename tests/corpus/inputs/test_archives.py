"""Archives: each member is a source of its own, streamed; their names are ids and lead nowhere."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from elinker.corpus import BadRecord, Located, ReadOptions, find_sources, read_records

MEMBERS = {
    "b/1.txt": "text\r\n\x00 אבג 👩‍👩‍👧".encode(),
    "../../2.jsonl": b'{"id": "x", "text": "from JSON lines"}\n{"text": "no id"}\n{\n',
    "/etc/3.txt.gz": gzip.compress(b"packed twice"),
    "picture.png": b"\x89PNG",
    ".hidden.txt": b"hidden",
    "__MACOSX/4.txt": b"hidden",
}


def make(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:]}" if path.suffix != ".tar" else "w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return path


def read(path: Path, **options: bool) -> list[Located | BadRecord]:
    return list(read_records(find_sources([path], ReadOptions(**options)), ReadOptions(**options)))


@pytest.fixture(params=["a.tar", "a.tar.gz", "a.tar.xz", "a.zip"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make(tmp_path / request.param)


def test_members_are_read_by_their_suffixes_and_their_names_begin_the_ids(archive: Path) -> None:
    first, second, third, broken, packed = read(archive)
    assert isinstance(first, Located) and first.document.text == MEMBERS["b/1.txt"].decode()
    assert first.document.id == f"{archive.name}/b/1.txt" and first.source == f"{archive}/b/1.txt"
    assert isinstance(second, Located) and second.document.id == "x" and second.line == 1
    assert isinstance(third, Located) and third.document.id == f"{archive.name}/../../2.jsonl:2"
    assert isinstance(broken, BadRecord) and broken.line == 3
    assert isinstance(packed, Located) and packed.document.text == "packed twice"


def test_nothing_is_written_anywhere(archive: Path) -> None:
    before = sorted(archive.parent.rglob("*"))
    read(archive)
    assert sorted(archive.parent.rglob("*")) == before


def test_bytes_consumed_reach_the_size_of_the_archive(archive: Path) -> None:
    (source,) = find_sources([archive])
    list(read_records([source]))
    assert source.consumed == source.size == archive.stat().st_size


def test_members_of_unknown_suffix_are_read_where_options_say_how(archive: Path) -> None:
    make(archive, {"notes.log": b"one\ntwo\n"})
    documents = [record.document.text for record in read(archive, lines=True) if isinstance(record, Located)]
    assert documents == ["one", "two"]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "no readable file in the archive"),
        ({"a.png": b""}, "no readable file in the archive"),
        ({"a.tar": b""}, "an archive in an archive is not read"),
        ({"a.zip": b""}, "an archive in an archive is not read"),
        ({"a.parquet": b"PAR1"}, "Parquet"),
    ],
)
def test_what_is_not_read_in_an_archive_is_a_bad_record(archive: Path, members: dict[str, bytes], reason: str) -> None:
    make(archive, members)
    (record,) = read(archive)
    assert isinstance(record, BadRecord) and reason in record.reason


def test_an_archive_that_was_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tar", {"1.txt": b"whole", "2.txt": b"x" * 2000})
    path.write_bytes(path.read_bytes()[:2000])
    first, *others = read(path)
    assert isinstance(first, Located) and first.document.text == "whole"
    assert others and all(isinstance(record, BadRecord) for record in others)
    assert "damaged" in str(others[0])


def test_an_encrypted_member_is_a_bad_record_and_the_others_are_read(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"1.txt": b"secret", "2.txt": b"open"})
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    encrypted, plain = read(path)
    assert isinstance(encrypted, BadRecord) and encrypted.reason == "the member is encrypted"
    assert isinstance(plain, Located) and plain.document.text == "open"


def test_a_member_whose_checksum_is_wrong_is_a_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("1.txt", "genuine text")
        archive.writestr("2.txt", "other")
    path.write_bytes(path.read_bytes().replace(b"genuine", b"swapped"))
    damaged, other = read(path)
    assert isinstance(damaged, BadRecord) and "damaged member" in damaged.reason
    assert isinstance(other, Located)


def test_names_that_are_not_utf8_become_ids_that_can_be_written(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tar", {"na\udcefve.txt": b"x"})
    (record,) = read(path)
    assert isinstance(record, Located)
    assert record.document.id == "a.tar/na\\xefve.txt"


def test_a_header_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    (record,) = read(tmp_path / "a.tar")
    assert isinstance(record, BadRecord) and "a header of 8,589,934,592 bytes" in record.reason


def test_links_and_devices_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            header = tarfile.TarInfo("a.txt")
            header.type, header.linkname = kind, "/etc/passwd"
            archive.addfile(header)
    (record,) = read(tmp_path / "a.tar")
    assert isinstance(record, BadRecord) and record.reason == "no readable file in the archive"
