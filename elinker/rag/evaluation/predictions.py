"""What a system answered: read from elinker's JSON lines or from the files that the datasets' own scripts take.

Each question has an answer, perhaps supporting facts and triples, and the passages of each retrieval, best first.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elinker.errors import InputError
from elinker.labelled.source import at, json_objects, raise_error
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.overlap import Fact, Triple
from elinker.rag.evaluation.questions import Question
from elinker.whole_file import write_text

_CITATION = re.compile(r"\s*\[\[\d+\]\]")


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was retrieved, by all that it may be named by."""

    passage_id: str
    document_id: str
    title: str

    def named(self, kind: str) -> frozenset[str]:
        """Its names of a kind: `title`, or `id` for those of the passage and of its document."""
        return frozenset([self.title]) if kind == "title" else frozenset([self.passage_id, self.document_id])


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to a question; `answer` is None where the system gave none.

    `facts`, `evidence` and `steps` are None where the system does not say; `steps` has the passages of each retrieval.
    Tokens and seconds are None where they were not counted.
    """

    id: str
    answer: str | None
    facts: frozenset[Fact] | None = None
    evidence: tuple[Triple, ...] | None = None
    steps: tuple[tuple[Found, ...], ...] | None = None
    tokens_read: int | None = None
    tokens_written: int | None = None


def read_predictions(path: Path, questions: Sequence[Question], *, complete: bool = True) -> dict[str, Prediction]:
    """Stored predictions by id of their question; a question may have none.

    A JSON object with `answer` and perhaps `sp` and `evidence` by id is HotpotQA's or 2WikiMultihopQA's; one of
    answers by id is TriviaQA's. Else every line is an answer, as `elinker rag evaluate -o` writes it, or as `elinker
    rag ask --json` does where the line has the `id` of its question besides.

    Args:
        path: the file.
        questions: what was asked.
        complete: whether `questions` are all of their file, so that a prediction for another is an error.

    Raises:
        InputError: a line is broken, an id stands twice, or no prediction, or one too many, is for these questions.
    """
    try:
        found = _read(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    known = {question.id for question in questions}
    others = sorted(found.keys() - known)
    if others and (complete or len(others) == len(found)):
        named = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise InputError(f"{path}: {len(others)} predictions are for no question of the file: {named}")
    return {identifier: prediction for identifier, prediction in found.items() if identifier in known}


def write_official(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write what the scripts of HotpotQA and 2WikiMultihopQA take: `answer`, `sp` and `evidence` by id.

    Raises:
        UsageError: the file cannot be written.
    """
    whole: dict[str, dict[str, Any]] = {
        "answer": {each.id: each.answer or "" for each in predictions},
        "sp": {each.id: sorted(list(fact) for fact in each.facts or ()) for each in predictions},
        "evidence": {each.id: [list(triple) for triple in each.evidence or ()] for each in predictions},
    }
    write_text(path, json.dumps(whole, ensure_ascii=False) + "\n")


def plain(answer: str) -> str:
    """An answer without the `[[n]]` of its citations, which no gold answer has."""
    return _CITATION.sub("", answer).strip()


def prediction(value: Mapping[str, Any]) -> Prediction:
    """A prediction of a line.

    Raises:
        InputError: a field is missing or wrong.
    """
    if not isinstance(value.get("id"), str | int):
        raise InputError("field 'id' is missing: which question is answered?")
    if "text" not in value and "answer" not in value:
        raise InputError("the line has neither 'text' nor 'answer'")
    answer = value["answer"] if "answer" in value else value["text"]
    if answer is not None and not isinstance(answer, str):
        raise InputError("the answer is no text")
    if answer is not None and "citations" in value:
        answer = plain(answer)
    steps = value.get("steps")
    return Prediction(
        id=str(value["id"]),
        answer=answer,
        facts=None if value.get("supporting_facts") is None else _facts(value["supporting_facts"]),
        evidence=None if value.get("evidence") is None else _triples(value["evidence"]),
        steps=None if steps is None else tuple(_step(step) for step in _list(steps, "steps")),
        tokens_read=_count(value, "tokens_read"),
        tokens_written=_count(value, "tokens_written"),
    )


def _read(path: Path) -> dict[str, Prediction]:
    if (whole := _one_object(path)) is not None:
        found = _official(path, whole) if isinstance(whole.get("answer"), dict) else _answers(path, whole)
    else:
        found = {}
        for number, value in json_objects(path, raise_error):
            try:
                one = prediction(value)
                if one.id in found:
                    raise InputError(f"a second answer to question {one.id!r}")
            except InputError as error:
                raise at(path, number, error) from None
            found[one.id] = one
    if not found:
        raise InputError(f"{path}: no predictions")
    return found


def _one_object(path: Path) -> dict[str, Any] | None:
    """The JSON object that a file is; None for JSON lines, also for a single one."""
    with path.open("rb") as file:
        first = file.readline()
        more = file.read(1)
    if more and first.strip() not in (b"{", b""):
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "id" not in value else None


def _official(path: Path, whole: dict[str, Any]) -> dict[str, Prediction]:
    parts = {name: whole.get(name, {}) for name in ("answer", "sp", "evidence")}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise InputError(f"{path}: {name!r} is no object")
    found = {}
    for identifier in dict.fromkeys([*parts["answer"], *parts["sp"], *parts["evidence"]]):
        answer = parts["answer"].get(identifier)
        if answer is not None and not isinstance(answer, str):
            raise InputError(f"{path}: the answer to question {identifier!r} is no text")
        try:
            facts = _facts(parts["sp"][identifier]) if identifier in parts["sp"] else None
            evidence = _triples(parts["evidence"][identifier]) if identifier in parts["evidence"] else None
        except InputError as error:
            raise InputError(f"{path}: question {identifier!r}: {error.message}") from None
        found[identifier] = Prediction(identifier, answer, facts, evidence)
    return found


def _answers(path: Path, whole: dict[str, Any]) -> dict[str, Prediction]:
    for identifier, answer in whole.items():
        if not isinstance(answer, str):
            raise InputError(f"{path}: the answer to question {identifier!r} is no text")
    return {identifier: Prediction(identifier, answer) for identifier, answer in whole.items()}


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"field {name!r} is not a list")
    return value


def _facts(value: Any) -> frozenset[Fact]:
    pairs = fields.pairs(value, "supporting_facts")
    if not all(isinstance(title, str) and isinstance(index, int) for title, index in pairs):
        raise InputError("supporting facts are not pairs of a title and the index of a sentence")
    return frozenset(pairs)


def _triples(value: Any) -> tuple[Triple, ...]:
    listed = _list(value, "evidence")
    if not all(isinstance(one, list) and [type(part) for part in one] == [str] * 3 for one in listed):
        raise InputError("evidence is not a list of triples of texts")
    return tuple((one[0], one[1], one[2]) for one in listed)


def _step(value: Any) -> tuple[Found, ...]:
    passages = value.get("passages") if isinstance(value, dict) else value
    return tuple(_found(one) for one in _list(passages, "steps"))


def _found(value: Any) -> Found:
    """A passage by its id alone, or as an object; one that stands inside `passage` is with its score."""
    if isinstance(value, str):
        return Found(value, value, value)
    inner = value.get("passage", value) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise InputError("field 'steps' has a passage that is neither id nor object")
    identifier = fields.identifier(inner, "id", "")
    return Found(
        identifier, fields.identifier(inner, "document_id", identifier), fields.optional_text(inner, "title") or ""
    )


def _count(value: Mapping[str, Any], name: str) -> int | None:
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
