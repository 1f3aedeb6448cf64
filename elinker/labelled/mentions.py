"""Gold mentions from spans of a text, and the object on the first line that formats of JSON lines are told by."""

import json
from collections.abc import Iterable
from typing import Any

from elinker.errors import InputError
from elinker.schema import Document, Mention


def gold_mention(text: str, start: int, end: int, entity_id: str | None = None, label: str | None = None) -> Mention:
    """The mention at `start:end`, counted in characters of `text`.

    Raises:
        InputError: the span is empty, holds nothing but whitespace, or reaches beyond the text.
    """
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"span {start}:{end} is not in the text of {len(text)} characters",
            hint="offsets count characters (Unicode code points) of the text, the end is exclusive",
        )
    if text[start:end].isspace():
        raise InputError(f"span {start}:{end} holds nothing but whitespace")
    return Mention(start, end, text[start:end], entity_id, label if entity_id is not None else None)


def gold_document(identifier: str, text: str, mentions: Iterable[Mention], meta: dict[str, Any]) -> Document:
    """The document with its mentions in order, of those that start together the longest first."""
    ordered = sorted(mentions, key=lambda mention: (mention.start, -mention.end))
    return Document(identifier, text, tuple(ordered), meta)


def is_number(text: str) -> bool:
    """Whether a text is a whole number of at most 18 plain digits, as offsets and ids are written."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def first_object(head: str) -> dict[str, Any]:
    """The object on the first line that is not blank; an empty one where there is none, or it is cut off."""
    line = next((line for line in head.split("\n") if line.strip()), "")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
