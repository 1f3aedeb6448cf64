"""PubHealth (Kotonya and Toni 2020; https://github.com/neemakot/Health-Fact-Checking): claims to be judged.

The publisher's form is a TSV with `claim_id`, `claim` and `label` (true, false, mixture, unproven). Self-RAG's form
is JSON lines with `claim` and `answers` (true or false). The pipeline is asked as Self-RAG asks (arXiv 2310.11511,
appendix A).
"""

from typing import Any

from elinker.errors import InputError
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.questions import Question

COLUMNS = ("claim", "label")
"""What a header must have."""

TASK = "Is the following statement correct or not? Say true if it's correct; otherwise say false."
"""What Self-RAG's checkpoints were trained to read before a claim."""

CHOICES = {
    "true": ("true", "supports"),
    "false": ("false", "refutes"),
    "mixture": ("mixture",),
    "unproven": ("unproven",),
}
"""The verdicts, and the words that say the same; FEVER's count as Self-RAG counts them."""


def recognises(value: dict[str, Any]) -> bool:
    """Whether an object is a claim with a verdict."""
    return "claim" in value and ("answers" in value or "label" in value)


def question(value: dict[str, Any], default_id: str) -> Question:
    """A claim; the gold answer is a verdict.

    Raises:
        InputError: a field is missing or wrong, or a verdict is none of the four.
    """
    given = value.get("answers")
    answers = [str(value["label"])] if given is None and value.get("label") else fields.texts(given, "answers")
    verdicts = tuple(answer.strip().lower() for answer in answers)
    if unknown := [verdict for verdict in verdicts if verdict not in CHOICES]:
        raise InputError(f"verdict {unknown[0]!r} is none of {', '.join(CHOICES)}")
    name = "id" if "id" in value else "claim_id"
    return Question(
        id=fields.identifier(value, name, default_id),
        text=f"{TASK}\n\n## Input:\n\n{fields.text(value, 'claim')}",
        answers=verdicts,
        choices={label: CHOICES[label] for label in CHOICES},
    )
