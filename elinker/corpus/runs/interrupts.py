"""Signals that ask a run to end: Ctrl-C, SIGTERM, a terminal that closes. The first asks, the second insists."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """A signal, whose `number` this is, ended the work."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(error: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as shells count."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


class Stop:
    """Whether a signal asked to end, and which one."""

    def __init__(self) -> None:
        self.number: int | None = None

    def requested(self) -> bool:
        """Whether to end as soon as what is begun is complete."""
        return self.number is not None


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Within this context signals raise `Stopped`, so that unfinished files are cleaned away."""

    def handle(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped(number)

    with _handling(handle):
        yield


@contextmanager
def stop_in_good_order(on_request: Callable[[], None]) -> Iterator[Stop]:
    """Within this context the first signal only sets a flag and calls `on_request`; a second one raises `Stopped`."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested():
            raise Stopped(number)
        stop.number = number
        # Not from here: the signal may have interrupted another message, and streams refuse to be entered twice.
        threading.Thread(target=on_request, name="interrupt", daemon=True).start()

    with _handling(handle):
        yield stop


@contextmanager
def _handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)
            # nohup and shells that start background jobs let signals be ignored; that stays.
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError):
                signal.signal(number, handler)
