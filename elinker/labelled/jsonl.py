"""elinker's own JSON lines (docs/formats.md); a mention's `text` and a document's `id` may be absent here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elinker.errors import InputError
from elinker.labelled.mentions import first_object, gold_document
from elinker.labelled.source import Reject, at, json_objects
from elinker.schema import Document

_FIELDS = ("schema", "id", "text", "mentions", "meta")


def recognises(path: Path, head: str) -> bool:
    """Whether the first line has a text and mentions."""
    return {"text", "mentions"} <= first_object(head).keys()


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a line; one without an id gets `file:line`. Fields of the line that are not ours go to `meta`."""
    for number, value in json_objects(path, reject):
        try:
            yield _document(value, f"{path.name}:{number}")
        except InputError as error:
            reject(at(path, number, error))


def _document(value: dict[str, Any], default_id: str) -> Document:
    if "mentions" not in value:
        raise InputError("field 'mentions' is missing")
    identifier = value.get("id")
    own: dict[str, Any] = {name: value[name] for name in ("schema", "text") if name in value}
    own["id"] = default_id if identifier is None else identifier
    own["mentions"] = _with_text(value["mentions"], value.get("text"))
    own["meta"] = _meta(value)
    document = Document.from_json(own)
    for mention in document.mentions:
        if mention.text.isspace():
            raise InputError(f"document {document.id!r}: the mention at {mention.start}:{mention.end} is blank")
    return gold_document(document.id, document.text, document.mentions, dict(document.meta))


def _with_text(mentions: Any, text: Any) -> Any:
    """The mentions, those that only have offsets with the text there."""
    if not isinstance(mentions, list) or not isinstance(text, str):
        return mentions
    return [{"text": _slice(text, one), **one} if isinstance(one, dict) else one for one in mentions]


def _slice(text: str, mention: dict[str, Any]) -> str:
    start, end = mention.get("start"), mention.get("end")
    return text[start:end] if isinstance(start, int) and isinstance(end, int) else ""


def _meta(value: dict[str, Any]) -> Any:
    meta = value.get("meta", {})
    others = {name: item for name, item in value.items() if name not in _FIELDS}
    return {**others, **meta} if isinstance(meta, dict) else meta
