"""One line of ELEVANT's benchmark JSONL as a gold document.

The format: https://github.com/ad-freiburg/elevant/blob/main/docs/data_formats.md (its article format with `labels`).
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, StrictInt, StrictStr, ValidationError

from elinker.errors import InputError
from elinker.evaluation.gold import GoldDocument, GoldMention

_QID = re.compile(r"Q[1-9][0-9]*")


class _Label(BaseModel):
    span: tuple[StrictInt, StrictInt]
    entity_id: StrictStr | None = None
    parent: StrictInt | StrictStr | None = None


class _Article(BaseModel):
    id: StrictInt | StrictStr
    text: StrictStr
    labels: list[_Label]
    evaluation_span: tuple[StrictInt, StrictInt] | None = None


def parse_elevant(value: Mapping[str, Any]) -> GoldDocument:
    """The gold document of one line.

    An `entity_id` that is not a plain Wikidata QID (`Unknown…`, `<NIL>`, `<NO_MAPPING>`, null) is no id. Labels with a
    `parent` become alternatives.

    Raises:
        InputError: a field is missing or of the wrong type, or a span is not in the text.
    """
    try:
        article = _Article.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"field {field!r}: {first['msg']}", hint="the line is not an article of ELEVANT") from None
    return GoldDocument(
        id=str(article.id),
        text=article.text,
        mentions=tuple(_mention(label) for label in article.labels if label.parent is None),
        alternatives=tuple(_mention(label) for label in article.labels if label.parent is not None),
        evaluation_span=article.evaluation_span,
    )


def _mention(label: _Label) -> GoldMention:
    known = label.entity_id is not None and _QID.fullmatch(label.entity_id)
    return GoldMention(*label.span, label.entity_id if known else None)
