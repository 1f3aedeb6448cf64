"""Labelled texts as gold documents: what `elinker.labelled` reads, as it is scored. No format is read here."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from elinker.corpus.formats.mention_types import MENTION_TYPES
from elinker.errors import InputError
from elinker.evaluation.gold import GoldDocument, GoldMention, Span
from elinker.labelled import read_labelled
from elinker.labelled.elevant import ALTERNATIVES, EVALUATION_SPAN
from elinker.schema import Document


def read_benchmark(path: Path, *, format: str | None = None, limit: int | None = None) -> list[GoldDocument]:
    """The gold documents of a file, at most `limit` of them; without `format` the content tells the format.

    Raises:
        InputError: the file cannot be read, its format cannot be told, it holds no document, or a line is broken; the
            message names file and line.
        UsageError: there is no such format.
    """
    read = [gold_document(document) for document in islice(read_labelled(path, format=format), limit)]
    if not read:
        raise InputError(f"{path}: no documents")
    return read


def gold_document(document: Document) -> GoldDocument:
    """A labelled text as a gold document.

    Four keys of its `meta` have a meaning here, as the reader of ELEVANT sets them: `title`, `alternatives`,
    `evaluation_span` and `mention_types`.

    Raises:
        InputError: one of these keys does not hold what it should.
    """
    meta = document.meta
    types = _types(document, meta.get(MENTION_TYPES))
    title = meta.get("title")
    try:
        alternatives = tuple(_alternative(value) for value in meta.get(ALTERNATIVES, ()))
        evaluation_span = _span(meta[EVALUATION_SPAN]) if meta.get(EVALUATION_SPAN) is not None else None
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"document {document.id!r}: meta {ALTERNATIVES!r} or {EVALUATION_SPAN!r} has another form than ELEVANT's",
            hint="docs/labelled-texts.md describes them; rename the keys if they mean something else",
        ) from None
    return GoldDocument(
        id=document.id,
        text=document.text,
        mentions=tuple(
            GoldMention(mention.start, mention.end, mention.entity_id or None, label=mention.label, types=own)
            for mention, own in zip(document.mentions, types, strict=True)
        ),
        alternatives=alternatives,
        evaluation_span=evaluation_span,
        title=title if isinstance(title, str) else "",
    )


def _alternative(value: Mapping[str, Any]) -> GoldMention:
    entity_id, label = value.get("entity_id"), value.get("label")
    return GoldMention(*_span((value["start"], value["end"])), entity_id or None, label=label)


def _span(value: Any) -> Span:
    start, end = value
    return int(start), int(end)


def _types(document: Document, value: Any) -> list[tuple[str, ...]]:
    if value is None:
        return [()] * len(document.mentions)
    rows = (
        [tuple(row) for row in value] if isinstance(value, list) and all(isinstance(row, list) for row in value) else []
    )
    if len(rows) != len(document.mentions) or not all(isinstance(name, str) for row in rows for name in row):
        raise InputError(f"document {document.id!r}: meta {MENTION_TYPES!r} is not a list of strings for every mention")
    return rows
