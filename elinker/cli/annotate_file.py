"""`elinker annotate` into one file, to stdout or on the terminal: all or nothing, or as it comes."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import typer

from elinker.cli.annotate_display import Display, complain, sentence
from elinker.cli.annotate_work import Work, start_event
from elinker.cli.console import err, out
from elinker.corpus.highlight import TerminalOutput
from elinker.corpus.losses import losses_of
from elinker.corpus.output import FileOutput, Output, StreamOutput, errors_path
from elinker.corpus.records import Format, Source
from elinker.corpus.runner import Summary, annotate_corpus
from elinker.corpus.runs.events import Events, ObservedOutput, no_events
from elinker.errors import UsageError


def annotate_file(
    path: Path | None, work: Work, events: Events, *, overwrite: bool, shows: bool, is_text: bool
) -> None:
    """Annotate into a file or to stdout, or, with `shows`, for a reader; `is_text` where one text is all there is.

    Raises:
        typer.Exit: documents were bad.
    """
    with _destination(path, work.form, overwrite=overwrite, shows=shows, titles=not is_text) as destination:
        linker = work.load()
        if events is not no_events:
            events("start", **start_event(None if path is None else str(path), work.settings(linker)))
        observed = ObservedOutput(destination, events)
        with Display(work.sources, visible=not work.quiet and not shows) as display:

            def follow(so_far: Summary) -> None:
                display.update(so_far)
                observed.follow(so_far)

            summary = annotate_corpus(linker, work.records, observed, keep_nil=work.keep_nil, on_progress=follow)
    events("end", **asdict(summary))
    if not work.quiet and not is_text:
        err.print(sentence(summary, None if path is None else str(errors_path(path))), markup=False)
        if losses := losses_of(destination):
            err.print(f"the format could not hold everything: {losses}", markup=False)
    if summary.bad:
        raise typer.Exit(1)


def check_separate(sources: Sequence[Source], output: Path) -> None:
    """An output among the inputs would be read while it is replaced, or grow with every run.

    Raises:
        UsageError: it is one of them.
    """
    for source in sources:
        with suppress(OSError):  # one of them is not there
            if source.path is not None and source.path.samefile(output):
                raise UsageError(f"{output} is also an input", hint="write outside of the folder that is read")


@contextmanager
def _destination(path: Path | None, form: Format, *, overwrite: bool, shows: bool, titles: bool) -> Iterator[Output]:
    if path is not None:
        with FileOutput(path, form, overwrite=overwrite) as output:
            yield output
    elif shows:
        yield TerminalOutput(out, complain, titles=titles)
    else:
        yield StreamOutput(sys.stdout.buffer, form, complain)
