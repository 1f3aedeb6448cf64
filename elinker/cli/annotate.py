"""`elinker annotate`: options, progress and summary around the runner of `elinker.corpus`; reads and links nothing."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from elinker.cli.console import err, out
from elinker.corpus.formats import output_format, writable
from elinker.corpus.highlight import TerminalOutput, printable
from elinker.corpus.output import FileOutput, Output, StreamOutput, errors_path
from elinker.corpus.readers import find_sources, read_records
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.corpus.runner import Annotator, Summary, annotate_corpus
from elinker.errors import UsageError
from elinker.resources import STARTER, find_pipeline
from elinker.schema import Document

INPUT = "Input"
OUTPUT = "Output"
LINKING = "Linking"

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells count."""


def annotate(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (.txt .jsonl .csv .tsv .parquet .conll .spacy), folders, quoted patterns, or - for stdin.",
            metavar="PATH",
            show_default=False,
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Annotate this text.", rich_help_panel=INPUT)] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="A document a line of text; blank lines are skipped.", rich_help_panel=INPUT)
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Stdin, or a file of another suffix, is JSON lines.", rich_help_panel=INPUT)
    ] = False,
    text_field: Annotated[str, typer.Option(help="Field of JSON lines with the text.", rich_help_panel=INPUT)] = "text",
    id_field: Annotated[
        str, typer.Option(help="Field or column with the document's id.", rich_help_panel=INPUT)
    ] = "id",
    text_column: Annotated[
        str, typer.Option(help="Column of CSV, TSV or Parquet with the text.", rich_help_panel=INPUT)
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write here instead of stdout; the suffix chooses the format.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help=f"One of: {', '.join(writable())}.", rich_help_panel=OUTPUT)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output where it exists.", rich_help_panel=OUTPUT)
    ] = False,
    keep_nil: Annotated[
        bool, typer.Option("--keep-nil", help="Keep mentions that are linked to nothing.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors stay.", rich_help_panel=OUTPUT)
    ] = False,
    pipeline: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of a pipeline; the shipped starter without it.",
            metavar="NAME|DIR",
            rich_help_panel=LINKING,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Another OneGen model.", metavar="DIR|ID", rich_help_panel=LINKING)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Settings for a published model without onegen.json.", rich_help_panel=LINKING),
    ] = None,
    kb: Annotated[
        Path | None, typer.Option(help="Another knowledge base.", metavar="DIR", rich_help_panel=LINKING)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where the model runs, such as cpu, cuda or cuda:1.", rich_help_panel=LINKING)
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Lowest probability of a link.", rich_help_panel=LINKING),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Candidates kept for each mention.", rich_help_panel=LINKING)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Windows of text in one pass of the model.", rich_help_panel=LINKING)
    ] = None,
) -> None:
    """Find the named entities in texts and link them to a knowledge base.

    [bold]Examples[/bold]

    elinker annotate --text "Messi left Barcelona for Paris."

    elinker annotate news.txt

    elinker annotate corpus/ -o corpus.jsonl

    elinker annotate articles.csv --text-column body -o articles.spacy

    cat tweets.txt | elinker annotate - --lines --keep-nil > tweets.jsonl

    Results go to stdout or to the output file, everything else to stderr.

    Bad documents are listed in OUTPUT.errors.jsonl, the others are written; the exit code is 1 then.
    """
    options = ReadOptions(lines, jsonl, text_field, id_field, text_column)
    sources, records = _inputs(inputs or [], text, options)
    _check_separate(sources, output)
    form = output_format(format_name, output)
    shows = output is None and format_name is None and (text is not None or out.is_terminal)
    load = {
        "model": model,
        "preset": preset,
        "kb": kb,
        "device": device,
        "threshold": threshold,
        "top_k": top_k,
        "batch_size": batch_size,
    }
    try:
        with _destination(output, form, overwrite=overwrite, shows=shows, titles=text is None) as destination:
            linker = _load(pipeline, load, quiet=quiet)
            with _Display(sources, visible=not quiet and not shows) as display:
                summary = annotate_corpus(linker, records, destination, keep_nil=keep_nil, on_progress=display.update)
    except KeyboardInterrupt:
        err.print("interrupted" if output is None else f"interrupted: nothing was written to {output}", markup=False)
        raise typer.Exit(INTERRUPTED) from None
    if not quiet and text is None:
        err.print(_sentence(summary, output), markup=False)
    if summary.bad:
        raise typer.Exit(1)


def _inputs(inputs: Sequence[str], text: str | None, options: ReadOptions) -> tuple[list[Source], Iterator[Record]]:
    if (text is None) == (not inputs):
        problem = "nothing to annotate" if text is None else "--text and paths exclude each other"
        raise UsageError(problem, hint="give paths, - for standard input, or --text")
    if options.lines and options.jsonl:
        raise UsageError("--lines and --jsonl exclude each other")
    if text is None:
        sources = find_sources(inputs, options)
        return sources, read_records(sources, options)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"--text is not UTF-8 at character {error.start}") from None
    return [], iter([Located(Document("text", text), "--text")])


def _check_separate(sources: Sequence[Source], output: Path | None) -> None:
    """An output among the inputs would be read while it is replaced, or grow with every run."""
    if output is None:
        return
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
        yield TerminalOutput(out, _complain, titles=titles)
    else:
        yield StreamOutput(sys.stdout.buffer, form, _complain)


def _complain(record: BadRecord) -> None:
    err.print(f"bad document: {printable(str(record))}", markup=False)


def _load(pipeline: str | None, options: dict[str, Any], *, quiet: bool) -> Annotator:
    import elinker

    name = pipeline and str(find_pipeline(pipeline))
    linker: Annotator
    if quiet or not err.is_terminal:
        linker = elinker.load(name, **options)
    else:
        with err.status(f"loading {pipeline or options['model'] or STARTER}"):
            linker = elinker.load(name, **options)
    return linker


class _Display:
    """Progress on stderr: documents and tokens a second, and the time left where the inputs' sizes are known."""

    def __init__(self, sources: Sequence[Source], *, visible: bool) -> None:
        self._sources = sources
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
            disable=not visible or not err.is_terminal,
        )
        self._task = self._progress.add_task("annotating", total=total, counts="")

    def update(self, summary: Summary) -> None:
        """Show the counts so far."""
        self._progress.update(
            self._task, completed=sum(source.consumed for source in self._sources), counts=_rates(summary)
        )

    def __enter__(self) -> "_Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _rates(summary: Summary) -> str:
    seconds = max(summary.seconds, 1e-9)
    documents = _counted(summary.documents, "document")
    return f"{documents}, {summary.documents / seconds:,.1f} documents/s, {summary.tokens / seconds:,.0f} tokens/s"


def _sentence(summary: Summary, output: Path | None) -> str:
    mentions = f"{_counted(summary.mentions, 'mention')}, {summary.linked:,} linked, {summary.nil:,} NIL"
    sentence = f"{_rates(summary)}: {mentions} in {summary.seconds:.1f} seconds"
    if not summary.bad:
        return sentence
    listed = "" if output is None else f", listed in {errors_path(output)}"
    return f"{sentence}; {summary.bad:,} bad{listed}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
