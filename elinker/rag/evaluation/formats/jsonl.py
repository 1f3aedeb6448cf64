"""elinker's own questions, JSON lines, and Self-RAG's of PopQA and TriviaQA, whose keys are among ours.

| key | |
| --- | --- |
| `question` | what is asked |
| `answers` | gold answers, any of which is right; `possible_answers` and a text `answer` are read too |
| `id` | else `file:line` |
| `hops` | for each hop a list of ids of passages or documents (any of which will do), or an object with `passages` |
| `type` | kind of question |
| `answerable` | false where the passages do not hold the answer; `answers` is then what is to be said |
| `ctxs` | the question's own passages: objects with `title` and `text`, perhaps `id` |
"""

from typing import Any

from elinker.errors import InputError
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.normalisation import HOTPOTQA
from elinker.rag.evaluation.questions import Page, Question


def recognises(value: dict[str, Any]) -> bool:
    """Whether an object asks something."""
    return "question" in value


def question(value: dict[str, Any], default_id: str) -> Question:
    """A question.

    Raises:
        InputError: a field is missing or wrong.
    """
    answerable = value.get("answerable", True)
    if not isinstance(answerable, bool):
        raise InputError("field 'answerable' is neither true nor false")
    return Question(
        id=fields.identifier(value, "id", default_id),
        text=fields.text(value, "question"),
        answers=_answers(value),
        ruler=HOTPOTQA,
        type=fields.optional_text(value, "type"),
        hops=_hops(value.get("hops")),
        answerable=answerable,
        pages=_pages(value.get("ctxs")),
    )


def _answers(value: dict[str, Any]) -> tuple[str, ...]:
    name = next((name for name in ("answers", "possible_answers", "answer") if value.get(name) is not None), "answers")
    found = value.get(name)
    if isinstance(found, str) and name == "answer":
        return (found,)
    return fields.texts(found, name)


def _hops(value: Any) -> tuple[frozenset[str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InputError("field 'hops' is not a list")
    return tuple(_ids(hop, index) for index, hop in enumerate(value))


def _ids(hop: Any, index: int) -> frozenset[str]:
    ids = hop.get("passages") if isinstance(hop, dict) else hop
    listed = [ids] if isinstance(ids, str) else ids
    found = fields.texts(listed, f"hops.{index}")
    if not found:
        raise InputError(f"field 'hops.{index}' names no passage")
    return frozenset(found)


def _pages(value: Any) -> tuple[Page, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InputError("field 'ctxs' is not a list of passages")
    pages = []
    for one in value:
        text = fields.text(one, "text")
        title = fields.optional_text(one, "title") or ""
        pages.append(Page(title, text, ((0, len(text)),), fields.identifier(one, "id", "") or None))
    return tuple(pages)
