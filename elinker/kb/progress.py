"""How long work on a base tells how far it is. Showing it is the command line's business."""

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Hears how a build goes: the stage, how many more things of it are done, and of how many (None while unknown)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Take note."""


def silence(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""


def of_stage(report: Progress, stage: str, total: int) -> Callable[[int], None]:
    """Hears how many more things of a stage are done."""
    return lambda done: report(stage, done, total)
