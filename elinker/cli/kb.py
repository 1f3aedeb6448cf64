"""`elinker kb`: build, look into, search, extend and verify knowledge bases. The work is done in `elinker.kb`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli import kb_import
from elinker.cli.cluster_options import Address, Cpus, Engine, EngineName, Gpus, Workers, cluster_settings
from elinker.cli.console import err, out, show_checks, stages
from elinker.errors import InputError, KnowledgeBaseError
from elinker.resources import COMPONENT, STARTER, find_pipeline, pipeline_part

if TYPE_CHECKING:
    from elinker.cluster.session import ClusterSettings
    from elinker.kb import EntityFile, KnowledgeBase, Manifest
    from elinker.kb.encoder import EntityEncoder
    from elinker.onegen.model import OneGen

app = typer.Typer(help="Build, inspect, search and extend knowledge bases.", no_args_is_help=True)
app.add_typer(kb_import.app, name="import")

Entities = Annotated[
    Path,
    typer.Argument(
        metavar="ENTITIES",
        help="Entity file: .jsonl, .csv, .tsv or .parquet with id, label, aliases, description, types.",
    ),
]
Model = Annotated[str, typer.Option("--model", help="Model directory or hub id, or a pipeline by directory or name.")]
OptionalModel = Annotated[
    str | None, typer.Option("--model", help="Model directory or hub id, or a pipeline by directory or name.")
]
Base = Annotated[str, typer.Option("--kb", help="Base directory, or a pipeline by directory or name.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Entities encoded at a time.")]
Index = Annotated[
    str,
    typer.Option(
        "--index",
        help="Kind of index: auto (by number and length of the vectors), flat, hnsw, ivfpq, or a FAISS factory string.",
    ),
]
Preset = Annotated[str | None, typer.Option("--preset", help="Settings for a published model without onegen.json.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs, such as cpu or cuda.")]


@app.command(
    epilog="Example: elinker kb build entities.jsonl --model en_starter -o my-kb "
    "--url-template 'https://www.wikidata.org/wiki/{id}'"
)
def build(
    entities: Entities,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the new base.")],
    url_template: Annotated[
        str | None, typer.Option("--url-template", help="Web address of an entity, with {id} for its id.")
    ] = None,
    index: Index = "auto",
    batch_size: BatchSize = 64,
    preset: Preset = None,
    device: Device = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a base that is there.")] = False,
    engine: Engine = EngineName.LOCAL,
    workers: Workers = None,
    cpus_per_worker: Cpus = None,
    gpus_per_worker: Gpus = None,
    address: Address = None,
) -> None:
    """Build a base: store the entities, encode each with the model, index the vectors.

    Rows that cannot be read go to OUTPUT.rejects.jsonl, and the exit code is 1 although the base is built.

    With --engine ray, workers encode the entities (docs/corpora.md); the base is the same.
    """
    from elinker.kb import EntityFile, Rejects
    from elinker.kb.build import build as build_base
    from elinker.kb.build import check_target, check_url_template
    from elinker.kb.kinds import factory_for

    cluster = cluster_settings(engine, workers, cpus_per_worker, gpus_per_worker, address)
    check_target(output, overwrite=overwrite)
    check_url_template(url_template)
    factory_for(index, 1, 1)
    with Rejects(_rejects_path(output)) as rejects:
        source = EntityFile(entities, rejects=rejects)
        with _encoder(model, device, preset, cluster) as encoder, stages() as report:
            base = build_base(
                source,
                encoder,
                output,
                url_template=url_template,
                index=index,
                batch_size=batch_size,
                overwrite=overwrite,
                progress=report,
            )
    _conclude(f"{len(base):,} entities in {output}", source, rejects.path)


@app.command(epilog="Example: elinker kb info my-kb --json")
def info(
    base: Annotated[
        str, typer.Argument(metavar="DIR", help="Base directory, or a pipeline by directory or name.")
    ] = STARTER,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show what a base holds and which model made it."""
    from rich.table import Table
    from rich.text import Text

    from elinker.corpus.highlight import printable
    from elinker.kb import KnowledgeBase

    opened = KnowledgeBase.open(pipeline_part(base, "kb"))
    manifest = opened.manifest
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    table = Table("property", "value", title=str(opened.path), title_justify="left")
    for name, value in {
        "entities": f"{manifest.count:,}",
        "dimensions": str(manifest.dim),
        "index": f"{manifest.index_factory}, {manifest.metric.replace('_', ' ')}",
        "search": _searched(manifest),
        "size": f"{sum(record.size for record in manifest.files) / 1e6:,.1f} MB",
        "model fingerprint": manifest.fingerprint[:12],
        "entity text": manifest.entity_text_example or "unknown: the first entity was removed",
        "web address": manifest.url_template or "none",
        "created": f"{manifest.created:%Y-%m-%d %H:%M} by elinker {manifest.elinker_version}",
        "format": str(manifest.schema_version),
    }.items():
        table.add_row(name, Text(printable(value)))
    out.print(table)


@app.command(epilog="Example: elinker kb search 'Steve Jobs' --kb my-kb --model en_starter -k 5")
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A name, or a few words about an entity.")],
    kb: Base = STARTER,
    model: OptionalModel = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many of the nearest entities to show.")] = 10,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Find entities: those named exactly TEXT, and those whose vectors are nearest to TEXT read as a mention.

    Without --model the one of the pipeline given with --kb is used, or the starter's where it made the base.
    """
    from elinker.kb import KnowledgeBase

    base = KnowledgeBase.open(pipeline_part(kb, "kb"))
    encoder = _search_model(base, kb, model, device, preset)
    named = base.rows_named(text)
    if named:
        _print_entities(base, f"named {text!r}", [(None, row) for row in named])
    if encoder is not None:
        vectors = encoder.encode_queries([text])
        scores, rows = base.search(vectors, k)
        _print_entities(base, f"nearest to {text!r}", list(zip(scores[0].tolist(), rows[0].tolist(), strict=True)))
    elif not named:
        err.print("no entity has that name")


@app.command(epilog="Example: elinker kb add more-entities.csv --kb my-kb --model en_starter")
def add(
    entities: Entities,
    kb: Base,
    model: Model,
    batch_size: BatchSize = 64,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Append entities to a base without encoding the old ones again.

    Rows that cannot be read go to KB.rejects.jsonl, and the exit code is 1 although the others are added.
    """
    from elinker.kb import EntityFile, KnowledgeBase, Rejects
    from elinker.kb.build import add as add_entities

    base = KnowledgeBase.open(pipeline_part(kb, "kb"))
    with Rejects(_rejects_path(base.path)) as rejects:
        source = EntityFile(entities, rejects=rejects)
        encoder = _load_model(model, device, preset)
        with stages() as report:
            grown = add_entities(base, source, encoder, batch_size=batch_size, progress=report)
    _conclude(f"{len(grown) - len(base):,} entities added, {len(grown):,} in {base.path}", source, rejects.path)


@app.command(epilog="Example: elinker kb remove Q1 Q2 --kb my-kb")
def remove(
    kb: Base,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of entities.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="File with an id a line.", show_default=False),
    ] = None,
) -> None:
    """Take entities out of a base without encoding the others again; an id that is not in it ends the run."""
    from elinker.kb import KnowledgeBase
    from elinker.kb.build import remove as remove_entities

    base = KnowledgeBase.open(pipeline_part(kb, "kb"))
    named = [*(ids or []), *([] if file is None else _ids_in(file))]
    with stages() as report:
        left = remove_entities(base, named, progress=report)
    err.print(f"{len(base) - len(left):,} entities removed, {len(left):,} in {base.path}")


@app.command(epilog="Example: elinker kb reindex --kb my-kb --index auto")
def reindex(kb: Base, index: Index = "auto") -> None:
    """Give a base an index of another kind, or train the one of a base that has grown; nothing is encoded again."""
    from elinker.kb import KnowledgeBase
    from elinker.kb.build import reindex as reindex_base

    base = KnowledgeBase.open(pipeline_part(kb, "kb"))
    with stages() as report:
        done = reindex_base(base, index, progress=report)
    err.print(f"{base.path} has an index of kind {done.manifest.index_factory}")


@app.command(epilog="Example: elinker kb verify my-kb --model en_starter")
def verify(
    base: Annotated[str, typer.Argument(metavar="DIR", help="Base directory, or a pipeline by directory or name.")],
    model: OptionalModel = None,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Check checksums, counts, lookups and vectors of a base; with --model also that this model made it."""
    from elinker.kb.verify import verify as verify_base

    directory = pipeline_part(base, "kb")
    encoder = None if model is None else _load_model(model, device, preset)
    show_checks(str(directory), verify_base(directory, encoder))


def _ids_in(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    return [line.strip() for line in lines if line.strip()]


def _searched(manifest: "Manifest") -> str:
    """How an index is searched, in words."""
    if manifest.search is None:
        return "exact"
    settings = manifest.search.model_dump(exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())


@contextmanager
def _encoder(
    model: str, device: str | None, preset: str | None, cluster: "ClusterSettings | None"
) -> "Iterator[EntityEncoder]":
    """The model, here or in workers."""
    if cluster is None:
        yield _load_model(model, device, preset)
        return
    from elinker.cluster.encoder import RayEncoder
    from elinker.onegen.model import OneGen

    directory = _model_directory(model)
    load = partial(OneGen.from_pretrained, directory, preset=preset, device=device)
    with ExitStack() as stack:
        with err.status(f"loading the model in {cluster.workers} workers"):
            encoder = stack.enter_context(RayEncoder(load, cluster))
        yield encoder


def _load_model(name_or_path: str, device: str | None, preset: str | None = None) -> "OneGen":
    from elinker.onegen.model import OneGen

    directory = _model_directory(name_or_path)
    with err.status("loading the model"):
        return OneGen.from_pretrained(directory, preset=preset, device=device)


def _model_directory(name_or_path: str) -> str | Path:
    from elinker.onegen.presets import is_published

    return name_or_path if is_published(name_or_path) else pipeline_part(name_or_path, "model").resolve()


def _search_model(
    base: "KnowledgeBase", kb: str, model: str | None, device: str | None, preset: str | None
) -> "OneGen | None":
    """The model to search with; None where none was named and the one at hand did not make the base."""
    if model is not None:
        encoder = _load_model(model, device, preset)
        base.check_model(encoder)
        return encoder
    pipeline = find_pipeline(kb)
    if not (pipeline / COMPONENT / "model").is_dir():
        pipeline = find_pipeline(STARTER)
    encoder = _load_model(str(pipeline), device)
    try:
        base.check_model(encoder)
    except KnowledgeBaseError:
        err.print(
            f"only names are compared: the base was made by model {base.manifest.fingerprint[:12]}, give it as --model"
        )
        return None
    return encoder


def _print_entities(base: "KnowledgeBase", title: str, found: list[tuple[float | None, int]]) -> None:
    from rich.style import Style
    from rich.table import Table
    from rich.text import Text

    from elinker.corpus.highlight import printable

    table = Table("score", "id", "label", "description", title=Text(title), title_justify="left")
    for score, row in found:
        entity = base.entity(row)
        shown = "" if score is None else f"{score:.3f}"
        identifier = Text(printable(entity.id), Style(link=base.url(entity.id)))
        table.add_row(shown, identifier, Text(printable(entity.label)), Text(printable(entity.description)))
    out.print(table)


def _rejects_path(directory: Path) -> Path:
    resolved = directory.resolve()
    return resolved.with_name(f"{resolved.name}.rejects.jsonl")


def _conclude(message: str, source: "EntityFile", rejects: Path) -> None:
    """Say what was done, and exit with 1 where rows were set aside."""
    err.print(message)
    if source.ignored:
        err.print(f"ignored columns: {', '.join(sorted(source.ignored))}")
    if source.rejected:
        err.print(f"{source.rejected:,} rows rejected: see {rejects}")
        raise typer.Exit(1)
