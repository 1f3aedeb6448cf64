"""What `elinker annotate` says to a person on stderr: progress, closing sentence, bad documents."""

import time
from collections.abc import Sequence

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from elinker.cli.console import err
from elinker.corpus.highlight import printable
from elinker.corpus.records import BadRecord, Source
from elinker.corpus.runner import Summary

REFRESH = 0.1
"""Seconds between two looks at the inputs."""


class Display:
    """Progress on stderr: documents and tokens a second, and the time left where the inputs' sizes are known."""

    def __init__(self, sources: Sequence[Source], *, visible: bool) -> None:
        self._sources = sources
        self._next = 0.0
        self._shown = visible and err.is_terminal
        sizes = [source.size for source in sources]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[counts]}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not self._shown,
        )
        self._task = self._progress.add_task("annotating", total=total, counts="")

    def consumed(self) -> int:
        """How many bytes of the inputs are read."""
        return sum(source.consumed for source in self._sources) if self._shown else 0

    def update(self, summary: Summary) -> None:
        """Show the counts so far, beside how much is read."""
        if self.is_due():
            self.show(rates(summary), self.consumed())

    def is_due(self) -> bool:
        """Whether it is time to show something again; a million inputs are not counted for every document."""
        now = time.monotonic()
        if not self._shown or now < self._next:
            return False
        self._next = now + REFRESH
        return True

    def show(self, counts: str, completed: int) -> None:
        """Show a line and a bar."""
        self._progress.update(self._task, completed=completed, counts=counts)

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def complain(record: BadRecord) -> None:
    """A bad document as a line."""
    err.print(f"bad document: {printable(str(record))}", markup=False)


def rates(summary: Summary) -> str:
    """How much was done, and how fast."""
    seconds = max(summary.seconds, 1e-9)
    documents = counted(summary.documents, "document")
    return f"{documents}, {summary.documents / seconds:,.1f} documents/s, {summary.tokens / seconds:,.0f} tokens/s"


def sentence(summary: Summary, listed: str | None) -> str:
    """What a run did; `listed` is where the bad documents are."""
    mentions = f"{counted(summary.mentions, 'mention')}, {summary.linked:,} linked, {summary.nil:,} NIL"
    said = f"{rates(summary)}: {mentions} in {summary.seconds:.1f} seconds"
    if not summary.bad:
        return said
    return f"{said}; {summary.bad:,} bad{'' if listed is None else f', listed in {listed}'}"


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
