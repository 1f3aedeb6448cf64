"""`elinker stats`: annotated texts counted. The counting is done in `elinker.statistics`."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli.console import err, out
from elinker.errors import ElinkerError

if TYPE_CHECKING:
    from elinker.kb.base import KnowledgeBase
    from elinker.statistics.counts import Statistics


def stats(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Annotated files, folders, runs' folders, quoted patterns, or - for stdin.", metavar="PATH"
        ),
    ],
    from_name: Annotated[
        str | None, typer.Option("--from", help="Format of the inputs; told by suffix and content when left out.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many entities, forms and types to list.")] = 20,
    kb: Annotated[
        Path | None,
        typer.Option(help="Base with the entities' types; the starter's where it knows the ids.", metavar="DIR"),
    ] = None,
    cooccurrence: Annotated[
        Path | None,
        typer.Option(help="Write which entities share documents: .csv or .parquet.", metavar="FILE"),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write histograms of lengths and scores, PNG and SVG.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as a JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors stay.")] = False,
) -> None:
    """Count what annotated texts hold: rates, entities and their forms, types, co-occurrence, lengths and scores.

    [bold]Examples[/bold]

    elinker stats corpus.jsonl

    elinker stats run/ --cooccurrence pairs.csv --plots plots/

    elinker stats gold.ttl --json > gold.json

    Documents are read once and one at a time. Bad ones are said on stderr and left out; the exit code is 1 then.
    """
    from elinker.statistics.cooccurrence import check_suffix, write_cooccurrence
    from elinker.statistics.plots import check_available, write_plots
    from elinker.statistics.tables import tables

    if cooccurrence is not None:
        check_suffix(cooccurrence)
    if plots is not None:
        check_available()
    base = None if kb is None else _base(kb)
    statistics = _counted(inputs, from_name, pairs=cooccurrence is not None, quiet=quiet)
    types = _types(statistics, base)
    if as_json:
        typer.echo(json.dumps(statistics.to_json(top=top, types=types), ensure_ascii=False, indent=2))
    else:
        for table in tables(statistics, top=top, types=types):
            out.print(table, soft_wrap=False)
    if cooccurrence is not None:
        pairs = write_cooccurrence(cooccurrence, statistics)
        err.print(f"{pairs:,} pairs of entities in {cooccurrence}", markup=False)
    if plots is not None:
        written = write_plots(plots, statistics)
        err.print(f"{len(written)} plots in {plots}", markup=False)
    if statistics.bad:
        err.print(f"{statistics.bad:,} bad documents were left out", markup=False)
        raise typer.Exit(1)


def _counted(inputs: list[str], from_name: str | None, *, pairs: bool, quiet: bool) -> "Statistics":
    from elinker.cli.annotate_display import Display, complain
    from elinker.corpus.records import BadRecord
    from elinker.labelled.annotated import read_annotated
    from elinker.statistics.counts import Statistics

    statistics = Statistics(pairs=pairs)
    sources, records = read_annotated(inputs, format=from_name)
    with Display(sources, visible=not quiet) as display:
        for record in records:
            if isinstance(record, BadRecord):
                statistics.bad += 1
                complain(record)
            else:
                statistics.add(record.document)
            if display.is_due():
                display.show(f"{statistics.documents:,} documents", display.consumed())
    return statistics


def _base(path: Path) -> "KnowledgeBase":
    from elinker.kb.base import KnowledgeBase
    from elinker.resources import pipeline_part

    return KnowledgeBase.open(pipeline_part(str(path), "kb"))


def _types(statistics: "Statistics", base: "KnowledgeBase | None") -> Counter[str] | None:
    """Mentions by type; None where no base is given and the starter's knows none of the entities.

    The base names entities that have no label in the texts.
    """
    chosen = base
    if chosen is None:
        from elinker.resources import STARTER

        try:
            chosen = _base(Path(STARTER))
        except ElinkerError:
            return None  # an installation without the starter, and nobody asked for it
    known = chosen

    def types_of(entity_id: str) -> tuple[str, ...] | None:
        row = known.find(entity_id)
        if row is None:
            return None
        entity = known.entity(row)
        statistics.labels.setdefault(entity_id, entity.label)
        return entity.types

    types = statistics.types(types_of)
    return types if types or base is not None else None
