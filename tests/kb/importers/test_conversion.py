import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from elinker.errors import InputError, UsageError
from elinker.kb import EntityFile, Rejects
from elinker.kb.importers import source as source_module
from elinker.kb.importers.conversion import Report, check_output, convert
from elinker.kb.importers.refined import read_refined
from elinker.kb.importers.source import Source
from elinker.kb.importers.wikidata import WikidataReader


def row(number: int, **more: Any) -> bytes:
    return json.dumps({"id": f"A{number}", "label": f"name {number}"} | more).encode() + b"\n"


def rejects_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "rejects.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_compression_is_told_by_the_content(tmp_path: Path, converted: Any, pack: Any, newline: bytes) -> None:
    path = tmp_path / "rows"
    path.write_bytes(pack(b"\xef\xbb\xbf" + (row(1) + row(2)).replace(b"\n", newline)))
    entities, report = converted(path, read_refined)
    assert [entity.id for entity in entities] == ["A1", "A2"]
    assert report == Report(lines=2, written=2)


def test_a_dump_of_several_bzip2_streams_is_read_to_its_end(tmp_path: Path, converted: Any) -> None:
    (tmp_path / "rows.bz2").write_bytes(bz2.compress(row(1)) + bz2.compress(row(2)))
    assert len(converted(tmp_path / "rows.bz2", read_refined)[0]) == 2


def test_broken_lines_are_set_aside_with_number_and_reason(tmp_path: Path, converted: Any) -> None:
    (tmp_path / "rows").write_bytes(row(1) + b"\n{oops\n" + row(4, label=None) + row(5))
    entities, report = converted(tmp_path / "rows", read_refined)
    assert [entity.id for entity in entities] == ["A1", "A5"]
    assert report.rejected == 2
    found = [(reject["line"], reject["reason"], reject["row"]) for reject in rejects_of(tmp_path)]
    assert found[0][0] == 3
    assert found[0][1].startswith("broken JSON")
    assert found[0][2] == "{oops"
    assert found[1][:2] == (4, "label is missing")


def test_a_line_too_long_to_be_held_is_set_aside(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "MAX_LINE", 100)
    (tmp_path / "rows").write_bytes(row(1) + b"x" * 1000 + b"\n" + row(3))
    entities, _ = converted(tmp_path / "rows", read_refined)
    assert [entity.id for entity in entities] == ["A1", "A3"]
    assert rejects_of(tmp_path)[0]["line"] == 2


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_comes_before_a_damaged_end_is_kept_and_the_damage_is_told(
    tmp_path: Path, converted: Any, pack: Any
) -> None:
    data = pack(b"".join(map(row, range(10_000)))) + pack(b"".join(map(row, range(10_000, 30_000))))
    (tmp_path / "rows").write_bytes(data[:-50])
    entities, report = converted(tmp_path / "rows", read_refined)
    assert len(entities) >= 5000
    assert [entity.id for entity in entities] == [f"A{number}" for number in range(len(entities))]
    assert "damaged or cut short after line" in report.damage


def test_damage_behind_a_thousand_broken_lines_is_damage_all_the_same(tmp_path: Path, converted: Any) -> None:
    (tmp_path / "rows").write_bytes(bz2.compress(row(1) + b"{oops\n" * 1000 + b"\n" * 100_000)[:-5])
    entities, report = converted(tmp_path / "rows", read_refined)
    assert [entity.id for entity in entities] == ["A1"]
    assert (report.rejected, report.damage is not None) == (1000, True)


def test_an_id_that_occurred_before_is_left_out_where_ids_need_not_be_unique(tmp_path: Path, converted: Any) -> None:
    (tmp_path / "rows").write_bytes(row(1) + row(2) + row(1, label="again"))
    entities, report = converted(tmp_path / "rows", read_refined, unique=True)
    assert [entity.label for entity in entities] == ["name 1", "name 2"]
    assert report.left_out == {"its id occurred before": 1}


def test_a_limit_ends_the_reading(tmp_path: Path, converted: Any) -> None:
    (tmp_path / "rows").write_bytes(row(1) + row(2) + row(3) + b"{oops\n")
    entities, report = converted(tmp_path / "rows", read_refined, limit=2)
    assert len(entities) == 2
    assert report == Report(lines=2, written=2)


def test_a_source_of_another_kind_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(row(1) * 2000)
    with (
        pytest.raises(InputError, match="the first 1,000 records are all broken"),
        Rejects(tmp_path / "rejects.jsonl") as rejects,
    ):
        convert(Source(tmp_path / "rows"), WikidataReader(), tmp_path / "out.jsonl", rejects)
    assert not list(tmp_path.glob("*out.jsonl*"))


def test_an_old_output_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    (tmp_path / "rows").write_bytes(row(1))

    def interrupted(line: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Rejects(tmp_path / "rejects.jsonl") as rejects:
        convert(Source(tmp_path / "rows"), interrupted, tmp_path / "out.jsonl", rejects)
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "rows"]


def test_progress_hears_bytes_of_the_file_and_entities(tmp_path: Path, converted: Any) -> None:
    path = tmp_path / "rows"
    path.write_bytes(gzip.compress(b"".join(map(row, range(1000)))))
    heard: list[tuple[int, int]] = []
    converted(path, read_refined, progress=lambda position, written: heard.append((position, written)))
    assert heard[-1] == (path.stat().st_size, 767)


def test_the_output_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(row(1))
    with Rejects(tmp_path / "rejects.jsonl") as rejects:
        convert(Source(tmp_path / "rows"), read_refined, tmp_path / "out.jsonl.gz", rejects)
    assert [entity.id for entity in EntityFile(tmp_path / "out.jsonl.gz")] == ["A1"]


def test_an_output_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_bytes(row(1))
    for output, overwrite in (("out.json", True), ("rows.jsonl", True), ("there.jsonl", False), (".", True)):
        (tmp_path / "there.jsonl").touch()
        with pytest.raises(UsageError):
            check_output(tmp_path / output, source, overwrite=overwrite)
    check_output(tmp_path / "there.jsonl", source, overwrite=True)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_source_that_is_no_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        Source(tmp_path / name)
