"""What a storage promises, on a disk and behind a URL."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from elinker.corpus.runs.storage import LOCK, LocalStorage, Storage, UrlStorage, open_storage
from elinker.errors import ElinkerError, UsageError


@pytest.fixture(params=["folder", "file://", "memory://"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    target = {
        "folder": str(tmp_path / "new" / "run"),
        "file://": f"file://{tmp_path}/run/",
        "memory://": f"memory://{uuid4().hex}/run/",
    }[request.param]
    return open_storage(target)


def test_files_are_replaced_listed_and_removed(storage: Storage) -> None:
    assert storage.sizes() == {}
    storage.write("b", b"1")
    storage.write("a", b"")
    storage.write("b", b"\x00\r\n22")
    assert storage.sizes() == {"a": 0, "b": 5}
    assert storage.read("b") == b"\x00\r\n22"
    storage.remove("b")
    storage.remove("never there")
    assert storage.sizes() == {"a": 0}


def test_a_log_grows_is_replaced_and_removed(storage: Storage) -> None:
    assert storage.read_log("log") == b""
    for number in range(12):
        storage.append_log("log", b"%d\n" % number)
    assert storage.read_log("log").split() == [b"%d" % number for number in range(12)]
    storage.write_log("log", b"x\n")
    storage.append_log("log", b"y\n")
    assert storage.read_log("log") == b"x\ny\n"
    assert [name for name in storage.sizes() if name != "log"] == []
    storage.remove_log("log")
    assert storage.read_log("log") == b""


def test_a_log_is_gone_on_with_by_the_next_process(storage: Storage) -> None:
    storage.append_log("log", b"1\n")
    again = LocalStorage(Path(storage.name)) if isinstance(storage, LocalStorage) else UrlStorage(storage.name)
    again.append_log("log", b"2\n")
    assert again.read_log("log") == b"1\n2\n"


def test_only_one_at_a_time(storage: Storage) -> None:
    with storage.lock(), pytest.raises(UsageError, match="another process is writing"), storage.lock():
        pytest.fail("both came in")
    with storage.lock():
        pass


def test_what_is_not_there_is_one_line(storage: Storage) -> None:
    with pytest.raises(ElinkerError, match="cannot read"):
        storage.read("missing")


def test_a_lock_behind_a_url_outlives_no_process_of_this_machine() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    storage = UrlStorage(f"memory://{uuid4().hex}/")
    storage.write(LOCK, json.dumps({"process": done.pid, "host": socket.gethostname(), "token": "t"}).encode())
    with storage.lock():
        pass


def test_a_lock_of_another_machine_is_kept_and_named() -> None:
    storage = UrlStorage(f"memory://{uuid4().hex}/")
    storage.write(LOCK, json.dumps({"process": 1, "host": "elsewhere", "token": "t"}).encode())
    with pytest.raises(UsageError, match=r"process 1 on elsewhere.*delete"), storage.lock():
        pytest.fail("came in")


def test_left_over_temporary_files_are_cleaned_away(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (tmp_path / ".a.jsonl.123.part").write_bytes(b"half")
    assert storage.sizes() == {}
    storage.clean()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("a", b"before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ElinkerError, match="No space left on device"):
        storage.write("a", b"after")
    with pytest.raises(ElinkerError, match="No space left on device"):
        storage.append_log("a", b" and more")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


@pytest.mark.parametrize("target", ["file/run", "nothing://x", "memory"])
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "memory").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        open_storage(target)
