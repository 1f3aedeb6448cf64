"""`elinker rag ask`: one question, or a file of them. Answering is in `elinker.rag`."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elinker.cli.console import err, report
from elinker.cli.rag_display import follow, show
from elinker.cli.rag_options import (
    Device,
    Entity,
    MaxHops,
    MaxTokens,
    Model,
    OptionalIndex,
    Pipeline,
    Preset,
    RetrievalMode,
    TopK,
    load_rag,
)
from elinker.errors import InputError, UsageError
from elinker.whole_file import open_whole

if TYPE_CHECKING:
    from elinker.rag.rag import Rag


def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="The question.", show_default=False)
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            help="A file of questions instead: one a line, or JSON lines with question and perhaps id.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the answers go as JSON lines; stdout when left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    pipeline: Pipeline = None,
    index: OptionalIndex = None,
    model: Model = None,
    entity: Entity = None,
    top_k: TopK = None,
    max_hops: MaxHops = None,
    max_tokens: MaxTokens = None,
    mode: RetrievalMode = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Questions worked on side by side.")] = 16,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Answer a question from the passages of an index, and say where the answer stands.

    Of a file of questions those that cannot be asked are named on stderr, and the exit code is 1.
    """
    if (question is None) == (questions is None):
        raise UsageError("give a question, or a file of them with --questions")
    if output is not None and questions is None:
        raise UsageError("--output is for --questions", hint="elinker rag ask QUESTION --json > answer.json")
    asked = None if questions is None else list(_read_questions(questions))
    rag = load_rag(
        pipeline,
        model=model,
        index=index,
        preset=preset,
        device=device,
        top_k=top_k,
        max_hops=max_hops,
        max_tokens=max_tokens,
        mode=mode,
    )
    entities = tuple(entity or ())
    if asked is not None:
        _answer_all(rag, asked, output, entities, batch_size)
    elif question is not None and as_json:
        typer.echo(json.dumps(rag.answer(question, entities=entities).to_json(), ensure_ascii=False))
    elif question is not None:
        show(follow(rag.stream(question, entities=entities)))


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    text: str


def _read_questions(path: Path) -> Iterator[_Asked]:
    """The questions of a file, whose lines are JSON if its name says so.

    Raises:
        InputError: the file is not UTF-8, or a line holds no question.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parsed(line, path, number) if path.suffix.lower() == ".jsonl" else _Asked(str(number), line.strip())


def _parsed(line: str, path: Path, number: int) -> _Asked:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{path}:{number}: not JSON") from None
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        raise InputError(f"{path}:{number}: no text as 'question'")
    return _Asked(str(value.get("id", number)), value["question"])


def _answer_all(
    rag: "Rag", asked: list[_Asked], output: Path | None, entities: tuple[str, ...], batch_size: int
) -> None:
    from elinker.cli.console import progress

    fitting: list[_Asked] = []
    for one in asked:
        try:
            rag.check(one.text)
            fitting.append(one)
        except InputError as error:
            report(InputError(f"question {one.id}: {error.message}", hint=error.hint))
    answers = rag.answers((one.text for one in fitting), batch_size=batch_size, entities=entities)
    lines = nullcontext(sys.stdout) if output is None else open_whole(output)
    with lines as stream, progress() as display:
        task = display.add_task("answering", total=len(fitting))
        for one, answer in zip(fitting, answers, strict=True):
            stream.write(json.dumps({"id": one.id, **answer.to_json()}, ensure_ascii=False) + "\n")
            display.advance(task)
    if output is not None:
        err.print(f"{len(fitting):,} questions answered in {output}")
    if len(fitting) < len(asked):
        raise typer.Exit(1)
