"""The queues around the linker: bounded, in order, and with errors where they belong."""

import threading
import time
from collections.abc import Iterator

import pytest

from elinker.corpus.runs.threads import ReadAhead, WriteBehind


def never() -> bool:
    return False


def test_items_come_in_order_and_only_so_many_in_advance() -> None:
    made = 0

    def items() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            made += 1
            yield number

    ahead = ReadAhead(items(), 2, never)
    seen = []
    for number in ahead:
        seen.append(number)
        assert made <= number + 4  # two in the queue, one that waits for a place
    assert seen == list(range(50))
    assert ahead.exhausted


def test_an_error_of_reading_comes_behind_what_was_read() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    ahead = ReadAhead(items(), 2, never)
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_a_request_to_stop_ends_even_a_wait_for_input_that_does_not_come() -> None:
    asked = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        time.sleep(60)

    ahead = ReadAhead(items(), 2, asked.is_set)
    assert next(ahead) == 1
    threading.Timer(0.05, asked.set).start()
    assert list(ahead) == []
    assert not ahead.exhausted


def test_a_closed_reader_reads_no_further() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    ahead = ReadAhead(items(), 1, never)
    next(ahead)
    ahead.close()
    time.sleep(0.3)
    assert len(made) < 6


def test_everything_is_written_in_order_before_it_is_finished() -> None:
    written: list[int] = []
    behind = WriteBehind(written.append, 2)
    for number in range(20):
        behind.put(number)
        assert behind.waiting <= 2
    behind.finish()
    assert written == list(range(20))


def test_an_error_of_writing_stops_the_work_before_it() -> None:
    written = []

    def write(number: int) -> None:
        if number == 2:
            raise OSError(28, "full")
        written.append(number)

    behind = WriteBehind(write, 1)
    with pytest.raises(OSError, match="full"):
        for number in range(10):
            behind.put(number)
            time.sleep(0.01)
    assert written == [0, 1]
    with pytest.raises(OSError, match="full"):
        behind.finish()


def test_what_waits_is_not_written_after_an_abort() -> None:
    written = []
    going = threading.Event()

    def write(number: int) -> None:
        going.wait(5)
        written.append(number)

    behind = WriteBehind(write, 3)
    for number in range(3):
        behind.put(number)
    threading.Timer(0.05, going.set).start()
    behind.abort()
    assert written == [0]
