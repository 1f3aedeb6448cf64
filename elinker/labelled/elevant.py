"""ELEVANT's benchmark format, an article a line.

The format: https://github.com/ad-freiburg/elevant/blob/main/docs/data_formats.md (its article format with `labels`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, StrictInt, StrictStr, ValidationError

from elinker.corpus.formats.identifiers import is_qid
from elinker.corpus.formats.mention_types import MENTION_TYPES
from elinker.errors import InputError, first_problem
from elinker.labelled.mentions import first_object, gold_document, gold_mention
from elinker.labelled.source import Reject, at, json_objects
from elinker.schema import Document, Mention

ALTERNATIVES = "alternatives"
"""Key of `meta`: the labels with a `parent`, objects with `start`, `end`, `text`, `entity_id`, `label`."""
EVALUATION_SPAN = "evaluation_span"
"""Key of `meta`: `[start, end]`, the part of the text that is scored."""


class _Label(BaseModel):
    span: tuple[StrictInt, StrictInt]
    entity_id: StrictStr | None = None
    name: StrictStr | None = None
    parent: StrictInt | StrictStr | None = None
    type: StrictStr | None = None


class _Article(BaseModel):
    id: StrictInt | StrictStr
    text: StrictStr
    labels: list[_Label]
    title: StrictStr | None = None
    evaluation_span: tuple[StrictInt, StrictInt] | None = None


def recognises(path: Path, head: str) -> bool:
    """Whether the first line has a text and labels."""
    return {"text", "labels"} <= first_object(head).keys()


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """The labels without a `parent` are the mentions; those with one go to `meta["alternatives"]`.

    An `entity_id` that is not a plain Wikidata QID (`Unknown…`, `<NIL>`, `<NO_MAPPING>`, null) is no id. `title`,
    `evaluation_span` and `mention_types` are in `meta` where the article has them.
    """
    for number, value in json_objects(path, reject):
        try:
            yield _document(value)
        except InputError as error:
            reject(at(path, number, error))


def _document(value: dict[str, Any]) -> Document:
    try:
        article = _Article.model_validate(value)
    except ValidationError as error:
        raise InputError(f"field {first_problem(error)}", hint="the line is not an article of ELEVANT") from None
    meta: dict[str, Any] = {}
    if article.title:
        meta["title"] = article.title
    if article.evaluation_span is not None:
        meta[EVALUATION_SPAN] = list(article.evaluation_span)
    alternatives = [_mention(article.text, label) for label in article.labels if label.parent is not None]
    if alternatives:
        meta[ALTERNATIVES] = [
            {"start": one.start, "end": one.end, "text": one.text, "entity_id": one.entity_id, "label": one.label}
            for one in alternatives
        ]
    outer = sorted((label for label in article.labels if label.parent is None), key=_in_order)
    if any(label.type for label in outer):
        meta[MENTION_TYPES] = [label.type.split("|") if label.type else [] for label in outer]
    return gold_document(str(article.id), article.text, (_mention(article.text, label) for label in outer), meta)


def _in_order(label: _Label) -> tuple[int, int]:
    """The order of `gold_document`, so that the types stay beside their mentions."""
    start, end = label.span
    return start, -end


def _mention(text: str, label: _Label) -> Mention:
    known = label.entity_id is not None and is_qid(label.entity_id)
    return gold_mention(text, *label.span, label.entity_id if known else None, label.name)
