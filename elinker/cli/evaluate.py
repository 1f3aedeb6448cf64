"""`elinker evaluate`: score a pipeline, or stored predictions, on benchmarks. Metrics live in `elinker.evaluation`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import elinker
from elinker.cli.console import out, progress
from elinker.errors import UsageError

if TYPE_CHECKING:
    from elinker.evaluation.details import Details
    from elinker.evaluation.gold import GoldDocument
    from elinker.evaluation.resampling import Resampling
    from elinker.evaluation.run import BenchmarkResult, InBase
    from elinker.evaluation.significance import Difference
    from elinker.kb import KnowledgeBase
    from elinker.schema import Entity

_RUN, _REPORTS = "Running a pipeline", "Reports"


class Show(StrEnum):
    """Further tables."""

    GERBIL = "gerbil"
    REFERENCE = "reference"
    INTERVALS = "intervals"
    TYPE = "type"
    LENGTH = "length"
    SEEN = "seen"
    ERRORS = "errors"


def evaluate(
    gold: Annotated[
        list[Path] | None,
        typer.Argument(metavar="GOLD", help="Benchmarks: labelled texts, a file each.", show_default=False),
    ] = None,
    benchmark: Annotated[
        list[Path] | None,
        typer.Option("--benchmark", "-b", help="Another way to name a benchmark; may be given several times."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Format of the benchmarks (docs/labelled-texts.md); told by their content.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N documents of each benchmark.")] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[,FILE2]",
            help="Score stored predictions (elinker's JSONL, or ELEVANT's linked articles) instead of running a "
            "pipeline; two files with a comma between them are compared. One for each benchmark, in the same order.",
        ),
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            "-p",
            help="A shipped pipeline or a directory; the starter when left out.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Another OneGen model than the pipeline's.", rich_help_panel=_RUN)
    ] = None,
    kb: Annotated[
        Path | None,
        typer.Option(
            help="Another knowledge base than the pipeline's; with --predictions, the base that is asked which "
            "entities it has, their names and types.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where the model runs, for example cpu or cuda.", rich_help_panel=_RUN)
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Least score of a link; below it a mention is NIL.", rich_help_panel=_RUN),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Texts in one pass of the model.", rich_help_panel=_RUN)
    ] = None,
    save_predictions: Annotated[
        Path | None,
        typer.Option(
            help="Write the predictions as ELEVANT's linked articles: a file, or a directory for several benchmarks.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    show: Annotated[
        list[Show] | None,
        typer.Option(help="Print a further table; may be given several times.", rich_help_panel=_REPORTS),
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option(
            help="Entities of the training data, for figures of seen and unseen ones: a .txt or .ids file with an id a "
            "line, or labelled texts.",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="Resamples for intervals and comparisons.", rich_help_panel=_REPORTS)
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.", rich_help_panel=_REPORTS)] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures and settings here.", rich_help_panel=_REPORTS)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with the texts, gold and predictions side by side, errors by category.",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option(
            "--markdown", help="Write the table as Markdown here, for a model card.", rich_help_panel=_REPORTS
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(help="Write every error with its context here (.tsv, else JSONL).", rich_help_panel=_REPORTS),
    ] = None,
) -> None:
    """Score a pipeline on benchmarks: mention detection, disambiguation and end-to-end linking.

    Reads labelled texts in all formats of docs/labelled-texts.md. What each figure counts: docs/evaluation.md.

    Example: elinker evaluate benchmarks/*.jsonl --show errors --html errors.html
    """
    from elinker.evaluation.details import Details
    from elinker.evaluation.resampling import Resampling
    from elinker.evaluation.seen import read_seen

    files = [*(benchmark or []), *(gold or [])]
    if not files:
        raise UsageError("no benchmark to score on", hint="give one or more files of labelled texts")
    wanted = list(show or [])
    if Show.SEEN in wanted and seen is None:
        raise UsageError("--show seen needs the entities of the training data", hint="name them with --seen FILE")
    if save_predictions and len(files) > 1 and not save_predictions.is_dir():
        raise UsageError(f"--save-predictions: {save_predictions} is no directory", hint="several benchmarks need one")
    loading = {"model": model, "kb": kb, "device": device, "threshold": threshold, "batch_size": batch_size}
    seen_ids = read_seen(seen) if seen else None
    read = _Read(files, format, limit)
    if predictions:
        _refuse({"pipeline": pipeline, **loading, "save_predictions": save_predictions})
        scored, settings = _score_stored(predictions, read, kb)
    else:
        results, settings = _score_linker(pipeline, loading, read)
        scored = [[result] for result in results]
        if save_predictions:
            _save_predictions(save_predictions, results)
    resampling = Resampling(resamples=resamples, seed=seed)
    details = [Details(result, resampling, seen_ids) for systems in scored for result in systems]
    comparisons = _comparisons(scored, resampling)
    _print(details, wanted, comparisons)
    _write(
        details, settings | {"resampling": resampling.to_json()}, comparisons, json_file, html, markdown_file, errors
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """The benchmarks to score on and how to read them."""

    files: list[Path]
    format: str | None
    limit: int | None

    def gold(self, path: Path) -> list["GoldDocument"]:
        from elinker.evaluation.benchmarks import read_benchmark

        return read_benchmark(path, format=self.format, limit=self.limit)


def _refuse(options: Mapping[str, Any]) -> None:
    """Options that mean something only where a pipeline runs."""
    unused = [name for name, value in options.items() if value is not None and name != "kb"]
    if unused:
        raise UsageError(
            f"--{unused[0].replace('_', '-')} has no effect on stored predictions",
            hint="leave it out, or leave out --predictions",
        )


def _score_linker(
    pipeline: str | None, loading: dict[str, Any], read: _Read
) -> tuple[list["BenchmarkResult"], dict[str, Any]]:
    from elinker.evaluation.run import evaluate_linker
    from elinker.resources import STARTER

    # Benchmarks first: a broken line should not wait for the model.
    gold = [read.gold(path) for path in read.files]
    linker = elinker.load(pipeline, **loading)
    unfitted = pipeline is None and None not in (loading["model"], loading["kb"])
    results = []
    with progress() as bar:
        for path, documents in zip(read.files, gold, strict=True):
            task = bar.add_task(_name(path), total=2 * len(documents))
            results.append(
                evaluate_linker(
                    linker,
                    documents,
                    name=_name(path),
                    in_base=_in_base(linker.kb),
                    find=_find(linker.kb),
                    advance=partial(bar.advance, task),
                )
            )
    settings = {
        "pipeline": None if unfitted else Path(pipeline or STARTER).name,
        "model_fingerprint": linker.onegen.fingerprint,
        "threshold": loading["threshold"],
        "batch_size": loading["batch_size"],
        "limit": read.limit,
    }
    return results, {**settings, **_base_settings(linker.kb)}


def _score_stored(
    predictions: Sequence[str], read: _Read, kb: Path | None
) -> tuple[list[list["BenchmarkResult"]], dict[str, Any]]:
    from elinker.evaluation.predictions import read_predictions
    from elinker.evaluation.run import evaluate_predictions

    if len(predictions) != len(read.files):
        raise UsageError(
            f"{len(read.files)} benchmarks, but --predictions was given {len(predictions)} times",
            hint="give --predictions once for each benchmark, in the same order",
        )
    stored = [_systems(given) for given in predictions]
    base = _open(kb) if kb else None
    scored = []
    for path, systems in zip(read.files, stored, strict=True):
        gold = read.gold(path)
        scored.append(
            [
                evaluate_predictions(
                    read_predictions(file, gold, complete=read.limit is None),
                    gold,
                    name=_name(path),
                    system=system if len(systems) > 1 else None,
                    in_base=_in_base(base) if base else None,
                    find=_find(base) if base else None,
                )
                for system, file in zip(_system_names(systems), systems, strict=True)
            ]
        )
    settings = {"predictions": ", ".join(file.name for files in stored for file in files), "limit": read.limit}
    return scored, {**settings, **(_base_settings(base) if base else {})}


def _systems(given: str) -> list[Path]:
    """One file, or two with a comma between them; a file whose name has a comma is one file."""
    paths = [Path(given)] if Path(given).is_file() else [Path(part) for part in given.split(",")]
    if len(paths) > 2:
        raise UsageError(f"--predictions {given}: {len(paths)} files", hint="two systems can be compared at a time")
    for path in paths:
        if not path.is_file():
            raise UsageError(f"--predictions: no file {str(path)!r}")
    return paths


def _system_names(files: Sequence[Path]) -> list[str]:
    """The files' names without what follows the first dot, or whole where these are the same."""
    names = [_name(file) for file in files]
    return names if len(set(names)) == len(names) else [str(file) for file in files]


def _save_predictions(path: Path, results: Sequence["BenchmarkResult"]) -> None:
    from elinker.evaluation.predictions import write_predictions

    for result in results:
        file = path / f"{result.name}.linked_articles.jsonl" if path.is_dir() else path
        write_predictions(file, result.gold, result.predicted)


_Comparison = tuple["BenchmarkResult", "BenchmarkResult", Mapping[str, "Difference"]]


def _comparisons(scored: Sequence[Sequence["BenchmarkResult"]], resampling: "Resampling") -> list[_Comparison]:
    from elinker.evaluation.significance import compare_scores

    return [
        (first, second, compare_scores(first.scores, second.scores, resampling))
        for first, second in (systems for systems in scored if len(systems) == 2)
    ]


def _print(details: Sequence["Details"], wanted: Sequence[Show], comparisons: Sequence[_Comparison]) -> None:
    from elinker.evaluation import detail_tables, report

    out.print(report.table([each.result for each in details]), crop=False)
    tables: dict[Show, Callable[[Details], Any]] = {
        Show.GERBIL: detail_tables.gerbil_table,
        Show.REFERENCE: detail_tables.reference_table,
        Show.INTERVALS: detail_tables.interval_table,
        Show.ERRORS: detail_tables.error_table,
    }
    for each in details:
        for name in dict.fromkeys(wanted):
            table = tables.get(name) or partial(detail_tables.part_table, part=str(name))
            out.print(table(each), crop=False)
    for first, second, compared in comparisons:
        names = (first.system or "first", second.system or "second")
        out.print(detail_tables.comparison_table(f"{first.name}: comparison", names, compared), crop=False)


def _write(
    details: Sequence["Details"],
    settings: dict[str, Any],
    comparisons: Sequence[_Comparison],
    json_file: Path | None,
    html: Path | None,
    markdown_file: Path | None,
    errors: Path | None,
) -> None:
    from elinker.evaluation import report
    from elinker.evaluation.html_page import write_html
    from elinker.whole_file import write_text

    results = [each.result for each in details]
    if json_file:
        compared = {
            f"{first.title} | {second.title}": {name: each.to_json() for name, each in figures.items()}
            for first, second, figures in comparisons
        }
        report.write_json(json_file, report.to_json(details, settings, compared))
    if html:
        write_html(html, results)
    if markdown_file:
        write_text(markdown_file, report.markdown(results, settings))
    if errors:
        report.write_mistakes(errors, results)


def _open(kb: Path) -> "KnowledgeBase":
    from elinker.kb import KnowledgeBase

    return KnowledgeBase.open(kb)


def _in_base(base: "KnowledgeBase") -> "InBase":
    return lambda entity_id: base.find(entity_id) is not None


def _find(base: "KnowledgeBase") -> Callable[[str], "Entity | None"]:
    def find(entity_id: str) -> "Entity | None":
        row = base.find(entity_id)
        return None if row is None else base.entity(row)

    return find


def _name(path: Path) -> str:
    return path.name.split(".")[0]


def _base_settings(base: "KnowledgeBase") -> dict[str, Any]:
    """Size of a base and a digest of its files, the same for the same content wherever and whenever it was built."""
    import hashlib

    records = sorted(f"{record.name} {record.sha256}" for record in base.manifest.files)
    return {"base_fingerprint": hashlib.sha256("\n".join(records).encode()).hexdigest(), "base_entities": len(base)}
