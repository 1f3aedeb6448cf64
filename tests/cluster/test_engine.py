"""Workers of Ray link as this process does, shard by shard and byte by byte, and may be lost on the way."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from elinker import Document
from elinker.cluster.engine import RayEngine
from elinker.cluster.session import ClusterError, ClusterSettings
from elinker.cluster.stream import LOOK_AHEAD
from elinker.corpus import FORMATS, Located
from elinker.corpus.formats.jsonl import encode
from elinker.corpus.records import BadRecord
from elinker.corpus.runs.directory import RunDirectory
from elinker.corpus.runs.engine import LinkedShard, LocalEngine, Shard
from elinker.corpus.runs.run import annotate_run
from elinker.corpus.runs.storage import open_storage
from elinker.errors import KnowledgeBaseError, ModelError

TWO = ClusterSettings(workers=2)


@pytest.fixture(scope="module")
def workers(ray_here: Any, load_linker: Callable[[], Any]) -> Iterator[RayEngine]:
    """Two workers for the tests of this file."""
    with RayEngine(load_linker, TWO, keep_nil=True) as workers:
        yield workers


@pytest.fixture
def local(load_linker: Callable[[], Any]) -> LocalEngine:
    return LocalEngine(load_linker(), keep_nil=True)


def shard(number: int, *texts: str) -> Shard:
    return Shard(number, tuple(Located(Document(f"{number}.{n}", text), "in", n) for n, text in enumerate(texts)))


def lines(shards: Iterable[LinkedShard]) -> list[bytes]:
    return [
        encode(record.to_json() if isinstance(record, BadRecord) else record.document.to_json())
        for shard in shards
        for record in shard.records
    ]


def ordinary(count: int) -> list[Shard]:
    return [shard(number, f"Paris {number}", "Nobody saw 東京 or the 😀 of Zürich") for number in range(count)]


def test_shards_come_back_in_order_as_the_local_engine_gives_them(workers: RayEngine, local: LocalEngine) -> None:
    shards = [
        *ordinary(6),
        shard(6, "London", "poison", "Paris"),
        shard(7, "crash", "Rome"),
        Shard(8, (BadRecord("in", 3, "not JSON", "{"),)),
    ]
    found = list(workers.run(iter(shards)))
    assert found == list(local.run(iter(shards)))
    assert [linked.number for linked in found] == list(range(9))
    assert lines(found) == lines(local.run(iter(shards)))


def test_what_a_document_carries_along_comes_back_however_deep_it_is(workers: RayEngine, local: LocalEngine) -> None:
    deep = json.loads("[" * 900 + "]" * 900)
    records = (
        Located(Document("a", "Paris", meta={"title": "é", "deep": deep}), "in", 1),
        BadRecord("in", 2, "torn", None),
        Located(Document("b", "poison", meta={"title": 2}), "in", 3),
        Located(Document("c", "Rome", meta={"day": date(2001, 1, 1)}), "in", 4),
    )
    (found,) = workers.run(iter([Shard(0, records)]))
    (expected,) = local.run(iter([Shard(0, records)]))
    assert found == expected


def test_numbers_may_have_gaps_as_they_have_when_a_run_is_gone_on_with(workers: RayEngine, local: LocalEngine) -> None:
    shards = ordinary(12)[3::4]
    assert list(workers.run(iter(shards))) == list(local.run(iter(shards)))


def test_a_worker_that_is_killed_costs_nothing_but_time(
    workers: RayEngine, local: LocalEngine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shards = ordinary(8)
    shards[3] = shard(3, "Paris", f"die once {tmp_path / 'mark'}", "London")
    found = list(workers.run(iter(shards)))
    assert (tmp_path / "mark").exists()
    assert found == list(local.run(iter(shards)))
    assert capfd.readouterr() == ("", "")


def readers() -> list[int]:
    """The processes of Ray that read for this one."""

    def parent(pid: str | int) -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            name = (entry / "cmdline").read_bytes()
            if name.startswith(b"ray::ReadItems") and parent(parent(entry.name)) == os.getpid():
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who reads")
def test_a_reading_task_that_is_killed_loses_no_shard(workers: RayEngine, local: LocalEngine) -> None:
    shards = ordinary(12)
    found = []
    for linked in workers.run(iter(shards)):
        found.append(linked)
        if len(found) == 2:
            (reader,) = readers()
            os.kill(reader, signal.SIGKILL)
    assert found == list(local.run(iter(shards)))


def test_a_few_shards_a_worker_are_read_ahead(workers: RayEngine) -> None:
    read: list[int] = []

    def reading() -> Iterator[Shard]:
        for piece in ordinary(20):
            read.append(piece.number)
            yield piece

    ahead = [len(read) - done for done, _ in enumerate(workers.run(reading()))]
    assert max(ahead) == LOOK_AHEAD * TWO.workers


def test_a_run_that_is_left_early_does_not_disturb_the_next(workers: RayEngine, local: LocalEngine) -> None:
    left = workers.run(iter(ordinary(9)))
    next(left)
    left.close()
    others = [shard(n, "Rome") for n in range(3)]
    assert list(workers.run(iter(others))) == list(local.run(iter(others)))


def test_an_unusable_base_is_the_error_that_it_is_locally(workers: RayEngine) -> None:
    with pytest.raises(KnowledgeBaseError) as caught:
        list(workers.run(iter([shard(0, "Paris"), shard(1, "damaged")])))
    assert (caught.value.message, caught.value.hint) == ("the base is damaged", "build it again")


def test_a_shard_that_kills_every_worker_ends_the_run_with_one_line(workers: RayEngine) -> None:
    with pytest.raises(ClusterError, match="3 workers were lost one after the other") as caught:
        list(workers.run(iter([shard(0, "Paris"), shard(1, "die")])))
    assert "\n" not in str(caught.value)


def test_a_linker_that_cannot_be_loaded_is_one_line(ray_here: Any) -> None:
    def load() -> Any:
        from elinker.errors import ModelError

        raise ModelError("there is no model in /nowhere")

    with pytest.raises(ModelError) as caught, RayEngine(load, ClusterSettings(), keep_nil=False):
        pass
    assert str(caught.value) == "there is no model in /nowhere"
    assert isinstance(caught.value, ModelError)


@pytest.mark.parametrize("place", ["{}", "file://{}", "local://{}"])
def test_a_run_that_this_process_began_is_gone_on_with_by_workers(
    place: str, workers: RayEngine, local: LocalEngine, tmp_path: Path
) -> None:
    records = [record for piece in ordinary(9) for record in piece.records]

    def annotate(folder: str, engine: Any, stop_after: int = 100) -> bool:
        directory = RunDirectory(open_storage(place.format(tmp_path / folder)))
        directory.check(resume=True, overwrite=False)
        directory.begin({"linker": workers.identity})
        read: list[Any] = []

        def reading() -> Iterator[Any]:
            for record in records:
                read.append(record)
                yield record

        def stopped() -> bool:
            return len(read) >= stop_after

        return annotate_run(directory, reading(), FORMATS["jsonl"], engine, shard_documents=2, stopped=stopped)

    assert annotate("whole", local)
    assert not annotate("resumed", local, stop_after=6)
    assert annotate("resumed", workers)
    parts = sorted(path.name for path in (tmp_path / "whole").glob("part-*"))
    assert len(parts) == 9
    assert [(tmp_path / "resumed" / name).read_bytes() for name in parts] == [
        (tmp_path / "whole" / name).read_bytes() for name in parts
    ]
