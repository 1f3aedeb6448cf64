"""Runs with the dictionary linker of the corpus' tests: in this process, and in another one that can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elinker import Document
from elinker.corpus import FORMATS, Located
from elinker.corpus.records import BadRecord, Record
from elinker.corpus.runs.directory import RunDirectory
from elinker.corpus.runs.engine import LocalEngine
from elinker.corpus.runs.run import annotate_run
from elinker.corpus.runs.storage import LocalStorage, Storage

SETTINGS = {"linker": {"top_k": 10}, "schema": 1}
ROOT = Path(__file__).parents[3]


def corpus(number: int) -> list[Record]:
    """Records of which every seventh is bad."""
    return [
        BadRecord("in", n, "broken", "{") if n % 7 == 3 else Located(Document(f"d{n}", f"Apple {n} London"), "in", n)
        for n in range(number)
    ]


def parts(storage: Storage) -> dict[str, bytes]:
    """What a run is for: its parts."""
    return {name: storage.read(name) for name in storage.sizes() if name.startswith("part-")}


@pytest.fixture
def runs(linker: Any, tmp_path: Path) -> SimpleNamespace:
    """`corpus`, `parts`, `annotate` (begin a run or go on with it), and the parts of a `whole` run of 38 records."""

    def annotate(storage: Storage, records: list[Record], *, settings: Any = SETTINGS, **options: Any) -> bool:
        directory = RunDirectory(storage)
        form, size = options.pop("form", "jsonl"), options.pop("size", 5)
        with storage.lock():
            directory.check(resume=True, overwrite=False)
            directory.begin(settings)
            engine = options.pop("engine", None) or LocalEngine(linker, keep_nil=False)
            complete = annotate_run(directory, iter(records), FORMATS[form], engine, shard_documents=size, **options)
            if complete:
                directory.finish(["elinker"])
        return complete

    whole = LocalStorage(tmp_path / "whole")
    annotate(whole, corpus(38))
    return SimpleNamespace(corpus=corpus, parts=parts, annotate=annotate, whole=parts(whole))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts `elinker annotate` in another process, with a linker that takes `seconds` for each document."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        *arguments: str, seconds: float = 0.002, prepare: Callable[[], None] = lambda: None, **options: Any
    ) -> "subprocess.Popen[bytes]":
        def begin() -> None:
            # Tests that run in the background of a shell ignore Ctrl-C, and their children would inherit it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            prepare()

        script = str(Path(__file__).with_name("annotate_slowly.py"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SECONDS": str(seconds)}
        process = subprocess.Popen(
            [sys.executable, script, "annotate", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=begin,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
