"""TriviaQA (Joshi et al. 2017; https://nlp.cs.washington.edu/triviaqa): one JSON object whose `Data` is a list.

A question has `QuestionId`, `Question` and an `Answer` with `Value`, `Aliases`, `NormalizedAliases` and perhaps
`HumanAnswers`. The pages of `EntityPages` and `SearchResults` are named by file and lie elsewhere, so they are not
read. Of a file with `VerifiedEval` only the questions that are part of it count. A question counts once here; the
official script counts each pair of question and page in the web domain.
"""

from collections.abc import Iterator
from typing import Any

from elinker.errors import InputError
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.normalisation import TRIVIAQA
from elinker.rag.evaluation.questions import Question


def recognises(value: dict[str, Any]) -> bool:
    """Whether a whole file is one of TriviaQA."""
    return isinstance(value.get("Data"), list)


def objects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The questions of a file that count."""
    for one in value["Data"]:
        if not (value.get("VerifiedEval") and isinstance(one, dict)) or one.get("QuestionPartOfVerifiedEval", True):
            yield one


def question(value: dict[str, Any]) -> Question:
    """A question. Exact match and F1 are over normalised aliases and human answers, `match` over value and aliases.

    Raises:
        InputError: a field is missing or wrong.
    """
    answer = value.get("Answer")
    if answer is not None and not isinstance(answer, dict):
        raise InputError("field 'Answer' is no object")
    answer = answer or {}
    raw = [fields.text(answer, "Value"), *fields.texts(answer.get("Aliases"), "Aliases")] if answer else []
    human = fields.texts(answer.get("HumanAnswers"), "HumanAnswers")
    normalised = fields.texts(answer.get("NormalizedAliases"), "NormalizedAliases")
    return Question(
        id=fields.identifier(value, "QuestionId", ""),
        text=fields.text(value, "Question"),
        answers=tuple(dict.fromkeys([*(normalised or raw), *human])),
        ruler=TRIVIAQA,
        raw_answers=tuple(dict.fromkeys([*raw, *human])),
        type=fields.optional_text(answer, "Type"),
    )
