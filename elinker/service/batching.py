"""One thread that works for all requests: it takes what waits, in turns, and does it together. It knows no model."""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

LONGEST_RETRY = 60
"""Seconds after which a refused client is told to come back, at most."""


class QueueFullError(Exception):
    """More jobs wait than the queue may hold; `retry_after` is when there should be room, in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full for about {retry_after} s")
        self.retry_after = retry_after


class StoppedError(Exception):
    """The thread takes no jobs any more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was worked on in one go, for the metrics: jobs, their weight, seconds."""

    jobs: int
    weight: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Job, Result]):
    job: Job
    weight: int
    future: Future[Result] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class Batcher(Generic[Job, Result]):
    """Does jobs of many requests in batches, in a thread of its own.

    The requests take turns: each has one of its jobs taken before any has its second, so a short request does not wait
    for all of a long one. A cancelled job is dropped while it waits. When a batch fails, its jobs are done again one
    at a time, so that one that cannot be done fails alone.

    Args:
        run: does a batch, a result for each job; it is only ever called in the thread.
        weigh: the cost of a job, in the unit of `most`.
        most: weight of a batch; a heavier job is a batch of its own.
        wait: seconds that an idle thread waits for more after the first job.
        depth: jobs that may wait.
        on_batch: told about every batch, in the thread.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        *,
        name: str,
        weigh: Callable[[Job], int],
        most: int,
        wait: float,
        depth: int,
        on_batch: Callable[[Batch], None],
    ) -> None:
        self._run = run
        self._name = name
        self._weigh = weigh
        self._most = most
        self._wait = wait
        self._depth = depth
        self._on_batch = on_batch
        self._changed = threading.Condition()
        self._requests: deque[deque[_Waiting[Job, Result]]] = deque()
        self._weight = 0
        self._rate = 0.0
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Jobs that wait and are still wanted."""
        with self._changed:
            return self._count()

    @property
    def works(self) -> bool:
        """Whether jobs are taken: not stopped, and the thread, once started, lives."""
        return not self._stopped and (self._thread is None or self._thread.is_alive())

    def submit(self, jobs: Sequence[Job]) -> list[Future[Result]]:
        """Queue the jobs of one request, all or none; cancelling a future takes its job out again.

        Raises:
            QueueFullError: there is no room for all of them.
            StoppedError: `stop` was called.
        """
        request: deque[_Waiting[Job, Result]] = deque(_Waiting(job, self._weigh(job)) for job in jobs)
        futures = [waiting.future for waiting in request]
        if not request:
            return futures
        with self._changed:
            if self._stopped:
                raise StoppedError
            if self._count() + len(request) > self._depth:
                raise QueueFullError(self._retry_after())
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._requests.append(request)
            self._weight += sum(waiting.weight for waiting in request)
            self._changed.notify()
        return futures

    def start(self) -> None:
        """Take jobs, which a new batcher does, again after `stop`."""
        with self._changed:
            self._stopped = False

    def stop(self) -> None:
        """Finish what waits, then end the thread; returns when it has ended."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _count(self) -> int:
        return sum(not waiting.future.cancelled() for request in self._requests for waiting in request)

    def _retry_after(self) -> int:
        seconds = self._weight / self._rate if self._rate else 1.0
        return min(LONGEST_RETRY, max(1, math.ceil(seconds)))

    def _work(self) -> None:
        idle = True
        while batch := self._take(idle=idle):
            idle = False
            start = perf_counter()
            outcomes = self._outcomes(batch)
            report = Batch(len(batch), sum(waiting.weight for waiting in batch), perf_counter() - start)
            rate = report.weight / max(report.seconds, 1e-6)
            self._rate = rate if not self._rate else 0.8 * self._rate + 0.2 * rate
            self._on_batch(report)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, _Failed):
                    waiting.future.set_exception(outcome.error)
                else:
                    waiting.future.set_result(outcome)

    def _take(self, *, idle: bool) -> list[_Waiting[Job, Result]]:
        """The next batch, as soon as there is one; empty when the work is over.

        Args:
            idle: wait for more even where a job is there, as a thread does that has just been started for it.
        """
        with self._changed:
            batch: list[_Waiting[Job, Result]] = []
            while not batch:
                if idle or not self._requests:
                    self._changed.wait_for(lambda: self._requests or self._stopped)
                    self._changed.wait_for(lambda: self._weight >= self._most or self._stopped, self._wait)
                if not self._requests:
                    return []
                batch = self._in_turns()
            return batch

    def _in_turns(self) -> list[_Waiting[Job, Result]]:
        batch: list[_Waiting[Job, Result]] = []
        weight = 0
        while self._requests:
            request = self._requests[0]
            if request[0].future.cancelled():
                self._weight -= request.popleft().weight
                if not request:
                    self._requests.popleft()
                continue
            if batch and weight + request[0].weight > self._most:
                break
            self._requests.rotate(-1)
            waiting = request.popleft()
            if not request:
                self._requests.pop()
            self._weight -= waiting.weight
            if waiting.future.set_running_or_notify_cancel():
                batch.append(waiting)
                weight += waiting.weight
        return batch

    def _outcomes(self, batch: Sequence[_Waiting[Job, Result]]) -> list[Result | _Failed]:
        try:
            return [result for _, result in zip(batch, self._run([waiting.job for waiting in batch]), strict=True)]
        except Exception as error:
            if len(batch) == 1:
                return [_Failed(error)]
            return [outcome for waiting in batch for outcome in self._outcomes([waiting])]
