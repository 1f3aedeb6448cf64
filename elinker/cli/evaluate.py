"""`elinker evaluate`: score a pipeline, or stored predictions, on benchmarks. Metrics live in `elinker.evaluation`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elinker.cli.console import out, progress
from elinker.errors import UsageError
from elinker.evaluation.gold import BenchmarkFormat

if TYPE_CHECKING:
    from elinker.evaluation.run import BenchmarkResult, InBase
    from elinker.kb import KnowledgeBase
    from elinker.linking.linker import Linker

_EXISTING = {"exists": True, "dir_okay": False, "readable": True}


def evaluate(
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Further benchmark files.", show_default=False, **_EXISTING),
    ] = None,
    benchmark: Annotated[
        list[Path] | None,
        typer.Option("--benchmark", "-b", help="A benchmark file; may be given several times.", **_EXISTING),
    ] = None,
    benchmark_format: Annotated[
        BenchmarkFormat | None, typer.Option(help="Format of the benchmarks; told by their content when left out.")
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option("--pipeline", "-p", help="A shipped pipeline or a directory; the starter when left out."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another OneGen model than the pipeline's.")] = None,
    kb: Annotated[Path | None, typer.Option(help="Another knowledge base than the pipeline's.")] = None,
    device: Annotated[str | None, typer.Option(help="Where the model runs, for example cpu or cuda.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least score of a link; below it a mention is NIL.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Texts in one pass of the model.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N documents of each benchmark.")] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            help="Score stored predictions (elinker's JSONL) instead of running a pipeline; one for each benchmark, "
            "in the same order.",
            **_EXISTING,
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures and settings here.")] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", help="Write the table as Markdown here, for a model card.")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(help="Write every mistake with its context here (.tsv, else JSONL).")
    ] = None,
) -> None:
    """Score a pipeline on benchmarks: mention detection, disambiguation and end-to-end linking.

    Reads ELEVANT's benchmarks, elinker's JSONL and AIDA-YAGO2. What each figure counts: docs/evaluation.md.

    Example: elinker evaluate --benchmark benchmarks/*.jsonl --errors mistakes.tsv
    """
    from elinker.evaluation import report

    files = [*(benchmark or []), *(more or [])]
    if not files:
        raise UsageError("no benchmark to score on", hint="give one or more files with --benchmark")
    loading = {"model": model, "kb": kb, "device": device, "threshold": threshold, "batch_size": batch_size}
    reading: dict[str, Any] = {"benchmark_format": benchmark_format, "limit": limit}
    if predictions:
        unused = [
            name for name, value in {"pipeline": pipeline, **loading}.items() if value is not None and name != "kb"
        ]
        if unused:
            raise UsageError(
                f"--{unused[0].replace('_', '-')} has no effect on stored predictions",
                hint="leave it out, or leave out --predictions",
            )
        results, settings = _score_stored(predictions, files, reading, kb)
    else:
        results, settings = _score_linker(pipeline, loading, files, reading)
    out.print(report.table(results), crop=False)
    if json_file:
        report.write_json(json_file, results, settings)
    if markdown_file:
        report.write_text(markdown_file, report.markdown(results, settings))
    if errors:
        report.write_mistakes(errors, results)


def _score_linker(
    pipeline: str | None, loading: dict[str, Any], files: list[Path], reading: dict[str, Any]
) -> tuple[list["BenchmarkResult"], dict[str, Any]]:
    from elinker.evaluation.benchmarks import read_benchmark
    from elinker.evaluation.run import evaluate_linker
    from elinker.resources import STARTER

    # Benchmarks first: a broken line should not wait for the model.
    gold = [read_benchmark(path, **reading) for path in files]
    linker = _load(pipeline, loading)
    results = []
    with progress() as bar:
        for path, documents in zip(files, gold, strict=True):
            task = bar.add_task(_name(path), total=2 * len(documents))
            results.append(
                evaluate_linker(
                    linker,
                    documents,
                    name=_name(path),
                    in_base=_in_base(linker.kb),
                    advance=partial(bar.advance, task),
                )
            )
    settings = {
        "pipeline": Path(pipeline or STARTER).name,
        "model_fingerprint": linker.onegen.fingerprint,
        "threshold": loading["threshold"],
        "batch_size": loading["batch_size"],
        "limit": reading["limit"],
    }
    return results, {**settings, **_base_settings(linker.kb)}


def _score_stored(
    predictions: list[Path], files: list[Path], reading: dict[str, Any], kb: Path | None
) -> tuple[list["BenchmarkResult"], dict[str, Any]]:
    from elinker.evaluation.benchmarks import read_benchmark, read_predictions
    from elinker.evaluation.run import evaluate_predictions

    if len(predictions) != len(files):
        raise UsageError(
            f"{len(files)} benchmarks, but {len(predictions)} files of predictions",
            hint="give --predictions once for each --benchmark, in the same order",
        )
    base = _open(kb) if kb else None
    results = []
    for path, stored in zip(files, predictions, strict=True):
        gold = read_benchmark(path, **reading)
        in_base = _in_base(base) if base else None
        results.append(evaluate_predictions(read_predictions(stored, gold), gold, name=_name(path), in_base=in_base))
    settings = {"predictions": ", ".join(path.name for path in predictions), "limit": reading["limit"]}
    return results, {**settings, **(_base_settings(base) if base else {})}


def _load(pipeline: str | None, loading: dict[str, Any]) -> "Linker":
    from elinker.linking.linker import Linker
    from elinker.resources import STARTER, find_pipeline

    return Linker.load(find_pipeline(pipeline or STARTER), **loading)


def _open(kb: Path) -> "KnowledgeBase":
    from elinker.kb import KnowledgeBase

    return KnowledgeBase.open(kb)


def _in_base(base: "KnowledgeBase") -> "InBase":
    return lambda entity_id: base.find(entity_id) is not None


def _name(path: Path) -> str:
    return path.name.split(".")[0]


def _base_settings(base: "KnowledgeBase") -> dict[str, Any]:
    """Size of a base and a digest of its files, the same for the same content wherever and whenever it was built."""
    import hashlib

    records = sorted(f"{record.name} {record.sha256}" for record in base.manifest.files)
    return {"base_fingerprint": hashlib.sha256("\n".join(records).encode()).hexdigest(), "base_entities": len(base)}
