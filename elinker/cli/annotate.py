"""`elinker annotate`: its options, and what is refused. The work is done in `annotate_file` and `annotate_run`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from elinker.cli.annotate_display import counted
from elinker.cli.annotate_file import annotate_file, check_separate
from elinker.cli.annotate_run import annotate_folder, check_outside, is_folder
from elinker.cli.annotate_work import Work
from elinker.cli.cluster_options import Address, Cpus, Engine, EngineName, Gpus, Workers, cluster_settings
from elinker.cli.console import err, out
from elinker.cli.linking_options import Base, BatchSize, Device, Model, Pipeline, Preset, Threshold, TopK
from elinker.corpus.formats import output_format, writable
from elinker.corpus.highlight import printable
from elinker.corpus.inputs.repeated_ids import RepeatedIds
from elinker.corpus.readers import find_sources, read_records
from elinker.corpus.records import LONGEST, Located, ReadOptions, Record, Source
from elinker.corpus.runs.events import STDOUT, open_events
from elinker.corpus.runs.interrupts import exit_code, stop_at_once
from elinker.corpus.runs.machine import freed_memory_given_back
from elinker.corpus.runs.shards import SHARD_DOCUMENTS
from elinker.errors import UsageError
from elinker.schema import Document

INPUT = "Input"
OUTPUT = "Output"


def annotate(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (.txt .jsonl .csv .parquet .html .warc …, also compressed or in archives), folders, "
            "quoted patterns, URLs such as s3://bucket/folder, or - for stdin.",
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
    encoding: Annotated[
        str,
        typer.Option(
            help="Of text, JSON lines and tables: a name such as latin-1, or detect.",
            metavar="NAME",
            rich_help_panel=INPUT,
        ),
    ] = "utf-8",
    html: Annotated[
        Literal["main", "all"],
        typer.Option(help="The text of web pages: the main text, or all.", rich_help_panel=INPUT),
    ] = "main",
    max_bytes: Annotated[
        int,
        typer.Option(min=1, help="A document of more bytes is left out as a bad one.", rich_help_panel=INPUT),
    ] = LONGEST,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to this file, whose suffix chooses the format; or a resumable run to this FOLDER/ or URL.",
            metavar="FILE|FOLDER/|URL",
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
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in FOLDER/, or begin it there.", rich_help_panel=OUTPUT),
    ] = False,
    shard_size: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Documents in one file of FOLDER/, {SHARD_DOCUMENTS} without it.", rich_help_panel=OUTPUT
        ),
    ] = None,
    log_json: Annotated[
        str | None,
        typer.Option(
            help="Add a JSON line for each event to this file, or to stdout (-).",
            metavar="FILE|-",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors stay.", rich_help_panel=OUTPUT)
    ] = False,
    pipeline: Pipeline = None,
    model: Model = None,
    preset: Preset = None,
    kb: Base = None,
    device: Device = None,
    threshold: Threshold = None,
    top_k: TopK = None,
    batch_size: BatchSize = None,
    engine: Engine = EngineName.LOCAL,
    workers: Workers = None,
    cpus_per_worker: Cpus = None,
    gpus_per_worker: Gpus = None,
    address: Address = None,
) -> None:
    """Find the named entities in texts and link them to a knowledge base.

    [bold]Examples[/bold]

    elinker annotate --text "Messi left Barcelona for Paris."

    elinker annotate news.txt

    elinker annotate corpus/ -o corpus.jsonl

    elinker annotate articles.csv --text-column body -o articles.spacy

    cat tweets.txt | elinker annotate - --lines --keep-nil > tweets.jsonl

    elinker annotate dump.jsonl.gz -o dump/ --resume

    elinker annotate dump.jsonl.gz -o dump/ --resume --engine ray --workers 8

    Results go to stdout or to the output file, everything else to stderr.

    A run into a folder can be stopped at any moment, and --resume goes on with it (docs/corpora.md).

    Bad documents are listed in OUTPUT.errors.jsonl, the others are written; the exit code is 1 then.
    """
    cluster = cluster_settings(engine, workers, cpus_per_worker, gpus_per_worker, address)
    options = ReadOptions(
        lines=lines,
        jsonl=jsonl,
        text_field=text_field,
        id_field=id_field,
        text_column=text_column,
        encoding=encoding,
        max_bytes=max_bytes,
        html=html,
    )
    sources, records = _inputs(inputs or [], text, options)
    linking = {
        "model": model,
        "preset": preset,
        "kb": kb,
        "device": device,
        "threshold": threshold,
        "top_k": top_k,
        "batch_size": batch_size,
    }
    folder = output if is_folder(output, shard_size, resume=resume) else None
    path = Path(output) if output is not None and folder is None else None
    if cluster is not None and folder is None:
        raise UsageError("--engine ray is for runs into a folder", hint="name one: -o OUT/")
    form = output_format(format_name, path)
    if folder is not None:
        check_outside(sources, inputs or [], folder)
    if path is not None:
        check_separate(sources, path)
    if log_json == STDOUT and output is None:
        raise UsageError("--log-json - and the results would both go to stdout", hint="name a file for one of them")
    repeated = RepeatedIds()
    work = Work(sources, repeated.watch(records), options, form, pipeline, linking, keep_nil, quiet)
    try:
        with open_events(log_json) as events, stop_at_once(), freed_memory_given_back():
            if folder is not None:
                size = shard_size or SHARD_DOCUMENTS
                annotate_folder(folder, work, cluster, events, shard_documents=size, resume=resume, overwrite=overwrite)
            else:
                shows = output is None and format_name is None and (text is not None or out.is_terminal)
                annotate_file(path, work, events, overwrite=overwrite, shows=shows, is_text=text is not None)
    except KeyboardInterrupt as error:
        err.print("interrupted" if path is None else f"interrupted: nothing was written to {path}", markup=False)
        raise typer.Exit(exit_code(error)) from None
    finally:
        if repeated.count and not quiet:
            err.print(_of_repeated(repeated), markup=False)


def _of_repeated(repeated: RepeatedIds) -> str:
    documents = counted(repeated.count, "document")
    return f"{documents} came with an id that one before has, the first {printable(repr(repeated.first))}; all are kept"


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
