"""An ordered stream of work over Ray Data: items in, results out in the same order, a few items under way at a time.

Ray Data runs it: a reading task that yields a block an item, a pool of actors that each load what they work with once,
results in order, the tasks of a lost actor done again by the one that replaces it. What Ray Data cannot do is read from
an iterator of the calling process, for a reading task runs elsewhere and is begun anew when it is lost. So items go
through a feeder, an actor without a share of the CPUs, that holds an item until its result has come back: a reading
task that is begun anew finds all that is still needed. The feeder gets a few items ahead, and that bounds the rest.
Ray Data also does lost tasks again without end; so the feeder counts how often an item was begun, and a worker gives
up one that was begun too often.
"""

import asyncio
import pickle
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from elinker import __version__
from elinker.cluster.session import ClusterError, ClusterSettings, connected, import_ray
from elinker.errors import ElinkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_AHEAD = 2
"""Items under way a worker, counting those whose results wait for an earlier one."""

TRIES = 3
"""How often an item is tried whose work fails, or whose worker is lost, before the run is given up."""

_NUMBER, _PAYLOAD = "number", "payload"
_END = object()


class OrderedStream(Generic[Item, Result]):
    """A context in which workers are ready; `map` gives them work.

    Args:
        make: called once in each worker, returns what does the work on an item. It is pickled, as items and results
            are.
        settings: the workers.

    Raises:
        MissingExtraError: ray is not installed.
        UsageError: there is no such cluster, or no room on it.
    """

    def __init__(self, make: Callable[[], Callable[[Item], Result]], settings: ClusterSettings) -> None:
        self._make = make
        self._settings = settings
        self._stack = ExitStack()
        self._blocks: Generator[dict[str, Any], None, None] | None = None
        self._sent = self._done = 0

    def __enter__(self) -> "OrderedStream[Item, Result]":
        with ExitStack() as stack:
            stack.enter_context(connected(self._settings))
            self._feeder = stack.enter_context(_feeder())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._blocks is not None:
            self._blocks.close()  # the workers end with it
            self._blocks = None
        self._stack.close()

    def map(self, items: Iterator[Item]) -> Iterator[Result]:
        """The result of each item, in order.

        Items are read in the calling thread, `LOOK_AHEAD` a worker before their results are needed. A second call
        finds the same workers; what a call that was left early had sent is dropped.

        Raises:
            ElinkerError: what `make` or the work raised in a worker.
            ClusterError: an item's worker was lost or failed `TRIES` times, or Ray failed.
        """
        ray = import_ray()
        first = self._sent
        exhausted = False
        try:
            while True:
                while not exhausted and self._sent - max(self._done, first) < LOOK_AHEAD * self._settings.workers:
                    item = next(items, _END)
                    exhausted = item is _END
                    if not exhausted:
                        self._send(ray, item)
                if self._done == self._sent:
                    return
                number, outcome = self._done, self._receive()
                self._done += 1
                ray.get(self._feeder.forget.remote(number))
                if number >= first:
                    yield _result_of(outcome)
        except ray.exceptions.RayError as error:
            raise ClusterError(_in_one_line(error), hint="what was finished is kept") from None

    def _send(self, ray: Any, item: Any) -> None:
        ray.get(self._feeder.put.remote(self._sent, pickle.dumps(item)))
        self._sent += 1
        if self._blocks is None:
            self._blocks = _results(self._feeder, self._make, self._settings)

    def _receive(self) -> Any:
        block = None if self._blocks is None else next(self._blocks, None)
        if block is None or list(block[_NUMBER]) != [self._done]:
            raise ClusterError(f"Ray did not return item {self._done}")
        (payload,) = block[_PAYLOAD]
        return pickle.loads(payload)


class Workers(ABC, Generic[Item, Result]):
    """A context of workers, of which one has said who it is: what it answers to None.

    Args:
        make, settings: see `OrderedStream`; what `make` returns takes None as well.

    Raises:
        ElinkerError: what `make` raised in a worker.
        UsageError: there is no such cluster, or no room on it.
    """

    def __init__(self, make: Callable[[], Callable[[Item | None], Result]], settings: ClusterSettings) -> None:
        self._stream: OrderedStream[Item | None, Result] = OrderedStream(make, settings)

    @abstractmethod
    def _meet(self, answer: Result) -> None:
        """Take note of who they are."""

    def __enter__(self) -> Self:
        self._stream.__enter__()
        try:
            (answer,) = self._stream.map(iter([None]))
            self._meet(answer)
        except BaseException:
            self._stream.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.__exit__(kind, error, trace)


def _results(
    feeder: Any, make: Callable[[], Callable[[Any], Any]], settings: ClusterSettings
) -> Generator[Any, None, None]:
    """Blocks of one number and one pickled result each, in order."""
    ray = import_ray()
    with ray.data.DataContext.current(_context(ray)):
        data = ray.data.read_datasource(_source(feeder), override_num_blocks=1, num_cpus=0)
        data = data.map_batches(
            _Worker,
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(size=settings.workers, max_tasks_in_flight_per_actor=2),
            num_cpus=settings.cpus_per_worker,
            num_gpus=settings.gpus_per_worker,
            fn_constructor_args=(feeder, make, settings.cpus_per_worker, __version__),
        )
        batches: Generator[Any, None, None] = iter(
            data.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0)
        )
    return batches


def _context(ray: Any) -> Any:
    """Ray Data's settings: results in order, an item a block, nothing on the terminal."""
    context = ray.data.DataContext.get_current().copy()
    context.execution_options.preserve_order = True
    context.target_max_block_size = 1
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return context


def _source(feeder: Any) -> Any:
    """One reading task that gives what the feeder has, an item a block; it ends with the feeder."""
    import pyarrow as pa
    from ray.data import Datasource
    from ray.data.block import BlockMetadata
    from ray.data.datasource import ReadTask

    def read() -> Iterator[Any]:
        ray = import_ray()
        number = 0
        while True:
            payload = ray.get(feeder.get.remote(number))
            yield pa.table({_NUMBER: [number], _PAYLOAD: pa.array([payload], pa.large_binary())})
            number += 1

    class Items(Datasource):
        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[Any]:
            nothing_known = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(read, nothing_known)]

    return Items()  # type: ignore[no-untyped-call]


class _Feeder:
    """Holds pickled items by number until they are forgotten; readers wait for those that are still to come."""

    def __init__(self) -> None:
        self._items: dict[int, bytes] = {}
        self._begun: dict[int, int] = {}
        self._forgotten = 0
        self._changed = asyncio.Condition()

    async def put(self, number: int, payload: bytes) -> None:
        """Take the next item."""
        async with self._changed:
            self._items[number] = payload
            self._changed.notify_all()

    async def get(self, number: int) -> bytes:
        """An item; empty for one that is forgotten, whose block Ray has had."""
        async with self._changed:
            await self._changed.wait_for(lambda: number < self._forgotten or number in self._items)
        return self._items.get(number, b"")

    async def begin(self, number: int) -> int:
        """How often an item was begun before."""
        before = self._begun.get(number, 0)
        self._begun[number] = before + 1
        return before

    async def forget(self, number: int) -> None:
        """Drop an item whose result has arrived."""
        self._items.pop(number, None)
        self._begun.pop(number, None)
        self._forgotten = number + 1


@contextmanager
def _feeder() -> Iterator[Any]:
    """A feeder on the machine of the calling process: when that one is lost, so is the run."""
    ray = import_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    feeder = ray.remote(num_cpus=0, scheduling_strategy=here)(_Feeder).remote()
    try:
        yield feeder
    finally:
        ray.kill(feeder)


class _Failure:
    """What a worker sends in the place of a result."""

    def __init__(self, error: ElinkerError) -> None:
        self.error = error


class _Worker:
    """What Ray Data calls in an actor. It never raises: failures travel as results, one line each."""

    def __init__(self, feeder: Any, make: Callable[[], Callable[[Any], Any]], threads: int, version: str) -> None:
        self._feeder = feeder
        try:
            if version != __version__:
                raise ClusterError(f"a worker has elinker {__version__}, the command {version}", hint="install one")
            self._work: Callable[[Any], Any] | None = make()
            if (torch := sys.modules.get("torch")) is not None:
                torch.set_num_threads(threads)
        except Exception as error:
            self._work, self._failure = None, _failure("a worker cannot load the model", error)

    def __call__(self, block: dict[str, Any]) -> dict[str, list[Any]]:
        items = zip(map(int, block[_NUMBER]), block[_PAYLOAD], strict=True)
        return {_NUMBER: list(block[_NUMBER]), _PAYLOAD: [self._answer(number, payload) for number, payload in items]}

    def _answer(self, number: int, payload: bytes) -> bytes:
        try:
            return pickle.dumps(self._result(number, payload))
        except Exception as error:
            return pickle.dumps(_failure("a worker cannot send its result", error))

    def _result(self, number: int, payload: bytes) -> Any:
        if self._work is None:
            return self._failure
        if not payload:
            return None
        if import_ray().get(self._feeder.begin.remote(number)) >= TRIES:
            return _Failure(ClusterError(f"{TRIES} workers were lost one after the other on the same part of the work"))
        for _ in range(TRIES):
            try:
                return self._work(pickle.loads(payload))
            except ElinkerError as error:
                return _Failure(error)
            except Exception as error:
                failure = _failure(f"a worker failed {TRIES} times", error)
        return failure


def _result_of(outcome: Any) -> Any:
    if isinstance(outcome, _Failure):
        raise outcome.error
    return outcome


def _failure(what: str, error: Exception) -> _Failure:
    if isinstance(error, ElinkerError):
        return _Failure(error)
    return _Failure(ClusterError(f"{what}: {type(error).__name__}: {' '.join(str(error).split())}"))


def _in_one_line(error: Exception) -> str:
    """What an error of Ray, whose messages are pages, is about: an error of a task is told at the end of its trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return f"Ray failed: {type(error).__name__}: {lines[-1 if 'Traceback' in str(error) else 0][:200]}"
