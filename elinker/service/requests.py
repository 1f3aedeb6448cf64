"""The JSON of requests: pydantic models, and the `Document`s that they mean. Nothing is linked here."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from elinker.schema import Document, Mention
from elinker.service.limits import NEAREST, QUERY_CHARACTERS, Limits
from elinker.service.refusals import Refusal, too_large
from elinker.service.work import nesting

Text = Annotated[str, Field(description="Offsets count its characters, Unicode code points.")]
Identifier = Annotated[str | None, Field(description="Comes back with the document; by default its number from 0.")]
Meta = Annotated[dict[str, Any], Field(description="Whatever else belongs to the document; it comes back as it is.")]
KeepNil = Annotated[bool, Field(description="Keep mentions that are linked to nothing.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class GivenDocument(_Body):
    """A text with an id and other fields of its owner."""

    text: Text
    id: Identifier = None
    meta: Meta = {}


class Span(BaseModel):
    """A mention that is given; other fields, such as those of an earlier answer, are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    start: int = Field(ge=0, description="First character.")
    end: int = Field(ge=1, description="One past the last character.")
    text: str | None = Field(default=None, description="Where it is given, it must be the text at start:end.")


class SpannedDocument(GivenDocument):
    """A text and the spans in it that are to be linked."""

    mentions: list[Span]


def _text_or_document(value: Any) -> str:
    return "(text)" if isinstance(value, str) else "(document)"


def _one_or_many(value: Any) -> str:
    return "(many)" if isinstance(value, dict) and "documents" in value else "(one)"


class AnnotateOne(GivenDocument):
    """One text to annotate."""

    keep_nil: KeepNil = False


class AnnotateMany(_Body):
    """Texts to annotate, as strings or as documents."""

    documents: list[
        Annotated[
            Annotated[str, Tag("(text)")] | Annotated[GivenDocument, Tag("(document)")],
            Discriminator(_text_or_document),
        ]
    ]
    keep_nil: KeepNil = False


class DisambiguateMany(_Body):
    """Texts with spans."""

    documents: list[SpannedDocument]


AnnotateBody = Annotated[
    Annotated[AnnotateOne, Tag("(one)")] | Annotated[AnnotateMany, Tag("(many)")], Discriminator(_one_or_many)
]
DisambiguateBody = Annotated[
    Annotated[SpannedDocument, Tag("(one)")] | Annotated[DisambiguateMany, Tag("(many)")], Discriminator(_one_or_many)
]
Query = Annotated[
    str, Field(min_length=1, max_length=QUERY_CHARACTERS, description="A name, or a few words about an entity.")
]
HowMany = Annotated[int, Field(ge=1, le=NEAREST, description="How many entities to answer of each kind.")]


class SearchBody(_Body):
    """What to look for in the base."""

    text: Query
    k: HowMany = 10


class QuestionBody(_Body):
    """A question that is answered from the passages of the index."""

    question: str = Field(min_length=1, max_length=QUERY_CHARACTERS)
    entities: list[str] = Field(
        default=[], max_length=NEAREST, description="Only passages that mention one of these; empty for all."
    )


def documents_to_annotate(body: AnnotateOne | AnnotateMany, limits: Limits) -> list[Document]:
    """The documents of a body; those without an id have their number.

    Raises:
        Refusal: 413 for too many documents, or one that is too long.
    """
    given = [body] if isinstance(body, AnnotateOne) else body.documents
    documents = [
        Document(str(number), one) if isinstance(one, str) else _document(one, number, ())
        for number, one in enumerate(given)
    ]
    _check(documents, limits, single=isinstance(body, AnnotateOne))
    return documents


def documents_to_disambiguate(body: SpannedDocument | DisambiguateMany, limits: Limits) -> list[Document]:
    """The documents of a body with their spans as mentions, in order of start.

    Raises:
        Refusal: 413 as for `documents_to_annotate` and for too many spans; 422 for spans that the text does not have.
    """
    single = isinstance(body, SpannedDocument)
    given = [body] if isinstance(body, SpannedDocument) else body.documents
    documents = []
    for number, one in enumerate(given):
        where = _field(number, "mentions", single=single)
        if len(one.mentions) > limits.mentions:
            raise too_large(where, len(one.mentions), limits.mentions, "spans", field=where)
        mentions = [_mention(span, one.text, f"{where}[{place}]") for place, span in enumerate(one.mentions)]
        documents.append(_document(one, number, sorted(mentions, key=lambda mention: (mention.start, mention.end))))
        if (deepest := nesting(documents[-1])) > limits.nested:
            raise too_large(where, deepest, limits.nested, "spans over one character", field=where)
    _check(documents, limits, single=single)
    return documents


def _document(given: GivenDocument, number: int, mentions: Sequence[Mention]) -> Document:
    return Document(str(number) if given.id is None else given.id, given.text, tuple(mentions), given.meta)


def _mention(span: Span, text: str, field: str) -> Mention:
    surface = text[span.start : span.end]
    if not span.start < span.end <= len(text):
        raise Refusal(
            422,
            f"{field}: {span.start}:{span.end} is no span of a text of {len(text)} characters",
            "offsets count characters, not bytes or UTF-16 units",
            field=field,
        )
    if span.text is not None and span.text != surface:
        raise Refusal(
            422,
            f"{field}: the text at {span.start}:{span.end} is {surface[:50]!r}, not {span.text[:50]!r}",
            "offsets count characters, not bytes or UTF-16 units",
            field=field,
        )
    return Mention(span.start, span.end, surface)


def _check(documents: Sequence[Document], limits: Limits, *, single: bool) -> None:
    if len(documents) > limits.documents:
        raise too_large("the request", len(documents), limits.documents, "documents", field="documents")
    for number, document in enumerate(documents):
        if len(document.text) > limits.text_characters:
            field = _field(number, "text", single=single)
            raise too_large(field, len(document.text), limits.text_characters, "characters", field=field)


def _field(number: int, name: str, *, single: bool) -> str:
    return name if single else f"documents[{number}].{name}"
