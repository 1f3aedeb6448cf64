"""The W3C's Web Annotation Data Model in JSON-LD: an array with an AnnotationPage for each document.

The recommendation: https://www.w3.org/TR/annotation-model/. Its TextPositionSelector counts code points (section
4.2.5). Web annotations point at texts that lie elsewhere; so that a file is complete, the first annotation of a page
describes the document, and its body is the text.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import unquote

from elinker.corpus.formats.details import details, list_of, object_of, string_of, with_details
from elinker.corpus.formats.identifiers import encoded, entity_of, entity_uri
from elinker.corpus.formats.json_array import ArrayWriter, elements
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
_TERMS = {
    "elinker": "urn:elinker:vocabulary:",
    "elinker:details": {"@type": "@json"},
    "elinker:meta": {"@type": "@json"},
}
"""What the W3C's context has no words for: score and candidates of a mention, meta of a document, as plain JSON."""
_DOCUMENT = "urn:elinker:document:"
_AROUND = 32
"""Characters before and after a mention that a TextQuoteSelector repeats."""


class WebAnnotationWriter:
    """Writes a page a document: the text, then an annotation a mention; NIL is one that only highlights."""

    def __init__(self, stream: BinaryIO) -> None:
        self._array = ArrayWriter(stream)

    def write(self, document: Document) -> None:
        """Add a page; see `Writer.write`."""
        document = sorted_mentions(document)
        source = _DOCUMENT + encoded(document.id)
        body = {"type": "TextualBody", "value": document.text, "format": "text/plain"}
        described = {"type": "Annotation", "motivation": "describing", "body": body, "target": source}
        items = [described, *(_annotation(document, source, *one) for one in typed_mentions(document))]
        page = {"@context": [CONTEXT, _TERMS], "type": "AnnotationPage", "elinker:meta": dict(document.meta)}
        self._array.add({**page, "items": items})

    def finish(self) -> None:
        """End the array."""
        self._array.finish()


def _annotation(document: Document, source: str, mention: Mention, kind: str) -> dict[str, Any]:
    bodies: list[dict[str, Any]] = []
    if mention.entity_id is not None:
        label = {} if mention.label is None else {"label": mention.label}
        entity = entity_uri(mention.entity_id)
        bodies.append({"type": "SpecificResource", "purpose": "identifying", "source": entity, **label})
    if kind != ENTITY:
        bodies.append({"type": "TextualBody", "purpose": "tagging", "value": kind})
    text = document.text
    selectors = [
        {"type": "TextPositionSelector", "start": mention.start, "end": mention.end},
        {
            "type": "TextQuoteSelector",
            "exact": mention.text,
            "prefix": text[max(0, mention.start - _AROUND) : mention.start],
            "suffix": text[mention.end : mention.end + _AROUND],
        },
    ]
    return {
        "type": "Annotation",
        "motivation": "highlighting" if mention.entity_id is None else "identifying",
        **({"body": bodies} if bodies else {}),
        "target": {"source": source, "selector": selectors},
        "elinker:details": details(mention),
    }


def recognises(head: bytes) -> bool:
    """Whether the file speaks of the W3C's context."""
    return CONTEXT.encode() in head


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document an AnnotationPage, `line` being its number.

    Its text is the body of the annotation that describes its source; a page without one is a bad record, for a text at
    an address is not fetched. A mention is what has a selector: a TextPositionSelector, else a TextQuoteSelector that
    fits one place. Its entity is the `source` or `id` of a body that identifies it, its type a body that tags it.
    """
    try:
        for number, page in elements(source, options):
            try:
                yield Located(_document(object_of(page, "a page"), f"{source.id}:{number}"), source.name, number)
            except InputError as error:
                yield BadRecord(source.name, number, str(error))
    except InputError as error:
        yield BadRecord(source.name, None, str(error))


def _document(page: Mapping[str, Any], default_id: str) -> Document:
    items = [object_of(item, "an annotation") for item in list_of(page.get("items"), "items")]
    described = next((item for item in items if item.get("motivation") == "describing"), None)
    if described is None:
        raise InputError(
            "the page does not hold its text",
            hint="an annotation with motivation 'describing' has it as its body; texts at addresses are not fetched",
        )
    text = string_of(object_of(described.get("body"), "body").get("value"), "value")
    typed = [_mention(item, text) for item in items if item is not described]
    typed.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    meta = object_of(page.get("elinker:meta", {}), "elinker:meta")
    return Document(
        _identifier(described.get("target"), default_id),
        text,
        tuple(mention for mention, _ in typed),
        with_types(meta, [kind for _, kind in typed]),
    )


def _identifier(target: Any, default_id: str) -> str:
    if not isinstance(target, str):
        return default_id
    return unquote(target.removeprefix(_DOCUMENT)) if target.startswith(_DOCUMENT) else target


def _mention(item: Mapping[str, Any], text: str) -> tuple[Mention, str]:
    start, end = _span(item, text)
    entity_id, kind = None, ENTITY
    bodies = item.get("body")
    for each in bodies if isinstance(bodies, list) else [bodies]:
        body = {"source": each} if isinstance(each, str) else each if isinstance(each, dict) else {}
        address = body.get("source", body.get("id"))
        if body.get("purpose", "identifying") == "identifying" and isinstance(address, str) and entity_id is None:
            entity_id = entity_of(address)
        elif body.get("purpose") == "tagging" and isinstance(body.get("value"), str) and body["value"]:
            kind = body["value"]
    return with_details(Mention(start, end, text[start:end], entity_id), item.get("elinker:details")), kind


def _span(item: Mapping[str, Any], text: str) -> tuple[int, int]:
    target = object_of(item.get("target"), "target")
    given = target.get("selector")
    selectors = [object_of(one, "a selector") for one in (given if isinstance(given, list) else [given])]
    quotes = [one for one in selectors if one.get("type") == "TextQuoteSelector"]
    for selector in selectors:
        if selector.get("type") == "TextPositionSelector":
            start, end = selector.get("start"), selector.get("end")
            if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
                raise InputError(f"position {start!r}:{end!r} is not in the text of {len(text)} characters")
            for quote in quotes:
                if quote.get("exact") != text[start:end]:
                    raise InputError(
                        f"{quote.get('exact')!r} is not the text at {start}:{end}, which reads {text[start:end]!r}",
                        hint="positions count characters (Unicode code points)",
                    )
            return start, end
    for quote in quotes:
        return _quoted(quote, text)
    raise InputError("an annotation without a TextPositionSelector or TextQuoteSelector")


def _quoted(quote: Mapping[str, Any], text: str) -> tuple[int, int]:
    exact = string_of(quote.get("exact"), "exact")
    prefix, suffix = (string_of(quote.get(name, ""), name) for name in ("prefix", "suffix"))
    found = text.find(prefix + exact + suffix)
    if not exact or found < 0 or text.find(prefix + exact + suffix, found + 1) >= 0:
        raise InputError(f"the quote {exact!r} is not in the text, or more than once")
    return found + len(prefix), found + len(prefix) + len(exact)


FORMAT = Format(
    "web-annotation",
    reads=(".jsonld", ".json"),
    read=read,
    writes=(".jsonld",),
    write=WebAnnotationWriter,
    recognises=recognises,
)
