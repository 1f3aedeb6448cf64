"""What elinker adds to a mention in other people's JSON, and the checks that reading such JSON needs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elinker.errors import InputError
from elinker.schema import Document, Mention


def details(mention: Mention) -> dict[str, Any]:
    """The id, label, score and candidates of a mention as in elinker's JSON lines."""
    (value,) = Document("", mention.text, (replace(mention, start=0, end=len(mention.text)),)).to_json()["mentions"]
    return {name: value[name] for name in ("entity_id", "label", "score", "candidates")}


def with_details(mention: Mention, value: Any) -> Mention:
    """The mention with the details that were written with it, if these are of the same entity.

    An annotator may have corrected the entity, and then what was said of another one does not hold.

    Raises:
        InputError: they are not what `details` writes.
    """
    if not isinstance(value, Mapping) or value.get("entity_id") != mention.entity_id:
        return mention
    fields = {"start": 0, "end": len(mention.text), "text": mention.text}
    found = {name: value[name] for name in ("entity_id", "label", "score", "candidates") if name in value}
    (known,) = Document.from_json({"id": "", "text": mention.text, "mentions": [{**fields, **found}]}).mentions
    return replace(known, start=mention.start, end=mention.end)


def object_of(value: Any, name: str) -> dict[str, Any]:
    """The value, which must be a JSON object.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, dict):
        raise InputError(f"{name} is not a JSON object")
    return value


def list_of(value: Any, name: str) -> list[Any]:
    """The value, which must be a list or missing.

    Raises:
        InputError: it is neither.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{name!r} is not a list")
    return value


def string_of(value: Any, name: str) -> str:
    """The value, which must be a string.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, str):
        raise InputError(f"{name!r} is not a string")
    return value


def span_of(value: Mapping[str, Any], text: str) -> tuple[int, int]:
    """`start` and `end` of a value, which must be a span of the text in characters.

    Raises:
        InputError: they are not.
    """
    start, end = value.get("start"), value.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise InputError(
            f"span {start!r}:{end!r} is not in the text of {len(text)} characters",
            hint="offsets count characters (Unicode code points) of the text, the end is exclusive",
        )
    return start, end
