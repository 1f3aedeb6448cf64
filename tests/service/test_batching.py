"""The thread that works for all requests: what it puts together, whose turn it is, what failing and leaving cost."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from elinker.service.batching import Batch, Batcher, QueueFullError, StoppedError


class Work:
    """Doubles numbers; remembers its batches; holds up each batch while `go` is not set; cannot do -1."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def __call__(self, jobs: Sequence[int]) -> list[int]:
        self.batches.append(list(jobs))
        self.entered.set()
        self.go.wait(30)
        if -1 in jobs:
            raise ValueError("-1")
        return [2 * job for job in jobs]


Making = Callable[..., Batcher[int, int]]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def made(work: Work) -> Iterator[Making]:
    """Batchers of `work`; a job weighs 1."""
    batchers: list[Batcher[int, int]] = []

    def make(*, most: int = 100, wait: float = 0.0, depth: int = 1000, reports: list[Batch] | None = None) -> Batcher:
        batchers.append(
            Batcher(
                work,
                name="test",
                weigh=lambda _: 1,
                most=most,
                wait=wait,
                depth=depth,
                on_batch=(reports if reports is not None else []).append,
            )
        )
        return batchers[-1]

    yield make
    work.go.set()
    for batcher in batchers:
        batcher.stop()


def held(batcher: Batcher[int, int], work: Work) -> None:
    """Occupy the thread with a first job until `work.go` is set."""
    work.go.clear()
    batcher.submit([0])
    assert work.entered.wait(30)


def test_each_job_gets_its_own_result(made: Making) -> None:
    futures = made().submit(range(50))
    assert [future.result(30) for future in futures] == [2 * number for number in range(50)]


def test_what_waits_is_done_together(made: Making, work: Work) -> None:
    batcher = made()
    held(batcher, work)
    futures = [future for number in range(1, 6) for future in batcher.submit([number])]
    work.go.set()
    assert [future.result(30) for future in futures] == [2, 4, 6, 8, 10]
    assert work.batches == [[0], [1, 2, 3, 4, 5]]


def test_an_idle_thread_waits_a_moment_for_more(made: Making, work: Work) -> None:
    batcher = made(most=2, wait=30.0)
    first, second = batcher.submit([1]), batcher.submit([2])
    assert [future.result(25) for future in first + second] == [2, 4]
    assert work.batches == [[1, 2]]


def test_a_batch_is_no_heavier_than_allowed(made: Making, work: Work) -> None:
    futures = made(most=3).submit(range(10))
    assert [future.result(30) for future in futures] == [2 * number for number in range(10)]
    assert max(map(len, work.batches)) == 3


def test_a_job_that_is_too_heavy_goes_alone(work: Work) -> None:
    batcher = Batcher(work, name="test", weigh=lambda job: job, most=10, wait=0.0, depth=10, on_batch=lambda _: None)
    futures = batcher.submit([4, 50, 4])
    assert [future.result(30) for future in futures] == [8, 100, 8]
    assert [50] in work.batches
    batcher.stop()


def test_requests_take_turns(made: Making, work: Work) -> None:
    batcher = made(most=4)
    held(batcher, work)
    long, short = batcher.submit(range(100, 108)), batcher.submit([1])
    work.go.set()
    for future in long + short:
        future.result(30)
    assert work.batches[1:] == [[100, 1, 101, 102], [103, 104, 105, 106], [107]]


def test_a_job_that_fails_fails_alone(made: Making, work: Work) -> None:
    batcher = made()
    held(batcher, work)
    good, bad, better = (batcher.submit([job])[0] for job in (1, -1, 2))
    work.go.set()
    assert (good.result(30), better.result(30)) == (2, 4)
    assert isinstance(bad.exception(30), ValueError)
    assert batcher.submit([3])[0].result(30) == 6


def test_a_cancelled_job_is_never_done(made: Making, work: Work) -> None:
    batcher = made()
    held(batcher, work)
    left, stayed = batcher.submit([7, 8]), batcher.submit([1])
    for future in left:
        assert future.cancel()
    assert batcher.waiting == 1
    work.go.set()
    assert stayed[0].result(30) == 2
    assert work.batches == [[0], [1]]


def test_a_queue_is_full_at_its_depth_and_cancelled_jobs_make_room(made: Making, work: Work) -> None:
    batcher = made(depth=3)
    held(batcher, work)
    waiting = batcher.submit([1, 2])
    with pytest.raises(QueueFullError) as full:
        batcher.submit([3, 4])
    assert full.value.retry_after >= 1
    waiting[0].cancel()
    taken = batcher.submit([3, 4])
    work.go.set()
    assert [future.result(30) for future in taken] == [6, 8]


def test_stopping_finishes_what_waits_and_takes_no_more(made: Making, work: Work) -> None:
    batcher = made(most=1)
    futures = batcher.submit(range(5))
    batcher.stop()
    assert all(future.done() for future in futures)
    assert not batcher.works
    with pytest.raises(StoppedError):
        batcher.submit([1])


def test_a_stopped_batcher_starts_again(made: Making) -> None:
    batcher = made()
    batcher.stop()
    batcher.start()
    assert batcher.submit([4])[0].result(30) == 8


def test_every_batch_is_reported(made: Making) -> None:
    reports: list[Batch] = []
    batcher = made(most=2, reports=reports)
    batcher.submit(range(3))
    batcher.stop()
    assert [(report.jobs, report.weight) for report in reports] == [(2, 2), (1, 1)]


def test_no_jobs_are_no_work(made: Making, work: Work) -> None:
    batcher = made()
    assert batcher.submit([]) == []
    batcher.stop()
    assert work.batches == []
