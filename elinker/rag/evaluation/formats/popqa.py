"""PopQA (Mallen et al. 2023; https://github.com/AlexTMallen/adaptive-retrieval): a TSV with a header line.

`question` is what is asked, `possible_answers` a JSON list of gold answers, `prop` the relation that the question is
about, which is its type here. Self-RAG's JSON lines of the same questions are read as elinker's own format.
"""

import json

from elinker.errors import InputError
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.questions import Question

COLUMNS = ("question", "possible_answers")
"""What a header must have."""


def question(row: dict[str, str | None], default_id: str) -> Question:
    """A question of a row by its column names.

    Raises:
        InputError: a column is missing or wrong.
    """
    try:
        answers = json.loads(row.get("possible_answers") or "null")
    except ValueError:
        raise InputError("column 'possible_answers' is no JSON list") from None
    return Question(
        id=fields.identifier(dict(row), "id", default_id),
        text=fields.text(dict(row), "question"),
        answers=fields.texts(answers, "possible_answers"),
        type=row.get("prop") or None,
    )
