"""`elinker kb import`: make entity files of what other projects publish. The work is done in `elinker.kb.importers`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from elinker.cli.console import err, stages
from elinker.resources import pipeline_part

if TYPE_CHECKING:
    from elinker.kb.importers.conversion import Progress, Reader
    from elinker.onegen.model import OneGen

app = typer.Typer(help="Import knowledge bases of other projects.", no_args_is_help=True)

Source = Annotated[
    Path, typer.Argument(metavar="FILE", help="The file as it was published, plain, .gz or .bz2; - for standard input.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Entity file to write: .jsonl or .jsonl.gz.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many entities.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]
Length = Annotated[int, typer.Option("--description-length", min=20, help="Characters of an article that are kept.")]


@app.command(epilog="Example: elinker kb import wikidata latest-all.json.bz2 --wikipedia en -o wikidata.jsonl")
def wikidata(
    source: Source,
    output: Output,
    language: Annotated[list[str], typer.Option("--language", help="Language of the names; may be repeated.")] = ["en"],  # noqa: B006
    fallback: Annotated[
        list[str], typer.Option("--fallback", help="Language to ask where none has a label; may be repeated.")
    ] = [],  # noqa: B006
    min_sitelinks: Annotated[
        int, typer.Option("--min-sitelinks", min=0, help="Pages of any wiki that an item must have.")
    ] = 0,
    wikipedia: Annotated[
        str | None, typer.Option("--wikipedia", help="Keep items with an article in this Wikipedia, such as en.")
    ] = None,
    keep: Annotated[
        list[str], typer.Option("--keep", help="Keep only instances of this class (QID); may be repeated.")
    ] = [],  # noqa: B006
    drop: Annotated[list[str], typer.Option("--drop", help="Drop instances of this class; may be repeated.")] = [],  # noqa: B006
    wiki_pages: Annotated[
        bool, typer.Option("--wiki-pages", help="Keep disambiguation pages, categories, templates and the like.")
    ] = False,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Import Wikidata's JSON dump, in constant memory.

    Broken lines go to OUTPUT.rejects.jsonl, and the exit code is 1 although the rest is written.
    """
    from elinker.kb.importers.classes import WIKIMEDIA_PAGES
    from elinker.kb.importers.wikidata import WikidataReader

    pages = frozenset[str]() if wiki_pages else WIKIMEDIA_PAGES
    reader = WikidataReader(
        languages=language,
        fallbacks=fallback,
        min_sitelinks=min_sitelinks,
        wikipedia=wikipedia,
        keep=frozenset(keep),
        drop=pages.difference(keep) | frozenset(drop),
    )
    _convert(source, reader, output, limit, overwrite, unique=False)


@app.command(epilog="Example: elinker kb import kilt kilt_knowledgesource.json -o kilt.jsonl")
def kilt(
    source: Source,
    output: Output,
    ids: Annotated[Literal["wikidata", "wikipedia"], typer.Option("--id", help="Which id entities get.")] = "wikidata",
    description_length: Length = 300,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Import KILT's knowledge source: Wikipedia articles with Wikidata's names.

    Broken lines go to OUTPUT.rejects.jsonl, and the exit code is 1 although the rest is written.
    """
    from elinker.kb.importers.kilt import KiltReader

    _convert(source, KiltReader(ids, description_length), output, limit, overwrite, unique=True)


@app.command(epilog="Example: elinker kb import blink entity.jsonl -o blink.jsonl")
def blink(
    source: Source,
    output: Output,
    ids: Annotated[
        Literal["wikipedia", "wikidata"], typer.Option("--id", help="Which id entities get; wikidata needs ELQ's file.")
    ] = "wikipedia",
    description_length: Length = 300,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Import the entity.jsonl of BLINK or ELQ: titles and beginnings of Wikipedia articles.

    Broken lines go to OUTPUT.rejects.jsonl, and the exit code is 1 although the rest is written.
    """
    from elinker.kb.importers.blink import BlinkReader

    _convert(source, BlinkReader(ids, description_length), output, limit, overwrite, unique=True)


@app.command(epilog="Example: elinker kb import refined additional_entities.jsonl -o more.jsonl")
def refined(source: Source, output: Output, limit: Limit = None, overwrite: Overwrite = False) -> None:
    """Import ReFinED's additional entities.

    Broken lines go to OUTPUT.rejects.jsonl, and the exit code is 1 although the rest is written.
    """
    from elinker.kb.importers.refined import read_refined

    _convert(source, read_refined, output, limit, overwrite, unique=True)


@app.command(epilog="Example: elinker kb import spacy my_pipeline/entity_linker/kb -o from-spacy.jsonl")
def spacy(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="What InMemoryLookupKB.to_disk wrote, or a pipeline that holds it.")
    ],
    output: Output,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Import a lookup knowledge base of spaCy; the most probable alias of an entity becomes its label."""
    from itertools import islice

    from elinker.kb.importers.conversion import check_output, write_entities
    from elinker.kb.importers.spacy_lookup import find_lookup, read_lookup

    check_output(output, source, overwrite=overwrite)
    written = write_entities(output, islice(read_lookup(find_lookup(source)), limit))
    err.print(f"{written:,} entities in {output}", markup=False)


@app.command(
    "onegen-embeddings",
    epilog="Example: elinker kb import onegen-embeddings OneGen-EntityLinking-Llama2-7B-Embedding.pkl "
    "--entities db.jsonl --model OneGen-EntityLinking-Llama2-7B --preset onegen-llama2-el -o onegen-kb",
)
def onegen_embeddings(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Pickle of (tensor, labels); nothing of it is run.")],
    entities: Annotated[
        Path, typer.Option("--entities", help="db.jsonl of the reference code, or an entity file (.jsonl).")
    ],
    model: Annotated[str, typer.Option("--model", help="The model that made the vectors: directory or pipeline.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the new base.")],
    preset: Annotated[str | None, typer.Option("--preset", help="Settings for a model without onegen.json.")] = None,
    url_template: Annotated[
        str | None, typer.Option("--url-template", help="Web address of an entity, with {id} for its id.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Take so many rows only.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a base that is there.")] = False,
) -> None:
    """Make a base of the vectors that the reference code publishes as a pickle, without executing it."""
    from elinker.kb.build import check_target, check_url_template
    from elinker.kb.importers.embeddings import read_embeddings
    from elinker.kb.importers.onegen_base import build_from_vectors, join
    from elinker.kb.importers.onegen_documents import document_reader
    from elinker.kb.importers.source import Source as LineSource

    check_target(output, overwrite=overwrite)
    check_url_template(url_template)
    embeddings = read_embeddings(source).head(limit)
    documents = LineSource(entities)
    encoder = _identity(model, preset)
    begin = encoder.tokenizer.bos_token or ""
    joined = join(embeddings, documents, document_reader(encoder.layout.entities.template, begin))
    with stages() as report:
        base = build_from_vectors(
            embeddings, joined, encoder, output, url_template=url_template, overwrite=overwrite, progress=report
        )
    err.print(f"{len(base):,} entities in {output}", markup=False)


def _identity(model: str, preset: str | None) -> "OneGen":
    """The model that a base is to belong to, memory-mapped: its files are read in part, for the fingerprint."""
    from transformers import AutoConfig

    from elinker.onegen.model import OneGen

    directory = pipeline_part(model, "model")
    with err.status("reading the model's settings"):
        try:  # in their own number type the weights need not be copied
            stored = AutoConfig.from_pretrained(directory, trust_remote_code=False).dtype
        except (OSError, ValueError):  # what is wrong with the directory is said below
            stored = None
        return OneGen.from_pretrained(directory, preset=preset, device="cpu", dtype=stored)


def _convert(path: Path, reader: "Reader", output: Path, limit: int | None, overwrite: bool, *, unique: bool) -> None:
    """Run a reader over a source, say how it went, and exit with 1 where something was broken."""
    from elinker.kb import Rejects
    from elinker.kb.importers.conversion import check_output, convert
    from elinker.kb.importers.source import Source as LineSource

    check_output(output, path, overwrite=overwrite)
    source = LineSource(path)
    with Rejects(output.with_name(f"{output.name}.rejects.jsonl")) as rejects, _bar(source.size) as report_progress:
        report = convert(source, reader, output, rejects, limit=limit, unique=unique, progress=report_progress)
    err.print(f"{report.written:,} entities in {output}", markup=False)
    for reason, count in report.left_out.most_common():
        err.print(f"{count:,} left out: {reason}")
    if report.rejected:
        err.print(f"{report.rejected:,} lines rejected: see {rejects.path}", markup=False)
    if report.damage:
        err.print(f"{report.damage}; the entities before are written", style="bold red", markup=False)
    if report.rejected or report.damage:
        raise typer.Exit(1)


@contextmanager
def _bar(size: int | None) -> "Iterator[Progress]":
    """A bar of bytes read, with the number of entities written so far."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as display:
        task = display.add_task("reading", total=size)

        def report(position: int, written: int) -> None:
            display.update(task, completed=position, description=f"{written:,} entities")

        yield report
