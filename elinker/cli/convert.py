"""`elinker convert`: annotated texts from one format to another. Formats and reading are in `corpus` and `labelled`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli.console import err
from elinker.errors import InputError, UsageError

if TYPE_CHECKING:
    from elinker.corpus.folder_output import FolderOutput
    from elinker.corpus.output import FileOutput, StreamOutput
    from elinker.corpus.records import Format, Source
    from elinker.corpus.runner import Summary


def convert(
    source: Annotated[
        str,
        typer.Argument(help="A file, a folder, a run's folder, a quoted pattern, or - for stdin.", metavar="IN"),
    ],
    output: Annotated[
        str, typer.Argument(help="The file, or for brat and WebAnno the folder, to write; - for stdout.", metavar="OUT")
    ],
    from_name: Annotated[
        str | None, typer.Option("--from", help="Format of IN; told by suffix and content when left out.")
    ] = None,
    to_name: Annotated[
        str | None, typer.Option("--to", help="Format of OUT; told by its suffix when left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT where it is a file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors stay.")] = False,
) -> None:
    """Convert annotated texts from one format to another.

    [bold]Examples[/bold]

    elinker convert corpus.jsonl corpus.ttl

    elinker convert corpus.jsonl tasks.json

    elinker convert corrected.json gold.jsonl --from label-studio

    elinker convert corpus.jsonl brat/ --to brat

    elinker convert run/ corpus.html

    What OUT's format cannot hold is counted and said on stderr.

    Bad documents are listed in OUT.errors.jsonl, the others are written; the exit code is 1 then.
    """
    from elinker.cli.annotate_display import Display
    from elinker.corpus.records import BadRecord
    from elinker.corpus.runner import Summary, unwritten
    from elinker.labelled.annotated import read_annotated

    form = _output_format(to_name, output)
    sources, records = read_annotated([source], format=from_name)
    _check_separate(sources, output)
    counts = Summary()
    with _destination(output, form, overwrite=overwrite) as destination:
        with Display(sources, visible=not quiet) as display:
            for record in records:
                if display.is_due():
                    display.show(f"{counts.documents:,} documents", display.consumed())
                if isinstance(record, BadRecord):
                    counts.bad += 1
                    destination.reject(record)
                    continue
                try:
                    destination.write(record.document)
                    counts.count(record.document)
                except InputError as error:
                    counts.bad += 1
                    destination.reject(unwritten(record, error))
        destination.commit()
    if not quiet:
        err.print(_sentence(counts, output), markup=False)
    if destination.losses.total():
        err.print(f"{form.name}: {destination.losses}", markup=False)
    if counts.bad:
        raise typer.Exit(1)


def _sentence(counts: "Summary", output: str) -> str:
    from elinker.cli.annotate_display import counted

    listed = f"; {counts.bad:,} bad" + ("" if output == "-" else f", listed in {output.rstrip('/')}.errors.jsonl")
    mentions = f"{counted(counts.mentions, 'mention')}, {counts.linked:,} linked, {counts.nil:,} NIL"
    return f"{counted(counts.documents, 'document')} with {mentions} in {output}{listed if counts.bad else ''}"


def _output_format(name: str | None, output: str) -> "Format":
    from elinker.corpus.formats import FORMATS, output_format

    if name in FORMATS and FORMATS[name].write_files is not None and _is_folder(output):
        return FORMATS[name]
    return output_format(name, None if output == "-" else Path(output))


def _is_folder(output: str) -> bool:
    """Whether formats with several files go to a folder there."""
    return output != "-" and Path(output).suffix.lower() != ".zip"


def _check_separate(sources: "Sequence[Source]", output: str) -> None:
    for source in sources:
        with suppress(OSError):  # one of them is not there
            if source.path is not None and source.path.samefile(output):
                raise UsageError(f"{output} is also the input")


@contextmanager
def _destination(
    output: str, form: "Format", *, overwrite: bool
) -> "Iterator[FileOutput | FolderOutput | StreamOutput]":
    from elinker.cli.annotate_display import complain
    from elinker.corpus.folder_output import FolderOutput
    from elinker.corpus.output import FileOutput, StreamOutput

    if output == "-":
        yield StreamOutput(sys.stdout.buffer, form, complain)
    elif form.write_files is not None and _is_folder(output):
        with FolderOutput(Path(output), form) as folder:
            yield folder
    else:
        with FileOutput(Path(output), form, overwrite=overwrite) as file:
            yield file
