"""ARC (Clark et al. 2018; https://allenai.org/data/arc): multiple choice, JSON lines.

The publisher's form: `id`, `answerKey`, and a `question` with `stem` and `choices` (objects with `text` and `label`).
The form of the Hugging Face hub, which Self-RAG's files have too: `question` is the stem, and `choices` has a list
`text` and a list `label`. Labels 1 to 5 become A to E. The pipeline is asked as Self-RAG asks (arXiv 2310.11511,
appendix A): a sentence on what to do, the question, a line a choice.
"""

from typing import Any

from elinker.errors import InputError
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.questions import Question

TASK = "Given four answer candidates, A, B, C and D, choose the best answer choice."
"""What Self-RAG's checkpoints were trained to read before such a question."""

_LETTERS = dict(zip("12345", "ABCDE", strict=True))


def recognises(value: dict[str, Any]) -> bool:
    """Whether an object is a multiple-choice question in one of the two forms."""
    return "answerKey" in value and ("choices" in value or isinstance(value.get("question"), dict))


def question(value: dict[str, Any], default_id: str) -> Question:
    """A question with its choices; the gold answer is a label.

    Raises:
        InputError: a field is missing or wrong.
    """
    inner = value["question"] if isinstance(value.get("question"), dict) else value
    stem = fields.text(inner, "stem" if inner is not value else "question")
    choices = {_LETTERS.get(label, label): text for label, text in _choices(inner.get("choices"))}
    key = fields.optional_text(value, "answerKey")
    answer = None if not key else _LETTERS.get(key, key)
    if answer is not None and answer not in choices:
        raise InputError(f"'answerKey' {key!r} is none of the choices")
    lines = [stem, *(f"{label}: {text}" for label, text in choices.items())]
    return Question(
        id=fields.identifier(value, "id", default_id),
        text=f"{TASK}\n\n### Input:\n" + "\n".join(lines),
        answers=() if answer is None else (answer,),
        choices={label: (text,) for label, text in choices.items()},
    )


def _choices(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        labels, found = fields.texts(value.get("label"), "label"), fields.texts(value.get("text"), "text")
        if len(labels) != len(found):
            raise InputError(f"{len(labels)} labels for {len(found)} choices")
        pairs = list(zip(labels, found, strict=True))
    elif isinstance(value, list) and all(isinstance(one, dict) for one in value):
        pairs = [(fields.text(one, "label"), str(fields.optional_text(one, "text") or "")) for one in value]
    else:
        raise InputError("field 'choices' is neither a list nor an object")
    if not pairs:
        raise InputError("field 'choices' is empty")
    return pairs
