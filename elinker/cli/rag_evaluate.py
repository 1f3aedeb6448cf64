"""`elinker rag evaluate`: score a pipeline's answers, or stored ones. Figures are made in `elinker.rag.evaluation`."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elinker.cli.console import err, out, progress
from elinker.errors import UsageError

if TYPE_CHECKING:
    from elinker.rag.answer import Answer
    from elinker.rag.evaluation.predictions import Prediction
    from elinker.rag.evaluation.questions import Question

_RUN, _REPORTS = "Running a pipeline", "Reports"

REPORT, TABLES, PREDICTIONS, OFFICIAL = "report.json", "report.md", "predictions.jsonl", "predictions.json"
"""What `--output` writes; the last only for HotpotQA and 2WikiMultihopQA, whose scripts take it."""


class Retrieval(StrEnum):
    """Whether passages are retrieved: where the model asks for them, in any case, or not at all."""

    ADAPTIVE = "adaptive"
    ALWAYS = "always"
    NEVER = "never"


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
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            "-p",
            help="A shipped pipeline or a directory; the starter when left out.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            help="Another index of passages than the pipeline's. Without it, questions that bring their own pages are "
            "answered from those.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Another OneGen model than the pipeline's.", rich_help_panel=_RUN)
    ] = None,
    mode: Annotated[
        Retrieval | None, typer.Option(help="Whether passages are retrieved.", rich_help_panel=_RUN)
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Passages a retrieval.", rich_help_panel=_RUN)] = None,
    max_hops: Annotated[int | None, typer.Option(min=1, help="Retrievals a question.", rich_help_panel=_RUN)] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens written a question.", rich_help_panel=_RUN)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where the model runs, for example cpu or cuda.", rich_help_panel=_RUN)
    ] = None,
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

    limits = {
        "top_k": top_k,
        "max_hops": max_hops,
        "max_tokens": max_tokens,
        "mode": None if mode is None else mode.value,
    }
    loading = {"index": index, "model": model, "device": device, **limits}
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
    from elinker.rag.rag import STARTER, Rag

    rag = Rag.load(pipeline, **loading)
    settings = {
        "pipeline": Path(pipeline or STARTER).name,
        "passages": f"an index of {len(rag.index):,}",
        "model_fingerprint": rag.onegen.passage_fingerprint,
        **rag.settings.model_dump(include={"top_k", "max_hops", "max_tokens", "mode"}),
    }
    return answers_from_index(rag, asked), settings, rag.layout.settings.unknown


def _from_pages(pipeline: str | None, loading: dict[str, Any], asked: "Sequence[Question]") -> _Running:
    from elinker.onegen.model import OneGen
    from elinker.rag.evaluation.run import answers_from_pages
    from elinker.rag.rag import MODEL, STARTER, find_rag
    from elinker.rag.settings import RagSettings

    limits = {key: loading[key] for key in ("top_k", "max_hops", "max_tokens", "mode") if loading[key] is not None}
    alone = pipeline is None and loading["model"] is not None
    directory = None if alone else find_rag(pipeline or STARTER)
    chosen = RagSettings() if directory is None else RagSettings.load(directory)
    chosen = RagSettings.model_validate(chosen.model_dump() | limits)
    model = loading["model"] or (directory or Path()) / MODEL
    onegen = OneGen.from_pretrained(model, device=loading["device"])
    settings = {
        "pipeline": Path(str(directory or model)).name,
        "passages": "the questions' own pages",
        "model_fingerprint": onegen.passage_fingerprint,
        **chosen.model_dump(include={"top_k", "max_hops", "max_tokens", "mode"}),
    }
    return answers_from_pages(onegen, chosen, asked), settings, onegen.answering.settings.unknown


@contextmanager
def _stored_lines(folder: Path | None) -> "Iterator[Callable[[dict[str, Any]], None]]":
    """Writes values as JSON lines to the file of predictions, which is there once all of them are."""
    if folder is None:
        yield lambda value: None
        return
    _make(folder)
    temporary = folder / f".{PREDICTIONS}.{os.getpid()}.tmp"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            yield lambda value: print(json.dumps(value, ensure_ascii=False), file=file)
        temporary.replace(folder / PREDICTIONS)
    except OSError as error:
        raise UsageError(f"cannot write {folder / PREDICTIONS}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _write(
    folder: Path, whole: dict[str, Any], tables: str, asked: "Sequence[Question]", answered: "dict[str, Prediction]"
) -> None:
    from elinker.evaluation.files import write_text
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
