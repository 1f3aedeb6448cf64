"""Stored predictions of any linker: read from ELEVANT's `linked_articles` or elinker's JSONL, written as the former.

The format: https://github.com/ad-freiburg/elevant, docs/our_jsonl_format.md. An article is an object on a line, with
`id`, `title`, `text` and `entity_mentions`. Each of these has a `span`, the predicted entity's `id` (absent where the
linker gave none), `recognized_by`, `linked_by` and `candidates`, a list of ids.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, StrictInt, StrictStr, ValidationError

from elinker.errors import InputError, first_problem
from elinker.evaluation.gold import GoldDocument
from elinker.labelled.source import at, json_objects
from elinker.schema import Candidate, Document, Mention
from elinker.whole_file import write_text

LINKER = "elinker"
"""What is written as `recognized_by` and `linked_by`."""

_NAMED = 3
_NO_ENTITY = ("", "NIL", "<NIL>")
_UNKNOWN = "Unknown"


class _EntityMention(BaseModel):
    span: tuple[StrictInt, StrictInt]
    id: StrictStr | None = None
    candidates: list[StrictStr] = []


class _LinkedArticle(BaseModel):
    id: StrictInt | StrictStr
    text: StrictStr
    entity_mentions: list[_EntityMention] = []


def read_predictions(path: Path, gold: Sequence[GoldDocument], *, complete: bool = True) -> list[Document]:
    """Stored predictions for `gold`, in its order, found by document id.

    A line with `mentions` is elinker's; one with `entity_mentions`, or with neither, is ELEVANT's, which leaves the key
    out where a linker found nothing. `complete` says that `gold` is the whole benchmark, so that a document that is not
    in it is an error too.

    Raises:
        InputError: a line is broken, no line holds predictions, an id stands twice on either side, or the two sides do
            not have the same documents.
    """
    predictions: dict[str, Document] = {}
    any_predictions = False
    for number, value in json_objects(path, _raise):
        any_predictions = any_predictions or "mentions" in value or "entity_mentions" in value
        try:
            document = Document.from_json(value) if "mentions" in value else _linked(value)
        except InputError as error:
            raise at(path, number, error) from None
        if document.id in predictions:
            raise at(path, number, InputError(f"a second document {document.id!r}"))
        predictions[document.id] = document
    if not any_predictions:
        raise InputError(
            f"{path}: no line has 'mentions' or 'entity_mentions'", hint="the file holds no predictions of a linker"
        )
    ids = [document.id for document in gold]
    if len(set(ids)) < len(ids):
        raise InputError("the benchmark has two documents of one id", hint="predictions are matched by document id")
    _check_complete(path, ids, predictions, complete=complete)
    return [predictions[identifier] for identifier in ids]


def write_predictions(path: Path, gold: Sequence[GoldDocument], predicted: Sequence[Document]) -> None:
    """Write predictions as ELEVANT's `linked_articles`, an article a line, in the order of `gold`.

    ELEVANT wants numbers as article ids: an id of digits is written as a number. The scores of mentions and candidates
    have no place in the format.

    Raises:
        UsageError: the file cannot be written.
    """
    lines = (json.dumps(_article(*pair), ensure_ascii=False) for pair in zip(gold, predicted, strict=True))
    write_text(path, "".join(f"{line}\n" for line in lines))


def _linked(value: Mapping[str, Any]) -> Document:
    try:
        article = _LinkedArticle.model_validate(value)
    except ValidationError as error:
        raise InputError(f"field {first_problem(error)}", hint="the line is not a linked article of ELEVANT") from None
    mentions = sorted((_mention(article.text, one) for one in article.entity_mentions), key=lambda one: one.start)
    return Document(str(article.id), article.text, tuple(mentions))


def _mention(text: str, mention: _EntityMention) -> Mention:
    start, end = mention.span
    named = mention.id is not None and mention.id not in _NO_ENTITY and not mention.id.startswith(_UNKNOWN)
    return Mention(
        start,
        end,
        text[start:end],
        entity_id=mention.id if named else None,
        candidates=tuple(Candidate(identifier, "", 0.0) for identifier in mention.candidates),
    )


def _article(gold: GoldDocument, predicted: Document) -> dict[str, Any]:
    number = gold.id.isascii() and gold.id.isdigit() and str(int(gold.id)) == gold.id
    return {
        "id": int(gold.id) if number else gold.id,
        "title": gold.title,
        "text": predicted.text,
        "evaluation_span": list(gold.evaluation_span or (0, len(gold.text))),
        "entity_mentions": [
            {
                "span": [mention.start, mention.end],
                "recognized_by": LINKER,
                **({"id": mention.entity_id, "linked_by": LINKER} if mention.entity_id is not None else {}),
                "candidates": [candidate.entity_id for candidate in mention.candidates],
            }
            for mention in predicted.mentions
        ],
    }


def _check_complete(path: Path, ids: Sequence[str], predictions: Mapping[str, Document], *, complete: bool) -> None:
    missing = [identifier for identifier in ids if identifier not in predictions]
    if missing:
        raise InputError(
            f"{path}: no prediction for {len(missing)} of {len(ids)} documents: {_few(missing)}",
            hint="give every document a line, also where nothing was found; --limit shortens the benchmark",
        )
    wanted = set(ids)
    extra = [identifier for identifier in predictions if identifier not in wanted] if complete else []
    if extra:
        raise InputError(
            f"{path}: {len(extra)} documents are not in the benchmark: {_few(extra)}",
            hint="the predictions are of another benchmark, or of more than this file of it",
        )


def _few(ids: Sequence[str]) -> str:
    named = ", ".join(repr(identifier) for identifier in ids[:_NAMED])
    return f"{named}, …" if len(ids) > _NAMED else named


def _raise(error: InputError) -> NoReturn:
    raise error
