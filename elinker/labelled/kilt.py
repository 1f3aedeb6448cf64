"""KILT's entity-linking files (Petroni et al. 2021): JSON lines, each a text with one mention in markers.

The format: https://github.com/facebookresearch/KILT ("KILT data format"); `input` has `[START_ENT]` and `[END_ENT]`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, StrictInt, StrictStr, ValidationError

from elinker.errors import InputError, first_problem
from elinker.labelled.mentions import first_object, gold_document, gold_mention
from elinker.labelled.source import Reject, at, json_objects
from elinker.schema import Document, Mention

WIKIPEDIA_IDS = "wikipedia_ids"
"""Key of `meta`: page ids by title, where the file has them."""

_MARKED = re.compile(r"\[START_ENT\] ?(.+?) ?\[END_ENT\]", re.DOTALL)
_MARKER = re.compile(r"\[(?:START|END)_ENT\]")


class _Page(BaseModel):
    wikipedia_id: StrictStr | StrictInt | None = None
    title: StrictStr | None = None


class _Answer(BaseModel):
    answer: StrictStr | None = None
    provenance: list[_Page] = []


class _Query(BaseModel):
    id: StrictStr | StrictInt
    input: StrictStr
    output: list[_Answer] = []


def recognises(path: Path, head: str) -> bool:
    """Whether the first line has an input with a marked mention."""
    marked = first_object(head).get("input")
    return isinstance(marked, str) and _MARKED.search(marked) is not None


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """Lines that follow one another with the same text become one document, which has the id of the first.

    The entity is the title of the first answer that names a page, or its `answer`.
    """
    current: Document | None = None
    for number, value in json_objects(path, reject):
        try:
            read = _document(value)
        except InputError as error:
            reject(at(path, number, error))
            continue
        if current is None or read.text != current.text:
            if current is not None:
                yield current
            current = read
        else:
            current = _merged(current, read)
    if current is not None:
        yield current


def _merged(first: Document, second: Document) -> Document:
    mentions = first.mentions + tuple(mention for mention in second.mentions if mention not in first.mentions)
    pages = {**first.meta.get(WIKIPEDIA_IDS, {}), **second.meta.get(WIKIPEDIA_IDS, {})}
    return gold_document(first.id, first.text, mentions, {WIKIPEDIA_IDS: pages} if pages else {})


def _document(value: dict[str, Any]) -> Document:
    try:
        query = _Query.model_validate(value)
    except ValidationError as error:
        raise InputError(f"field {first_problem(error)}", hint="the line is not an entry of KILT") from None
    marked = _MARKED.search(query.input)
    if marked is None or len(_MARKER.findall(query.input)) != 2:
        raise InputError("the input does not have one mention between [START_ENT] and [END_ENT]")
    before, after = query.input[: marked.start()], query.input[marked.end() :]
    text = before + marked[1] + after
    mention, pages = _mention(text, len(before), len(before) + len(marked[1]), query.output)
    return gold_document(str(query.id), text, [mention], {WIKIPEDIA_IDS: pages} if pages else {})


def _mention(text: str, start: int, end: int, answers: list[_Answer]) -> tuple[Mention, dict[str, str]]:
    for answer in answers:
        page = next((page for page in answer.provenance if page.title), None)
        title = page.title if page is not None and page.title else answer.answer
        if title:
            number = page.wikipedia_id if page is not None else None
            pages = {} if number is None else {title: str(number)}
            return gold_mention(text, start, end, title, title), pages
    return gold_mention(text, start, end), {}
