"""`elinker data`: labelled texts from other formats and from Wikipedia. The work is done in `labelled`, `wikipedia`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli.console import err, progress
from elinker.errors import InputError, UsageError

if TYPE_CHECKING:
    from elinker.wikipedia.convert import Conversion, EntityIds
    from elinker.wikipedia.page_props import PageProps

app = typer.Typer(help="Make labelled texts, and entities, of data in other formats.", no_args_is_help=True)

_EXISTING = {"exists": True, "readable": True}
_FILE = {**_EXISTING, "dir_okay": False}


@app.command(epilog="Example: elinker data convert AIDA-YAGO2-dataset.tsv -o aida.jsonl --titles titles.tsv")
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file of labelled texts; for brat a folder too.", **_EXISTING)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSONL file to write.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="aida, brat, conllu, docbin, elevant, hipe, jsonl, kilt, label-studio, nif, onegen, parquet, prodigy, "
            "tei, web-annotation or webanno; told by the content when left out.",
        ),
    ] = None,
    titles: Annotated[
        Path | None,
        typer.Option(help="Ids of titles: TSV (title, id) or JSONL; ids that are titles there are replaced.", **_FILE),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Convert labelled texts of any known format to elinker's JSONL, which training and evaluation take.

    Broken documents are listed in OUT.errors.jsonl, and the exit code is 1 although the others are written.
    The formats: docs/labelled-texts.md.
    """
    from elinker.corpus.formats import FORMATS
    from elinker.corpus.formats.identifiers import is_qid
    from elinker.corpus.output import FileOutput, errors_path
    from elinker.corpus.records import BadRecord
    from elinker.labelled import read_labelled
    from elinker.labelled.titles import read_titles

    ids = None if titles is None else read_titles(titles)
    documents = mentions = linked = unmapped = bad = 0
    with FileOutput(output, FORMATS["jsonl"], overwrite=overwrite) as file, progress() as bar:
        task = bar.add_task(f"Converting {source.name}", total=None)

        def reject(error: InputError) -> None:
            nonlocal bad
            bad += 1
            file.reject(BadRecord(str(source), None, str(error)))

        for document in read_labelled(source, format=form, skip=reject, map_ids=ids):
            try:
                file.write(document)
            except InputError as error:
                reject(InputError(f"document {document.id!r}: {error.message}", hint=error.hint))
                continue
            documents += 1
            mentions += len(document.mentions)
            found = [mention.entity_id for mention in document.mentions if mention.entity_id is not None]
            linked += len(found)
            unmapped += 0 if ids is None else sum(not is_qid(entity_id) for entity_id in found)
            bar.advance(task)
        file.commit()
    err.print(f"{documents:,} documents, {mentions:,} mentions ({linked:,} with an entity) in {output}")
    if unmapped:
        err.print(f"{unmapped:,} ids are no Wikidata ids and no titles of {titles}; they are kept as they are")
    if bad:
        err.print(f"{bad:,} documents could not be read, see {errors_path(output)}")
        raise typer.Exit(1)


@app.command(
    epilog="Example: elinker data wikipedia simplewiki-pages-articles.xml.bz2 -o simplewiki "
    "--page-props simplewiki-page_props.sql.gz"
)
def wikipedia(
    dump: Annotated[Path, typer.Argument(metavar="DUMP", help="pages-articles XML: plain, .gz or .bz2.", **_FILE)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for passages.jsonl, entities.jsonl and titles.tsv.")
    ],
    page_props: Annotated[
        Path | None, typer.Option(help="The wiki's page_props.sql or .sql.gz, for Wikidata ids.", **_FILE)
    ] = None,
    qids: Annotated[Path | None, typer.Option(help="Ids of titles instead: TSV (title, id) or JSONL.", **_FILE)] = None,
    min_mentions: Annotated[int, typer.Option(min=0, help="Links that a passage must have.")] = 1,
    disambiguation_template: Annotated[
        list[str] | None,
        typer.Option(help="A further template that marks disambiguation pages; may be given several times."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that parse pages.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Make labelled passages and entities of a Wikipedia dump: links of the running text are the mentions.

    Ids are Wikidata's with --page-props or --qids (an article without one is no entity then), else titles.
    """
    from elinker.wikipedia.convert import ENTITIES, PASSAGES, TITLES, OutputFiles, read_titles_of
    from elinker.wikipedia.convert import convert as convert_dump
    from elinker.wikipedia.dump import Dump
    from elinker.wikipedia.page_props import read_page_props
    from elinker.wikipedia.titles import DISAMBIGUATION_TEMPLATES, TitleTable

    if page_props is not None and qids is not None:
        raise UsageError("--page-props and --qids both name ids", hint="give one of them")
    for name in (PASSAGES, ENTITIES, TITLES):
        if (output / name).exists() and not overwrite:
            raise UsageError(f"{output / name} exists", hint="--overwrite replaces it")
    opened = Dump(dump)
    table = TitleTable([*DISAMBIGUATION_TEMPLATES, *(name.lower() for name in disambiguation_template or [])])
    with OutputFiles(output) as files:
        props = None
        if page_props is not None:
            with _bytes_read(page_props, "Reading Wikidata ids") as advance:
                props = read_page_props(page_props, advance)
        entity_ids = _entity_ids(props, qids)
        with _bytes_read(dump, "Reading titles") as advance:
            read_titles_of(opened, table, props, advance)
        with _bytes_read(dump, "Parsing articles") as advance:
            counts = convert_dump(
                opened,
                table,
                entity_ids,
                files,
                min_mentions=min_mentions,
                processes=processes,
                on_bytes=advance,
                on_skip=lambda error: err.print(f"skipped: {error}", markup=False),
            )
        files.commit()
    _summarise(counts, output)


def _entity_ids(props: "PageProps | None", qids: Path | None) -> "EntityIds":
    if props is not None:
        return lambda page_id, title: props.qid(page_id)
    if qids is not None:
        from elinker.labelled.titles import read_titles

        ids = read_titles(qids)
        return lambda page_id, title: ids.get(title)
    return lambda page_id, title: title


def _summarise(counts: "Conversion", output: Path) -> None:
    err.print(
        f"{counts.articles:,} articles, {counts.redirects:,} redirects, {counts.disambiguations:,} disambiguation pages"
    )
    err.print(
        f"{counts.entities:,} entities and {counts.passages:,} passages with {counts.links:,} links "
        f"({counts.linked:,} to an entity) in {output}"
    )
    if counts.skipped:
        err.print(f"{counts.skipped:,} articles could not be parsed")
        raise typer.Exit(1)


@contextmanager
def _bytes_read(path: Path, what: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr over the bytes of a file."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=path.stat().st_size)
        yield lambda count: bar.update(task, completed=count)
