"""`--log-json`: what happens in a run, a JSON object a line, for machines that watch it."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from elinker.corpus.output import Output
from elinker.corpus.records import BadRecord
from elinker.corpus.runner import Summary
from elinker.corpus.runs.machine import gpu_memory, memory
from elinker.errors import ElinkerError, UsageError
from elinker.schema import Document

STDOUT = "-"

INTERVAL = 10.0
"""Seconds between the `progress` events of a run that has no shards."""


class Events(Protocol):
    """Takes what happens."""

    def __call__(self, event: str, /, **fields: Any) -> None:
        """Note an event; `fields` are JSON-able."""


def no_events(event: str, /, **fields: Any) -> None:
    """Note nothing (an `Events`)."""


class ObservedOutput:
    """An output whose bad records, and now and then its counts, are events too (an `elinker.corpus.output.Output`)."""

    def __init__(self, output: Output, events: Events) -> None:
        self._output = output
        self._events = events
        self._last = time.monotonic()

    def write(self, document: Document) -> None:
        """Pass a document on."""
        self._output.write(document)

    def reject(self, record: BadRecord) -> None:
        """Note a bad record and pass it on."""
        self._events("bad document", source=record.source, line=record.line, reason=record.reason)
        self._output.reject(record)

    def commit(self) -> None:
        """Pass on that all is there."""
        self._output.commit()

    def follow(self, summary: Summary) -> None:
        """Note the counts, if it is time to."""
        if time.monotonic() - self._last >= INTERVAL:
            self._last = time.monotonic()
            self._events("progress", **asdict(summary), memory_bytes=memory(), gpu_memory_bytes=gpu_memory())


@contextmanager
def open_events(target: str | None) -> Iterator[Events]:
    """Events to a file, which grows, or to stdout (`-`); without a target nothing is noted.

    Each line has `time` (ISO 8601, UTC) and `event` first. Events may come from any thread.

    Raises:
        UsageError: the file cannot be opened.
        ElinkerError: a line cannot be written.
    """
    if target is None:
        yield no_events
    elif target == STDOUT:
        yield _JsonEvents(sys.stdout.buffer, "stdout")
    else:
        with _opened(Path(target)) as stream:
            yield _JsonEvents(stream, target)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


class _JsonEvents:
    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lock = threading.Lock()

    def __call__(self, event: str, /, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        # ASCII, because a bad record may hold a lone surrogate.
        line = json.dumps({"time": now, "event": event, **fields}, default=str).encode("ascii") + b"\n"
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except OSError as error:
            raise ElinkerError(f"cannot write {self._name}: {error.strerror or error}") from None
