"""The two streams of the command line: results on stdout, everything said to a person on stderr."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from typer import Exit

from elinker.errors import ElinkerError

if TYPE_CHECKING:
    from elinker.kb.checks import Check
    from elinker.kb.progress import Progress as StageProgress

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def progress(*extra: TextColumn) -> Progress:
    """A progress display on stderr: what, how far, time left; `extra` columns show rates or losses."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *extra,
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )


@contextmanager
def stages() -> "Iterator[StageProgress]":
    """A bar on stderr for each stage of work on a base."""
    with progress() as display:
        tasks: dict[str, int] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(stage, total=total)
            display.update(tasks[stage], advance=done)  # type: ignore[arg-type]

        yield report


def show_checks(title: str, checks: "Iterable[Check]") -> None:
    """Print checks as a table, and exit with 1 where one found something."""
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "result", title=title, title_justify="left")
    sound = True
    for check in checks:
        sound = sound and check.problem is None
        table.add_row(check.name, Text("ok", "green") if check.problem is None else Text(check.problem, "red"))
    out.print(table)
    if not sound:
        raise Exit(1)


def report(error: ElinkerError) -> None:
    """Print an error as one line, its remedy behind it."""
    err.print(f"[bold red]error:[/] {_escape(error.message)}", end="" if error.hint else "\n")
    if error.hint:
        err.print(f" [dim]→ {_escape(error.hint)}[/]")


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(" ".join(text.splitlines()))
