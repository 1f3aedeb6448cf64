"""`elinker rag evaluate`: score a pipeline's answers, or stored ones. Figures are made in `elinker.rag.evaluation`."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elinker.cli.console import err, out, progress
from elinker.cli.rag_options import (
    Device,
    MaxHops,
    MaxTokens,
    Model,
    Pipeline,
    Preset,
    RetrievalMode,
    TopK,
    load_model,
    load_rag,
)
from elinker.errors import UsageError
from elinker.whole_file import open_whole, write_text

if TYPE_CHECKING:
    from elinker.rag.answer import Answer
    from elinker.rag.evaluation.predictions import Prediction
    from elinker.rag.evaluation.questions import Question
    from elinker.rag.settings import RagSettings

_REPORTS = "Reports"

_LIMITS = {"top_k", "max_hops", "max_tokens", "mode"}

REPORT, TABLES, PREDICTIONS, OFFICIAL = "report.json", "report.md", "predictions.jsonl", "predictions.json"
"""What `--output` writes; the last only for HotpotQA and 2WikiMultihopQA, whose scripts take it."""


def evaluate(
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS",
            help="A file of HotpotQA, 2WikiMultihopQA, TriviaQA, PopQA, ARC or PubHealth, or JSON lines.",
            show_default=False,
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(help="2wiki, arc, hotpotqa, jsonl, popqa, pubhealth or triviaqa; told by the content."),
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The id_aliases.json of 2WikiMultihopQA.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score stored answers instead of running a pipeline: JSON lines, or what the datasets' scripts take.",
        ),
    ] = None,
    pipeline: Pipeline = None,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            help="Index in place of the pipeline's. Without it, questions that bring pages are answered from those.",
            show_default=False,
        ),
    ] = None,
    model: Model = None,
    top_k: TopK = None,
    max_hops: MaxHops = None,
    max_tokens: MaxTokens = None,
    mode: RetrievalMode = None,
    preset: Preset = None,
    device: Device = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help=f"Write {REPORT}, {TABLES} and {PREDICTIONS} here.",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON instead of tables.", rich_help_panel=_REPORTS)
    ] = False,
    resamples: Annotated[int, typer.Option(min=1, help="Resamples for intervals.", rich_help_panel=_REPORTS)] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.", rich_help_panel=_REPORTS)] = 0,
) -> None:
    """Score answers, their sources and the retrieval behind them.

    What each figure counts: docs/rag-evaluation.md.

    Example: elinker rag evaluate hotpot_dev_distractor_v1.json --limit 500 -o scores
    """
    from elinker.evaluation.resampling import Resampling
    from elinker.rag.evaluation import report
    from elinker.rag.evaluation.reading import read_questions
    from elinker.rag.evaluation.scoring import score

    loading: dict[str, Any] = {"index": index, "model": model, "preset": preset, "device": device}
    loading |= {"top_k": top_k, "max_hops": max_hops, "max_tokens": max_tokens, "mode": mode}
    if predictions is not None:
        _refuse({"pipeline": pipeline, **loading})
    asked = read_questions(questions, format=format, aliases=aliases, limit=limit)
    settings: dict[str, Any] = {"questions": questions.name, "limit": limit}
    if predictions is not None:
        answered, more, unknown = _stored(predictions, asked, complete=limit is None)
    else:
        answered, more, unknown = _run(pipeline, loading, asked, output)
    scores = score(asked, answered, unknown=unknown)
    if scores.missing:
        err.print(f"{scores.missing:,} of {len(asked):,} questions have no answer; they count as wrong")
    resampling = Resampling(resamples=resamples, seed=seed)
    settings |= more
    whole = report.report(scores, resampling, settings)
    if as_json:
        out.print_json(json.dumps(whole, ensure_ascii=False))
    else:
        for table in report.tables(scores, resampling):
            out.print(table, crop=False)
    if output is not None:
        _write(output, whole, report.markdown(scores, resampling, settings), asked, answered)


def _refuse(options: Mapping[str, Any]) -> None:
    """Options that mean something only where a pipeline runs."""
    unused = [name for name, value in options.items() if value is not None]
    if unused:
        raise UsageError(
            f"--{unused[0].replace('_', '-')} has no effect on stored predictions",
            hint="leave it out, or leave out --predictions",
        )


_Answered = tuple["dict[str, Prediction]", dict[str, Any], str]
"""Predictions by id, settings for the report, and what the system says where it finds no answer."""


def _stored(path: Path, asked: "Sequence[Question]", *, complete: bool) -> _Answered:
    from elinker.rag.evaluation.predictions import read_predictions

    return read_predictions(path, asked, complete=complete), {"predictions": path.name}, ""


def _run(pipeline: str | None, loading: dict[str, Any], asked: "Sequence[Question]", output: Path | None) -> _Answered:
    """Ask a pipeline, and store its answers as they come."""
    from elinker.rag.evaluation.predictions import prediction
    from elinker.rag.evaluation.run import line

    own_pages = loading["index"] is None and all(question.pages for question in asked)
    answers, settings, unknown = (_from_pages if own_pages else _from_index)(pipeline, loading, asked)
    found = {}
    start = time.perf_counter()
    with _stored_lines(output) as store, progress() as bar:
        task = bar.add_task("Answering", total=len(asked))
        for question, answer in answers:
            value = line(question, answer)
            store(value)
            found[question.id] = prediction(value)
            bar.advance(task)
    settings["seconds"] = round(time.perf_counter() - start, 1)
    return found, settings, unknown


_Running = tuple["Iterator[tuple[Question, Answer]]", dict[str, Any], str]
"""Answers as they are asked for, settings for the report, and what the model says where it finds no answer."""


def _from_index(pipeline: str | None, loading: dict[str, Any], asked: "Sequence[Question]") -> _Running:
    from elinker.rag.evaluation.run import answers_from_index
    from elinker.rag.rag import STARTER

    rag = load_rag(pipeline, **loading)
    settings = {
        "pipeline": _name(pipeline or loading["model"] or STARTER),
        "passages": f"an index of {len(rag.index):,}",
        "model_fingerprint": rag.onegen.passage_fingerprint,
        **rag.settings.model_dump(include=_LIMITS),
    }
    return answers_from_index(rag, asked), settings, rag.layout.settings.unknown


def _from_pages(pipeline: str | None, loading: dict[str, Any], asked: "Sequence[Question]") -> _Running:
    from elinker.rag.evaluation.run import answers_from_pages
    from elinker.rag.rag import STARTER

    limits = _limits(pipeline, loading)
    onegen = load_model(loading["model"] or pipeline, loading["device"], loading["preset"])
    settings = {
        "pipeline": _name(pipeline or loading["model"] or STARTER),
        "passages": "the questions' own pages",
        "model_fingerprint": onegen.passage_fingerprint,
        **limits.model_dump(include=_LIMITS),
    }
    return answers_from_pages(onegen, limits, asked), settings, onegen.answering.settings.unknown


def _limits(pipeline: str | None, loading: dict[str, Any]) -> "RagSettings":
    """The settings of a pipeline, or those of none for a model alone, with what is given in their place."""
    from elinker.rag.rag import STARTER, find_rag
    from elinker.rag.settings import RagSettings

    alone = pipeline is None and loading["model"] is not None
    chosen = RagSettings() if alone else RagSettings.load(find_rag(pipeline or STARTER))
    return chosen.changed({key: loading[key] for key in _LIMITS if loading[key] is not None})


def _name(pipeline: str) -> str:
    return Path(pipeline).name


@contextmanager
def _stored_lines(folder: Path | None) -> "Iterator[Callable[[dict[str, Any]], None]]":
    """Writes values as JSON lines to the file of predictions, which is there once all of them are."""
    if folder is None:
        yield lambda value: None
        return
    _make(folder)
    with open_whole(folder / PREDICTIONS) as file:
        yield lambda value: print(json.dumps(value, ensure_ascii=False), file=file)


def _write(
    folder: Path, whole: dict[str, Any], tables: str, asked: "Sequence[Question]", answered: "dict[str, Prediction]"
) -> None:
    from elinker.rag.evaluation.predictions import write_official

    _make(folder)
    write_text(folder / REPORT, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    write_text(folder / TABLES, tables)
    if any(question.facts is not None for question in asked):
        write_official(folder / OFFICIAL, list(answered.values()))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror or error}") from None
