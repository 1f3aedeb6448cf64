"""Independent pieces of work in a few threads, each with its part of torch's threads.

One pass over some dozens of rows keeps two cores busy only in part: layers of a small model end sooner than threads can
be told of them, and Python works alone in between. Two passes at once leave no core idle.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

import torch

_MOST = 4
"""Threads, at most: Python runs in one of them at a time."""
_LEAST = 4
"""Items that are worth a thread."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_shares(work: Callable[[Iterator[Item], int], Iterable[Result]], items: Sequence[Item]) -> list[Result]:
    """The results of all items in order; each thread takes the next item when it has room for one.

    Args:
        work: gives a result for each item that it takes, in the order in which it takes them, in inference mode; what
            else torch knows of each thread, such as autocast, it sets up itself. The number says how many items it may
            have at once, so that some are left for the others.
        items: what there is to do; where there is little, this thread does it.
    """
    threads = torch.get_num_threads()
    count = max(1, min(threads, _MOST, len(items) // _LEAST))
    if count == 1:
        with torch.inference_mode():
            return list(work(iter(items), len(items)))
    stop = Event()
    numbers = iter(range(len(items)))

    def share(part: int) -> list[tuple[int, Result]]:
        taken: list[int] = []

        def take() -> Iterator[Item]:
            for number in numbers:
                if stop.is_set():
                    return
                taken.append(number)
                yield items[number]

        torch.get_num_threads()  # a thread takes over what any set last, but only once, when it first needs to know
        torch.set_num_threads(threads // count + (part < threads % count))
        with torch.inference_mode():
            results = list(work(take(), -(-len(items) // count)))
        return list(zip(taken, results, strict=True))

    try:
        with ThreadPoolExecutor(count) as pool:
            try:
                done = dict(pair for pairs in pool.map(share, range(count)) for pair in pairs)
            finally:
                stop.set()
    finally:
        torch.set_num_threads(threads)  # threads that are made later take over what was set last
    return [done[number] for number in range(len(items))]
