"""Independent pieces of work in a few threads, each with its part of torch's threads.

One pass over some dozens of rows keeps two cores busy only in part: layers of a small model end sooner than threads can
be told of them, and Python works alone in between. Two passes at once leave no core idle, so a share of the rows for
each thread is done sooner than all rows with all threads.
"""

from collections.abc import Callable, Iterator, Sequence
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

Work = Callable[[Sequence[Item], Callable[[], bool]], Sequence[Result]]
"""Gives a result for each item of a share. The second argument says whether to stop, for the results are lost."""


def in_shares(work: Work[Item, Result], items: Sequence[Item]) -> list[Result]:
    """The results of all items in order; each thread works on every n-th of them.

    Args:
        work: runs in inference mode. What else torch knows of each thread, such as autocast, it sets up itself.
        items: what there is to do; where there is little, this thread does it.
    """
    threads = torch.get_num_threads()
    count = max(1, min(threads, _MOST, len(items) // _LEAST))
    if count == 1:
        with torch.inference_mode():
            return list(work(items, lambda: False))
    stop = Event()

    def share(number: int) -> Sequence[Result]:
        torch.get_num_threads()  # a thread takes over what any set last, but only once, when it first needs to know
        torch.set_num_threads(threads // count + (number < threads % count))
        with torch.inference_mode():
            return work(items[number::count], stop.is_set)

    try:
        with ThreadPoolExecutor(count) as pool:
            try:
                shares: list[Iterator[Result]] = [iter(done) for done in pool.map(share, range(count))]
            finally:
                stop.set()
    finally:
        torch.set_num_threads(threads)  # threads that are made later take over what was set last
    return [next(shares[number % count]) for number in range(len(items))]
