"""`elinker annotate` into a folder: a resumable run. What a run is and does stands in `elinker.corpus.runs`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from elinker.cli.annotate_display import Display, counted, rates, sentence
from elinker.cli.annotate_engine import Linkers, loaded_linkers
from elinker.cli.annotate_work import Work, start_event
from elinker.cli.console import err
from elinker.corpus.readers import ERRORS_SUFFIX
from elinker.corpus.records import Source
from elinker.corpus.runner import Summary
from elinker.corpus.runs.directory import RunDirectory
from elinker.corpus.runs.events import Events
from elinker.corpus.runs.interrupts import exit_code, stop_in_good_order
from elinker.corpus.runs.run import Progress, annotate_run
from elinker.corpus.runs.storage import is_url, open_storage
from elinker.errors import UsageError

if TYPE_CHECKING:
    from elinker.cluster.session import ClusterSettings


def is_folder(output: str | None, shard_size: int | None, *, resume: bool) -> bool:
    """Whether an output is a run's folder: how it ends, the file system or the options say so.

    Raises:
        UsageError: options of a run come with an output that is none.
    """
    if output is not None and (output.endswith(("/", os.sep)) or is_url(output) or Path(output).is_dir()):
        return True
    if shard_size is None and not resume:
        return False
    option = "--resume" if resume else "--shard-size"
    if output is None or Path(output).suffix or Path(output).exists():
        raise UsageError(f"{option} is for runs into a folder", hint="name one: -o OUT/")
    return True


def check_outside(sources: Sequence[Source], inputs: Sequence[str], output: str) -> None:
    """Refuse a folder that lies in one that is read, or that is read from: it would be corpus the next time.

    Raises:
        UsageError: it does.
    """
    if is_url(output):
        folder_url = output.rstrip("/") + "/"
        if any(source.name.startswith(folder_url) for source in sources) or any(
            folder_url.startswith(given.rstrip("/") + "/") for given in inputs
        ):
            raise _among(output)
        return
    folder = Path(output).resolve()
    around = (Path(given).resolve() for given in inputs if Path(given).is_dir())
    inside = (source.path.resolve() for source in sources if source.path is not None)
    if any(folder.is_relative_to(given) for given in around) or any(path.is_relative_to(folder) for path in inside):
        raise _among(output)


def _among(output: str) -> UsageError:
    return UsageError(f"{output} is among the inputs", hint="write outside of the folder that is read")


def annotate_folder(
    output: str,
    work: Work,
    cluster: "ClusterSettings | None",
    events: Events,
    *,
    shard_documents: int,
    resume: bool,
    overwrite: bool,
) -> None:
    """Begin a run or go on with one, and say how it ended.

    Raises:
        typer.Exit: 1 where documents were bad; 128 and the number of a signal that ended it.
    """
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other")
    storage = open_storage(output)
    directory = RunDirectory(storage)
    with storage.lock():
        directory.check(resume=resume, overwrite=overwrite)
        with loaded_linkers(work, cluster) as linkers:
            settings = work.settings(linkers, shard_documents)
            directory.begin(settings, overwrite=overwrite)
            events("start", **start_event(output, settings, len(directory.entries)))
            if directory.summary() is None:
                _go(directory, work, linkers, events, shard_documents)
            elif not work.quiet:
                err.print(f"{output} is complete", markup=False)
    if directory.counts().bad:
        raise typer.Exit(1)


def _go(directory: RunDirectory, work: Work, linkers: Linkers, events: Events, shard_documents: int) -> None:
    with Display(work.sources, visible=not work.quiet) as display, stop_in_good_order(_announce) as stop:
        progress = Progress(on_change=lambda progress: _show(display, progress), locate=display.consumed)
        try:
            complete = annotate_run(
                directory,
                work.records,
                work.form,
                linkers.engine(progress.record),
                shard_documents=shard_documents,
                stopped=stop.requested,
                events=events,
                progress=progress,
            )
        except KeyboardInterrupt as error:
            complete, code = False, exit_code(error)
        else:
            code = 128 + (stop.number or 0)
    if not complete:
        _leave(directory, events, code)
    summary = directory.finish(sys.argv)
    events("end", **{name: value for name, value in summary.items() if name not in ("settings", "versions")})
    if not work.quiet:
        _tell(directory, progress.now)


def _announce() -> None:
    err.print("finishing what is at work; a second Ctrl-C stops at once, and no file is harmed", markup=False)


def _leave(directory: RunDirectory, events: Events, code: int) -> None:
    counts, shards = directory.counts(), len(directory.entries)
    events("interrupted", exit_code=code, shards=shards, documents=counts.documents, bad=counts.bad)
    written = f"{counted(counts.documents, 'document')} in {counted(shards, 'shard')}"
    err.print(f"interrupted: {written} are in {directory.name}; --resume goes on from there", markup=False)
    raise typer.Exit(code)


def _tell(directory: RunDirectory, now: Summary) -> None:
    counts = directory.counts()
    earlier = counts.documents + counts.bad - now.documents
    before = f", {counted(earlier, 'document')} of them from earlier calls" if earlier else ""
    listed = f"{directory.name.rstrip('/')}/*{ERRORS_SUFFIX}"
    err.print(f"{counted(len(directory.entries), 'shard')}{before}: {sentence(counts, listed)}", markup=False)
    if losses := directory.losses():
        err.print(f"the format could not hold everything: {losses}", markup=False)


def _show(display: Display, progress: Progress) -> None:
    if display.is_due():
        earlier = f"{progress.earlier.documents:,} earlier, now " if progress.earlier.documents else ""
        queues = f"{progress.to_link} shards to link, {progress.to_write} to write"
        display.show(f"{earlier}{rates(progress.now)}, {queues}", progress.position)
