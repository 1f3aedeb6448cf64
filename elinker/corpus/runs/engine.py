"""What links the shards of a run: the protocol, the one in this process, and what every engine does with a shard.

A shard is linked by itself, no batch reaches over its border, so that its result is the same wherever and whenever it
is made. Cutting a corpus into shards and writing them is done elsewhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from elinker.corpus.records import Record
from elinker.corpus.runner import Annotator, link_each


@dataclass(frozen=True, slots=True)
class Shard:
    """A unit of work: consecutive records of the corpus, cut without regard to workers, batches or earlier runs.

    `number` counts from 0.
    """

    number: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class LinkedShard:
    """The records of a shard in input order, documents annotated; `tokens` is the number of source tokens read."""

    number: int
    records: tuple[Record, ...]
    tokens: int


class Engine(Protocol):
    """Links shards."""

    def run(self, shards: Iterator[Shard]) -> Iterator[LinkedShard]:
        """Each shard linked, in order of number, lazily and with bounded look-ahead; it ends when `shards` does.

        Raises:
            ElinkerError: the model or the base is unusable.
        """


def link_shard(
    linker: Annotator, shard: Shard, *, keep_nil: bool, on_record: Callable[[Record, int], None] | None = None
) -> LinkedShard:
    """A shard linked; `on_record` is called with each record of the result, and the source tokens read so far.

    Raises:
        ElinkerError: the model or the base is unusable; what is wrong with one document only makes it a bad record.
    """
    before = linker.tokens_seen
    records = []
    for record in link_each(linker, shard.records, keep_nil=keep_nil):
        records.append(record)
        if on_record is not None:
            on_record(record, linker.tokens_seen - before)
    return LinkedShard(shard.number, tuple(records), linker.tokens_seen - before)


class LocalEngine:
    """Links in this process, one shard after the other (an `Engine`)."""

    def __init__(
        self, linker: Annotator, *, keep_nil: bool, on_record: Callable[[Record, int], None] | None = None
    ) -> None:
        self._linker = linker
        self._keep_nil = keep_nil
        self._on_record = on_record

    def run(self, shards: Iterator[Shard]) -> Iterator[LinkedShard]:
        """See `Engine.run`; nothing is read ahead here."""
        for shard in shards:
            yield link_shard(self._linker, shard, keep_nil=self._keep_nil, on_record=self._on_record)
