"""`elinker rag`: index passages, ask questions about them, hold a conversation. The work is done in `elinker.rag`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli import rag_ask, rag_chat, rag_evaluate
from elinker.cli.console import err, out, show_checks, stages
from elinker.cli.rag_options import Device, IndexDirectory, Model, Preset, find_index, load_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elinker.corpus.records import BadRecord, ReadOptions
    from elinker.onegen.model import OneGen

app = typer.Typer(help="Answer questions over passages, with sources.", no_args_is_help=True)
app.command("ask", epilog="Example: elinker rag ask 'Where is the club of Lionel Messi?'")(rag_ask.ask)
app.command("chat", epilog="Example: elinker rag chat --index my-passages")(rag_chat.chat)
app.command("evaluate")(rag_evaluate.evaluate)

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILES...",
        help="Files, folders, patterns: .txt, .md, .html, .pdf, .jsonl, .parquet, annotated corpora, Wikipedia.",
        show_default=False,
    ),
]
Size = Annotated[
    int | None, typer.Option("--size", min=1, help="Tokens of a passage at most; by default what the model reads.")
]
Overlap = Annotated[
    int, typer.Option("--overlap", min=0, help="Tokens at a passage's end that the next may begin with, in sentences.")
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Passages encoded at a time.")]
TextField = Annotated[str, typer.Option("--text-field", help="Field or column with the text.")]
IdField = Annotated[str, typer.Option("--id-field", help="Field with the id.")]


@app.command(epilog="Example: elinker rag index notes/ reports.pdf --model en_rag -o my-passages")
def index(
    files: Files,
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the new index.")],
    model: Model = None,
    size: Size = None,
    overlap: Overlap = 0,
    kind: Annotated[
        str, typer.Option("--index", help="Kind of index: auto, flat, hnsw, ivfpq, or a FAISS factory string.")
    ] = "auto",
    batch_size: BatchSize = 32,
    text_field: TextField = "text",
    id_field: IdField = "id",
    preset: Preset = None,
    device: Device = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an index that is there.")] = False,
) -> None:
    """Split documents into passages, encode them with the model, index their vectors.

    Documents that cannot be read are listed, and the exit code is 1 although the index is made.
    """
    from elinker.rag.documents import read_documents
    from elinker.rag.indexing import build_index, check_target

    check_target(output, overwrite=overwrite)
    bad: list[BadRecord] = []
    documents = read_documents(files, bad.append, _options(text_field, id_field))
    onegen = load_model(model, device, preset)
    with stages() as report:
        made = build_index(
            documents,
            onegen,
            output,
            size=size,
            overlap=overlap,
            index=kind,
            batch_size=batch_size,
            overwrite=overwrite,
            progress=report,
        )
    err.print(f"{len(made):,} passages with {made.manifest.vectors:,} vectors in {output}")
    _conclude(bad)


@app.command(epilog="Example: elinker rag add more/ --index my-passages --model en_rag")
def add(
    files: Files,
    index: IndexDirectory,
    model: Model = None,
    size: Size = None,
    overlap: Overlap = 0,
    batch_size: BatchSize = 32,
    text_field: TextField = "text",
    id_field: IdField = "id",
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Append documents to an index without encoding the old ones again."""
    from elinker.rag.documents import read_documents
    from elinker.rag.indexing import add_documents
    from elinker.rag.passages import PassageIndex

    base = PassageIndex.open(index)
    bad: list[BadRecord] = []
    documents = read_documents(files, bad.append, _options(text_field, id_field))
    onegen = load_model(model, device, preset)
    with stages() as report:
        grown = add_documents(
            base, documents, onegen, size=size, overlap=overlap, batch_size=batch_size, progress=report
        )
    err.print(f"{len(grown) - len(base):,} passages added, {len(grown):,} in {index}")
    _conclude(bad)


@app.command(epilog="Example: elinker rag remove notes.txt --index my-passages")
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of documents or of passages.")],
    index: IndexDirectory,
) -> None:
    """Take documents out of an index without encoding the others again; an id that is not in it ends the run."""
    from elinker.rag.indexing import remove_documents
    from elinker.rag.passages import PassageIndex

    base = PassageIndex.open(index)
    with stages() as report:
        left = remove_documents(base, ids, progress=report)
    err.print(f"{len(base) - len(left):,} passages removed, {len(left):,} in {index}")


@app.command(epilog="Example: elinker rag info my-passages")
def info(
    index: Annotated[str, typer.Argument(metavar="DIR", help="Index directory, or one with rag.json or its name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show what an index holds and which model made it."""
    from rich.table import Table

    from elinker.rag.passages import PassageIndex

    manifest = PassageIndex.open(find_index(index)).manifest
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    table = Table("property", "value", title=str(index), title_justify="left")
    for name, value in {
        "passages": f"{manifest.count:,}",
        "vectors": f"{manifest.vectors:,}",
        "dimensions": str(manifest.dim),
        "index": manifest.index_factory,
        "size": f"{sum(record.size for record in manifest.files) / 1e6:,.1f} MB",
        "model fingerprint": manifest.fingerprint[:12],
        "created": f"{manifest.created:%Y-%m-%d %H:%M} by elinker {manifest.elinker_version}",
    }.items():
        table.add_row(name, value)
    out.print(table)


@app.command(epilog="Example: elinker rag verify my-passages --model en_rag")
def verify(
    index: Annotated[str, typer.Argument(metavar="DIR", help="Index directory, or one with rag.json or its name.")],
    model: Model = None,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Check checksums, counts, lookups, offsets and vectors; with --model also that this model made the index."""
    from elinker.rag.verify import verify_index

    onegen: OneGen | None = None if model is None else load_model(model, device, preset)
    show_checks(index, verify_index(find_index(index), onegen))


def _options(text_field: str, id_field: str) -> "ReadOptions":
    from elinker.corpus.records import ReadOptions

    return ReadOptions(text_field=text_field, id_field=id_field, text_column=text_field)


def _conclude(bad: "Sequence[BadRecord]") -> None:
    """List what could not be read, and exit with 1 where there is something."""
    from rich.markup import escape

    for record in bad[:20]:
        err.print(f"[red]not read:[/] {escape(str(record))}")
    if len(bad) > 20:
        err.print(f"… and {len(bad) - 20:,} more")
    if bad:
        raise typer.Exit(1)
