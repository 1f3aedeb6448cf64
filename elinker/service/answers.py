"""The JSON of answers: the bytes of documents and entities, and pydantic models that describe them in the OpenAPI."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from elinker.corpus.formats.jsonl import encode
from elinker.errors import InputError
from elinker.schema import Document, Entity
from elinker.service.refusals import Refusal
from elinker.service.work import Found


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CandidateAnswer(_Answer):
    """An entity that a mention may refer to."""

    entity_id: str
    label: str
    score: float = Field(description="Cosine of mention and entity.")


class MentionAnswer(_Answer):
    """A named span and what it refers to."""

    start: int
    end: int
    text: str
    entity_id: str | None = Field(description="null for NIL.")
    label: str | None
    score: float = Field(description="Probability that the first candidate is right.")
    candidates: list[CandidateAnswer] = Field(description="Best first.")


class DocumentAnswer(_Answer):
    """A document as `elinker annotate` writes it."""

    version: int = Field(alias="schema")
    id: str
    text: str
    mentions: list[MentionAnswer]
    meta: dict[str, Any]


class DocumentsAnswer(_Answer):
    """The documents of the request, in its order."""

    documents: list[DocumentAnswer]


class EntityAnswer(_Answer):
    """An entity of the base."""

    id: str
    label: str
    aliases: list[str]
    description: str
    types: list[str]
    url: str | None
    score: float | None = Field(description="Cosine to the query; null for an entity found by its name.")


class SearchAnswer(_Answer):
    """What a text found."""

    text: str
    named: list[EntityAnswer] = Field(description="Entities that bear the text as a name.")
    nearest: list[EntityAnswer] = Field(description="Entities whose vectors are nearest to the text, best first.")


class CitationAnswer(_Answer):
    """What `[[number]]` in an answer rests on."""

    number: int
    passage_id: str
    document_id: str
    title: str
    start: int = Field(description="First character of the passage.")
    end: int
    text: str


class RetrievedAnswer(_Answer):
    """A passage that was found and read."""

    id: str
    document_id: str
    title: str
    text: str
    start: int = Field(description="First character of the document.")
    end: int
    entities: list[str]
    score: float
    sentence: list[int] | None


class StepAnswer(_Answer):
    """A sub-question and what it found."""

    query: str
    passages: list[RetrievedAnswer]
    tokens_read: int
    tokens_written: int


class QuestionAnswer(_Answer):
    """The answer to a question as `elinker rag ask --json` writes it."""

    question: str
    answer: str | None = Field(description="null where none was written.")
    stop: str
    citations: list[CitationAnswer]
    entities: list[str]
    steps: list[StepAnswer]
    tokens_read: int
    tokens_written: int


class ErrorDetail(_Answer):
    """What is wrong and what to do."""

    status: int
    message: str
    hint: str
    field: str | None = None


class ErrorAnswer(_Answer):
    """The body of every answer with a status of 400 and above."""

    error: ErrorDetail


def line(document: Document) -> bytes:
    """A document as the JSON that `elinker annotate` writes, without a line end.

    Raises:
        Refusal: 422 where `meta` has what JSON has not, such as a number beyond all bounds.
    """
    try:
        return encode(document.to_json())
    except InputError as error:
        raise Refusal(422, f"document {document.id[:50]!r}: {error.message}", "leave that out of meta") from None


def documents_json(lines: Iterable[bytes]) -> bytes:
    """A `DocumentsAnswer` of documents that are JSON already, each on a line of its own."""
    return b'{"documents": [' + b",\n".join(lines) + b"]}\n"


def search_json(text: str, found: Found, url: Callable[[str], str | None]) -> bytes:
    """A `SearchAnswer`; `url` gives the address of an entity's id."""
    answer = {
        "text": text,
        "named": [_entity(entity, None, url) for entity in found.named],
        "nearest": [_entity(entity, score, url) for entity, score in found.nearest],
    }
    return encode(answer) + b"\n"


def _entity(entity: Entity, score: float | None, url: Callable[[str], str | None]) -> dict[str, Any]:
    return {
        "id": entity.id,
        "label": entity.label,
        "aliases": list(entity.aliases),
        "description": entity.description,
        "types": list(entity.types),
        "url": url(entity.id),
        "score": None if score is None else round(score, 4),
    }
