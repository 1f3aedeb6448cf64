"""The engine of runs on a cluster: shards of a corpus are linked by workers that each load the linker once."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from elinker.cluster.session import ClusterError, ClusterSettings
from elinker.cluster.stream import Workers
from elinker.corpus.records import BadRecord, Located, Record
from elinker.corpus.runner import Annotator
from elinker.corpus.runs.engine import LinkedShard, Shard, link_shard

_Answer = tuple[dict[str, Any], LinkedShard | None]


class RayEngine(Workers[Shard, _Answer]):
    """Links shards on workers of Ray (an `Engine`), as a context; what comes out is what `LocalEngine` gives.

    Args:
        load: loads the linker in a worker; it is pickled.
        settings: the workers.
        keep_nil: whether mentions that are not linked stay.

    Raises:
        ElinkerError: the workers cannot load the linker.
        UsageError: there is no such cluster, or no room on it.
    """

    def __init__(self, load: Callable[[], Annotator], settings: ClusterSettings, *, keep_nil: bool) -> None:
        super().__init__(_Load(load, keep_nil), settings)
        self.identity: dict[str, Any] = {}
        """What decides the results (`Linker.identity`), as the first worker says it."""

    def _meet(self, answer: _Answer) -> None:
        self.identity, _ = answer

    def run(self, shards: Iterator[Shard]) -> Iterator[LinkedShard]:
        """See `Engine.run`; `LOOK_AHEAD` shards a worker are under way.

        Raises:
            ElinkerError: the model or the base cannot be used by a worker.
            ClusterError: workers were lost again and again, or they do not have the same linker.
        """
        kept: deque[Shard] = deque()
        for identity, linked in self._stream.map(_without_meta(shards, kept)):
            self._check(identity)
            if linked is not None:
                yield _with_meta(linked, kept.popleft())

    def _check(self, identity: dict[str, Any]) -> None:
        differing = sorted(key for key in self.identity if identity.get(key) != self.identity[key])
        if differing:
            raise ClusterError(
                f"two workers do not link alike: {', '.join(differing)} differ",
                hint="give all machines the same files, and processors that compute alike",
            )


def _without_meta(shards: Iterator[Shard], kept: deque[Shard]) -> Iterator[Shard]:
    """The shards, documents without their meta: no linker reads it, and it may be too deep to be pickled."""
    for shard in shards:
        kept.append(shard)
        records = (
            record if isinstance(record, BadRecord) else replace(record, document=replace(record.document, meta={}))
            for record in shard.records
        )
        yield replace(shard, records=tuple(records))


def _with_meta(linked: LinkedShard, shard: Shard) -> LinkedShard:
    """A linked shard with the meta of the shard that was read."""
    records: list[Record] = []
    for record, before in zip(linked.records, shard.records, strict=True):
        if isinstance(record, Located) and isinstance(before, Located):
            record = replace(record, document=replace(record.document, meta=before.document.meta))
        records.append(record)
    return replace(linked, records=tuple(records))


class _Load:
    """Loads a linker and gives what links shards with it; for None only the linker's identity is told."""

    def __init__(self, load: Callable[[], Annotator], keep_nil: bool) -> None:
        self._load = load
        self._keep_nil = keep_nil

    def __call__(self) -> Callable[[Shard | None], _Answer]:
        linker, keep_nil = self._load(), self._keep_nil
        identity = dict(linker.identity)

        def work(shard: Shard | None) -> _Answer:
            return identity, None if shard is None else link_shard(linker, shard, keep_nil=keep_nil)

        return work
