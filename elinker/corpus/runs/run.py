"""The course of a run: records are read ahead, linked here, written behind, until they end or somebody says stop."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from elinker.corpus.records import Format, Record
from elinker.corpus.runner import Summary
from elinker.corpus.runs.directory import RunDirectory
from elinker.corpus.runs.engine import Engine, LinkedShard, Shard
from elinker.corpus.runs.events import Events, no_events
from elinker.corpus.runs.machine import gpu_memory, memory
from elinker.corpus.runs.part import make_part
from elinker.corpus.runs.shards import SHARD_DOCUMENTS, Cut, cut
from elinker.corpus.runs.threads import ReadAhead, WriteBehind
from elinker.errors import UsageError

DEPTH = 2
"""Shards that may wait between reading and linking, and between linking and writing."""


class Progress:
    """How far a run is; `on_change` is called with it when there is news.

    Attributes:
        now: what this call has linked so far, bad records counted as documents; `seconds` is time since its start.
        earlier: documents and bad records of the finished shards that were read again.
        position: how far into the inputs the linked shards reach, as `locate` told when they were read.
        to_link: shards that are read and wait.
        to_write: shards that are linked and wait.
    """

    def __init__(
        self, on_change: "Callable[[Progress], None]" = lambda progress: None, locate: Callable[[], int] = lambda: 0
    ) -> None:
        self.locate = locate
        self.now = Summary()
        self.earlier = Summary()
        self.position = self.to_link = self.to_write = 0
        self._on_change = on_change
        self._start = time.perf_counter()
        self._linked = Summary()

    def record(self, record: Record, tokens: int) -> None:
        """Count a record of the shard at work, of which so many source tokens are read."""
        self.now.documents += 1
        self.now.tokens = self._linked.tokens + tokens
        self._tell()

    def shard(self, shard: LinkedShard) -> None:
        """Count a shard, whose records may have been counted one by one."""
        self._linked.documents += len(shard.records)
        self._linked.tokens += shard.tokens
        self.now.documents, self.now.tokens = self._linked.documents, self._linked.tokens
        self._tell()

    def _tell(self) -> None:
        self.now.seconds = time.perf_counter() - self._start
        self._on_change(self)


@dataclass(frozen=True, slots=True)
class _Linked:
    shard: LinkedShard
    digest: str
    seconds: float


def annotate_run(
    directory: RunDirectory,
    records: Iterable[Record],
    form: Format,
    engine: Engine,
    *,
    shard_documents: int = SHARD_DOCUMENTS,
    stopped: Callable[[], bool] = lambda: False,
    events: Events = no_events,
    progress: Progress | None = None,
) -> bool:
    """Link what is not linked yet and write it; whether the corpus came to its end.

    Shards that are finished already are read and compared, not linked. Once `stopped` says so, the shards that are at
    work are completed and written, and no other is begun. The directory is begun; `finish` is the caller's.

    Raises:
        UsageError: the input of a finished shard is another one now.
        ElinkerError: the run cannot be written, or the model or base is unusable; what is written stays.
    """
    return _Run(directory, form, engine, stopped, events, progress or Progress()).go(records, shard_documents)


class _Run:
    def __init__(
        self,
        directory: RunDirectory,
        form: Format,
        engine: Engine,
        stopped: Callable[[], bool],
        events: Events,
        progress: Progress,
    ) -> None:
        self._directory = directory
        self._form = form
        self._engine = engine
        self._stopped = stopped
        self._events = events
        self._progress = progress
        self._finished = frozenset(directory.entries)
        self._digests: dict[int, str] = {}
        self._positions: dict[int, int] = {}

    def go(self, records: Iterable[Record], shard_documents: int) -> bool:
        last = time.perf_counter()
        self._reading = ReadAhead(self._unfinished(cut(records, documents=shard_documents)), DEPTH, self._stopped)
        self._writing = WriteBehind(self._write, DEPTH)
        try:
            for shard in self._engine.run(self._reading):
                now = time.perf_counter()
                self._writing.put(_Linked(shard, self._digests.pop(shard.number), now - last))
                last = now
                self._report(shard)
            self._writing.finish()
        except BaseException:
            self._writing.abort()
            raise
        finally:
            self._reading.close()
        return self._reading.exhausted

    def _unfinished(self, cuts: Iterator[Cut]) -> Iterator[Shard]:
        """The shards to link; runs in the reading thread."""
        left = set(self._finished)
        for piece in cuts:
            number = piece.shard.number
            if number in left:
                left.remove(number)
                entry = self._directory.entries[number]
                if entry.read != piece.digest:
                    raise self._other_input(number)
                self._progress.earlier.documents += entry.documents
                self._progress.earlier.bad += entry.bad
            else:
                self._digests[number] = piece.digest
                self._positions[number] = self._progress.locate()
                yield piece.shard
        if left:
            raise self._other_input(min(left))

    def _other_input(self, number: int) -> UsageError:
        return UsageError(
            f"the input is not the one that shard {number} of {self._directory.name} was made of",
            hint="bring the input back, name another folder, or start again with --overwrite",
        )

    def _report(self, shard: LinkedShard) -> None:
        progress = self._progress
        progress.position = self._positions.pop(shard.number)
        progress.to_link, progress.to_write = self._reading.waiting, self._writing.waiting
        progress.shard(shard)

    def _write(self, linked: _Linked) -> None:
        """Write a shard and tell about it; runs in the writing thread."""
        part = make_part(linked.shard, self._form)
        for record in part.bad:
            self._events("bad document", source=record.source, line=record.line, reason=record.reason)
        self._directory.add(part, read=linked.digest, seconds=linked.seconds)
        self._events("shard", **self._measures(linked, part.counts))

    def _measures(self, linked: _Linked, counts: Summary) -> dict[str, Any]:
        seconds = max(linked.seconds, 1e-9)
        return {
            "shard": linked.shard.number,
            "documents": counts.documents,
            "bad": counts.bad,
            "mentions": counts.mentions,
            "linked": counts.linked,
            "tokens": counts.tokens,
            "seconds": round(linked.seconds, 3),
            "documents_per_second": round((counts.documents + counts.bad) / seconds, 2),
            "tokens_per_second": round(counts.tokens / seconds, 1),
            "shards_to_link": self._reading.waiting,
            "shards_to_write": self._writing.waiting,
            "memory_bytes": memory(),
            "gpu_memory_bytes": gpu_memory(),
        }
