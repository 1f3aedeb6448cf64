"""Work before and after the main thread, over queues of bounded length: reading ahead of it, writing behind it.

Errors come out in the main thread as they went in. Both threads are daemons: nothing they do has to be finished for
the files to be whole, so that a program may end under them.
"""

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TextIO, TypeVar

Item = TypeVar("Item")

WAIT = 0.1
"""Seconds after which a wait looks up whether it is still wanted."""


class _End:
    pass


class ReadAhead(Generic[Item]):
    """An iterator whose items another thread makes, at most `depth` in advance.

    It ends before its items do once `stopped` says so; `exhausted` tells which end it was.
    """

    def __init__(self, items: Iterator[Item], depth: int, stopped: Callable[[], bool]) -> None:
        self._items = items
        self._queue: queue.Queue[Item | _End | BaseException] = queue.Queue(depth)
        self._stopped = stopped
        self._closed = threading.Event()
        self.exhausted = False
        # Python closes standard input when it ends, and dies where this thread waits in it; while the thread has it as
        # an argument it is not closed.
        threading.Thread(target=self._make, args=(sys.stdin,), name="reading", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Items that are ready."""
        return self._queue.qsize()

    def close(self) -> None:
        """Let the thread end with the item that it is making."""
        self._closed.set()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        while not self.exhausted and not self._stopped():
            try:
                item = self._queue.get(timeout=WAIT)
            except queue.Empty:
                continue
            if isinstance(item, BaseException):
                raise item
            if not isinstance(item, _End):
                return item
            self.exhausted = True
        raise StopIteration

    def _make(self, _: TextIO | None) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
            self._put(_End())
        except BaseException as error:
            self._put(error)

    def _put(self, item: Item | _End | BaseException) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=WAIT)
                return True
            except queue.Full:
                continue
        return False


class WriteBehind(Generic[Item]):
    """Gives items to `write` in another thread, in order; at most `depth` wait for it.

    After an error nothing more is written, and `put` and `finish` raise it.
    """

    def __init__(self, write: Callable[[Item], None], depth: int) -> None:
        self._write = write
        self._queue: queue.Queue[Item | _End] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._aborted = threading.Event()
        self._thread = threading.Thread(target=self._take, name="writing", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that are not taken yet."""
        return self._queue.qsize()

    def put(self, item: Item) -> None:
        """Hand an item over, waiting while the queue is full."""
        self._put(item)

    def finish(self) -> None:
        """Wait until everything is written."""
        self._put(_End())
        while self._thread.is_alive():
            self._thread.join(WAIT)
        self._check()

    def abort(self, patience: float = 5.0) -> None:
        """Leave what waits unwritten; what is being written gets `patience` seconds."""
        self._aborted.set()
        self._thread.join(patience)

    def _put(self, item: Item | _End) -> None:
        while True:
            self._check()
            try:
                self._queue.put(item, timeout=WAIT)
                return
            except queue.Full:
                continue

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _take(self) -> None:
        try:
            while not self._aborted.is_set():
                try:
                    item = self._queue.get(timeout=WAIT)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    return
                self._write(item)
        except BaseException as error:
            self._error = error
