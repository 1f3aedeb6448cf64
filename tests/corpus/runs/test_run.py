"""A run that was stopped anywhere ends with the same parts as one that was not."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker import Document
from elinker.corpus import FORMATS, Located, read_documents
from elinker.corpus.formats import writable
from elinker.corpus.records import Record
from elinker.corpus.runs.directory import RunDirectory
from elinker.corpus.runs.engine import LinkedShard, LocalEngine, Shard
from elinker.corpus.runs.journal import JOURNAL
from elinker.corpus.runs.run import Progress
from elinker.corpus.runs.storage import LocalStorage, open_storage
from elinker.errors import ElinkerError, KnowledgeBaseError, UsageError


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "out")


class Counting:
    """An engine that counts the shards it is given."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.numbers: list[int] = []

    def run(self, shards: Iterator[Shard]) -> Iterator[LinkedShard]:
        for shard in self._engine.run(shards):
            self.numbers.append(shard.number)
            yield shard


def stop_after(number: int) -> Callable[[], bool]:
    """Says stop when it was asked so often."""
    asked = iter(range(10**6))
    return lambda: next(asked) >= number


def test_documents_and_bad_records_are_written_in_order_a_shard_a_part(
    runs: SimpleNamespace, storage: LocalStorage
) -> None:
    assert runs.annotate(storage, runs.corpus(12))
    assert [name for name in storage.sizes() if name.startswith("part-")] == [
        "part-00000.errors.jsonl",
        "part-00000.jsonl",
        "part-00001.jsonl",
        "part-00002.errors.jsonl",
        "part-00002.jsonl",
    ]
    documents = [json.loads(line)["id"] for n in range(3) for line in storage.read(f"part-0000{n}.jsonl").splitlines()]
    assert documents == [f"d{n}" for n in range(12) if n % 7 != 3]
    assert [json.loads(storage.read(f"part-0000{n}.errors.jsonl"))["line"] for n in (0, 2)] == [3, 10]


@pytest.mark.parametrize("form", [name for name in writable() if FORMATS[name].write_files is None])
def test_a_run_that_stops_again_and_again_gives_what_a_whole_run_gives(
    runs: SimpleNamespace, tmp_path: Path, form: str
) -> None:
    whole, pieces = LocalStorage(tmp_path / "a"), LocalStorage(tmp_path / "b")
    runs.annotate(whole, runs.corpus(20), form=form)
    while not runs.annotate(pieces, runs.corpus(20), form=form, stopped=stop_after(4)):
        pass
    assert runs.parts(pieces) == runs.parts(whole)
    assert len(runs.parts(whole)) == 7


def test_finished_shards_are_not_linked_again(runs: SimpleNamespace, storage: LocalStorage, linker: Any) -> None:
    first, second = (Counting(LocalEngine(linker, keep_nil=False)) for _ in range(2))
    runs.annotate(storage, runs.corpus(38), engine=first, stopped=stop_after(3))
    assert runs.annotate(storage, runs.corpus(38), engine=second)
    assert first.numbers + second.numbers == list(range(8))
    assert first.numbers and second.numbers


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_left_of_a_run_it_is_gone_on_with(
    runs: SimpleNamespace, tmp_path: Path, data: st.DataObject
) -> None:
    """A journal cut off or damaged anywhere, parts that are lost, cut off or too many, temporary files."""
    folder = Path(shutil.copytree(tmp_path / "whole", tmp_path / uuid4().hex))
    storage = LocalStorage(folder)
    journal = (folder / JOURNAL).read_bytes()
    journal = journal[: round(len(journal) * data.draw(st.floats(0, 1), label="journal"))]
    (folder / JOURNAL).write_bytes(journal + data.draw(st.binary(max_size=5), label="torn"))
    names = st.sampled_from(sorted(runs.whole))
    for name in data.draw(st.sets(names, max_size=3), label="lost"):
        (folder / name).unlink()
    for name in data.draw(st.sets(names, max_size=2), label="cut off"):
        if (folder / name).exists():
            (folder / name).write_bytes(runs.whole[name][:-1])
    for name in data.draw(st.sets(names, max_size=2), label="temporary"):
        (folder / f".{name}.77.part").write_bytes(b"half")
    if data.draw(st.booleans(), label="more"):
        (folder / "part-00009.jsonl").write_bytes(b"{}\n")
    assert runs.annotate(storage, runs.corpus(38))
    assert runs.parts(storage) == runs.whole
    assert sorted(path.name for path in folder.iterdir() if path.name.endswith(".part")) == []
    assert runs.annotate(storage, runs.corpus(38)), "and it is complete"


def test_a_part_that_somebody_changed_is_made_again(runs: SimpleNamespace, storage: LocalStorage) -> None:
    runs.annotate(storage, runs.corpus(38))
    changed = storage.read("part-00003.jsonl").replace(b"London", b"Londen")
    (Path(storage.name) / "part-00003.jsonl").write_bytes(changed)
    runs.annotate(storage, runs.corpus(38))
    assert runs.parts(storage) == runs.whole


def test_other_settings_are_refused_and_each_is_named(runs: SimpleNamespace, storage: LocalStorage) -> None:
    runs.annotate(storage, runs.corpus(38), stopped=stop_after(3))
    before = {path.name: path.read_bytes() for path in Path(storage.name).iterdir()}
    other = {"linker": {"top_k": 5, "base": "b"}, "schema": 2}
    with pytest.raises(UsageError) as error:
        runs.annotate(storage, runs.corpus(38), settings=other)
    for difference in ("linker.top_k was 10, is 5", "linker.base was not there, is 'b'", "schema was 1, is 2"):
        assert difference in str(error.value)
    assert {path.name: path.read_bytes() for path in Path(storage.name).iterdir()} == before


@pytest.mark.parametrize("change", ["another text", "fewer documents"])
def test_another_input_is_noticed_where_it_was_read_before(
    runs: SimpleNamespace, storage: LocalStorage, change: str
) -> None:
    runs.annotate(storage, runs.corpus(38), stopped=stop_after(4))
    written = runs.parts(storage)
    records: list[Record] = runs.corpus(38)
    if change == "another text":
        records[0] = Located(Document("d0", "Apple 0 Paris"), "in", 0)
    else:
        records = records[:2]
    with pytest.raises(UsageError, match="the input is not the one that shard 0"):
        runs.annotate(storage, records)
    assert runs.parts(storage) == written


def test_an_error_of_reading_keeps_what_is_written(runs: SimpleNamespace, storage: LocalStorage) -> None:
    def failing() -> Iterator[Record]:
        yield from runs.corpus(22)
        raise ElinkerError("the disk of the input is gone")

    with pytest.raises(ElinkerError, match="input is gone"):
        runs.annotate(storage, failing())
    assert runs.annotate(storage, runs.corpus(38))
    assert runs.parts(storage) == runs.whole


def test_an_unusable_base_ends_the_run_and_keeps_what_is_written(runs: SimpleNamespace, storage: LocalStorage) -> None:
    class Failing:
        def run(self, shards: Iterator[Shard]) -> Iterator[LinkedShard]:
            yield LinkedShard(0, next(shards).records, 0)
            raise KnowledgeBaseError("made by another model")

    with pytest.raises(KnowledgeBaseError):
        runs.annotate(storage, runs.corpus(38), engine=Failing())
    assert list(RunDirectory(storage).storage.sizes()) != []


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    runs: SimpleNamespace, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalStorage.write

    def full(self: LocalStorage, name: str, content: bytes) -> None:
        if name.startswith("part-00002"):
            raise ElinkerError(f"cannot write {name}: No space left on device")
        write(self, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStorage, "write", full)
        with pytest.raises(ElinkerError, match="No space left"):
            runs.annotate(storage, runs.corpus(38))
    assert runs.parts(storage).items() < runs.whole.items()
    assert runs.annotate(storage, runs.corpus(38))
    assert runs.parts(storage) == runs.whole


def test_the_summary_counts_all_calls_and_says_enough_to_repeat_them(
    runs: SimpleNamespace, storage: LocalStorage
) -> None:
    while not runs.annotate(storage, runs.corpus(38), stopped=stop_after(5)):
        assert RunDirectory(storage).summary() is None
    summary = RunDirectory(storage).summary()
    assert summary is not None
    assert (summary["shards"], summary["documents"], summary["bad"]) == (8, 33, 5)
    assert (summary["mentions"], summary["linked"], summary["tokens"]) == (66, 66, 99)
    assert summary["settings"] == {"linker": {"top_k": 10}, "schema": 1}
    assert summary["versions"]["python"] and summary["command"] == ["elinker"]


def test_what_a_format_could_not_hold_is_counted(runs: SimpleNamespace, storage: LocalStorage) -> None:
    runs.annotate(storage, runs.corpus(6), form="conll")
    summary = RunDirectory(storage).summary()
    assert summary is not None and summary["losses"] == {"CANDIDATES": 10}


def test_a_run_behind_a_url_gives_the_same(runs: SimpleNamespace) -> None:
    storage = open_storage(f"memory://{uuid4().hex}/run/")
    while not runs.annotate(storage, runs.corpus(38), stopped=stop_after(4)):
        pass
    assert runs.parts(storage) == runs.whole


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_parts_are_a_corpus_again(runs: SimpleNamespace, tmp_path: Path, place: str) -> None:
    storage = open_storage(str(tmp_path / "out") if place == "folder" else f"memory://{uuid4().hex}/run/")
    runs.annotate(storage, runs.corpus(38))
    documents = list(read_documents(storage.name))
    assert [document.id for document in documents if isinstance(document, Document)] == [
        f"d{n}" for n in range(38) if n % 7 != 3
    ]
    assert len(documents) == 33


def test_events_tell_of_shards_and_bad_documents(runs: SimpleNamespace, storage: LocalStorage) -> None:
    events: list[dict[str, Any]] = []
    runs.annotate(storage, runs.corpus(12), events=lambda event, /, **fields: events.append({"event": event, **fields}))
    assert [event["event"] for event in events] == ["bad document", "shard", "shard", "bad document", "shard"]
    assert events[0] == {"event": "bad document", "source": "in", "line": 3, "reason": "broken"}
    assert {"documents_per_second", "tokens_per_second", "shards_to_link", "memory_bytes"} <= events[1].keys()
    assert [event["documents"] for event in events if event["event"] == "shard"] == [4, 5, 1]


def test_progress_counts_records_of_the_shard_at_work_once(
    runs: SimpleNamespace, storage: LocalStorage, linker: Any
) -> None:
    seen = []
    progress = Progress(on_change=lambda so_far: seen.append((so_far.now.documents, so_far.now.tokens)))
    engine = LocalEngine(linker, keep_nil=False, on_record=progress.record)
    runs.annotate(storage, runs.corpus(12), engine=engine, progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == (12, 30)
