"""Runs in a process of their own that is killed, asked to stop, or has no room: what they leave, and how they go on."""

import json
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[bytes]"]

DOCUMENTS = 600
RUN = ("in.jsonl", "--pipeline", "pipeline", "--shard-size", "20")


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> None:
    (tmp_path / "pipeline").mkdir()
    lines = [json.dumps({"id": f"d{n}", "text": f"Apple {n} in London"}) for n in range(DOCUMENTS)]
    lines[77] = "{"
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def wait_for(number: int, folder: Path) -> None:
    """Until so many parts are there."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob("part-*.jsonl"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finished(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, " ".join(errors.decode().split())


def test_a_run_that_is_killed_at_any_moment_ends_as_if_it_had_not_been(start: Start, tmp_path: Path) -> None:
    assert finished(start(*RUN, "-o", "whole/", seconds=0))[0] == 1, "one line is bad"
    moments = random.Random(6)
    kills = 0
    while True:
        process = start(*RUN, "-o", "pieces/", "--resume")
        wanted = len(parts(tmp_path / "pieces")) + moments.randint(0, 10)
        while process.poll() is None and len(parts(tmp_path / "pieces")) < wanted:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        finished(process)
        kills += 1
    assert process.returncode == 1
    assert kills >= 2
    assert parts(tmp_path / "pieces") == parts(tmp_path / "whole")
    written = b"".join(content for name, content in parts(tmp_path / "pieces").items() if "errors" not in name)
    assert [json.loads(line)["id"] for line in written.splitlines()] == [f"d{n}" for n in range(600) if n != 77]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_request_to_stop_completes_the_shard_and_says_how_to_go_on(
    start: Start, tmp_path: Path, number: int, code: int
) -> None:
    process = start(*RUN, "-o", "out/", seconds=0.01)
    wait_for(2, tmp_path / "out")
    process.send_signal(number)
    returned, errors = finished(process)
    assert returned == code
    assert "a second Ctrl-C stops at once" in errors and "--resume goes on from there" in errors
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert not [name for name in names if name.endswith(".part")] and "summary.json" not in names
    journal = (tmp_path / "out" / "run.journal").read_bytes().splitlines()
    assert len(journal) == len([name for name in names if name.startswith("part-") and "errors" not in name]) < 30
    assert finished(start(*RUN, "-o", "out/", "--resume", seconds=0))[0] == 1
    assert len(list((tmp_path / "out").glob("part-*.jsonl"))) == 31


def test_a_second_request_does_not_wait_for_the_shard(start: Start, tmp_path: Path) -> None:
    process = start("in.jsonl", "--pipeline", "pipeline", "--shard-size", "300", "-o", "out/", seconds=0.1)
    while not (tmp_path / "out" / "run.json").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "thirty seconds of linking are left"
    process.send_signal(signal.SIGINT)
    returned, errors = finished(process)
    assert returned == 130
    assert "Traceback" not in errors


def test_a_request_to_stop_ends_a_wait_for_standard_input(start: Start, tmp_path: Path) -> None:
    process = start("-", "--lines", "--pipeline", "pipeline", "--shard-size", "2", "-o", "out/", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"London\nApple\nLondon\n")
    process.stdin.flush()
    wait_for(1, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert process.stderr is not None and b"2 documents in 1 shard" in process.stderr.read()


def test_a_second_process_is_kept_out(start: Start, tmp_path: Path) -> None:
    first = start(*RUN, "-o", "out/", seconds=0.01)
    wait_for(1, tmp_path / "out")
    returned, errors = finished(start(*RUN, "-o", "out/", "--resume"))
    assert returned == 2
    assert errors.startswith("error: another process is writing out")
    assert first.poll() is None


def test_a_file_that_may_not_grow_is_one_line_and_harms_nothing(start: Start, tmp_path: Path) -> None:
    """A limit on the size of files stops a part in its middle, as a full disk does."""
    finished(start(*RUN, "-o", "whole/", seconds=0))
    largest = max(len(content) for content in parts(tmp_path / "whole").values())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, largest - 1))

    returned, errors = finished(start(*RUN, "-o", "out/", seconds=0, prepare=limit))
    assert returned == 1
    assert errors.startswith("error: cannot write out/") and "File too large" in errors and "Traceback" not in errors
    assert not list((tmp_path / "out").glob(".*.part"))
    assert finished(start(*RUN, "-o", "out/", "--resume", seconds=0))[0] == 1
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")


def test_a_log_on_a_full_disk_is_one_line(start: Start) -> None:
    returned, errors = finished(start(*RUN, "-o", "out/", "--log-json", "/dev/full"))
    assert returned == 1
    assert errors == "error: cannot write /dev/full: No space left on device"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_file_is_all_or_nothing_whatever_ends_the_run(start: Start, tmp_path: Path, number: int) -> None:
    process = start("in.jsonl", "--pipeline", "pipeline", "-o", "out.jsonl", seconds=0.01)
    while not list(tmp_path.glob(".out.jsonl.*.part")):
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    returned, errors = finished(process)
    assert returned == 128 + number
    assert errors == "interrupted: nothing was written to out.jsonl"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "pipeline"]
