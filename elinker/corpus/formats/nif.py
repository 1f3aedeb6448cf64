"""NIF 2.0 in Turtle (Hellmann et al. 2013), as GERBIL and DBpedia Spotlight use it.

The ontology: https://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core/nif-core.html. rdflib parses what is read,
the graph whole. What is written is put together here, a document at a time: strings and addresses as Turtle has them
(https://www.w3.org/TR/turtle/) need no library.
"""

import logging
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, BinaryIO

from elinker.corpus.formats.identifiers import entity_of, entity_uri
from elinker.corpus.formats.mention_types import sorted_mentions
from elinker.corpus.formats.plain import decode, read_whole
from elinker.corpus.formats.text import utf8
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError, MissingExtraError
from elinker.schema import Document, Mention

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

_NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
_ITSRDF = "http://www.w3.org/2005/11/its/rdf#"
_ENTITY = _ITSRDF + "taIdentRef"
_CONFIDENCE = _ITSRDF + "taConfidence"
_IDENTIFIER = "http://purl.org/dc/terms/identifier"
_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
_NO_ENTITY = ("http://aksw.org/notInWiki/", "http://aksw.org/unknown/")
_LONGEST_SHOWN = 60
_OWN_NAME = re.compile(r"urn:elinker:document:([0-9]{1,18})-")
_NUMBER = re.compile(r"[0-9]{1,18}")

_PREFIXES = f"""@prefix nif: <{_NIF}> .
@prefix itsrdf: <{_ITSRDF}> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class NifWriter:
    """Writes a `nif:Context` with the exact text for each document, a `nif:Phrase` for each mention.

    Contexts are named by number and content, so that documents with one id stay apart; `dcterms:identifier` is the id.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._written = 0
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        document = sorted_mentions(document)
        digest = blake2b(utf8(f"{document.id}\0{document.text}"), digest_size=8).hexdigest()
        name = f"urn:elinker:document:{self._written + 1}-{digest}"
        lines = list(_statements(name, document))
        start = "" if self._written else _PREFIXES
        self._stream.write(utf8(f"{start}\n" + "".join(lines)))
        self._written += 1
        self.losses[Loss.OVERLAPS] += len(document.mentions) - len(_distinct(document))
        self.losses.of(document, [Loss.CANDIDATES, Loss.META])

    def finish(self) -> None:
        """A file without documents is an empty graph."""
        if not self._written:
            self._stream.write(_PREFIXES.encode())


def _statements(name: str, document: Document) -> Iterator[str]:
    context = f"<{name}#char=0,{len(document.text)}>"
    yield (
        f"{context} a nif:Context, nif:RFC5147String ;\n"
        f"    dcterms:identifier {_literal(document.id)} ;\n"
        f"    nif:beginIndex {_offset_literal(0)} ;\n"
        f"    nif:endIndex {_offset_literal(len(document.text))} ;\n"
        f"    nif:isString {_literal(document.text)} .\n"
    )
    labels: dict[str, str] = {}
    for mention in _distinct(document):
        yield (
            f"<{name}#char={mention.start},{mention.end}> a nif:Phrase, nif:RFC5147String ;\n"
            f"    nif:referenceContext {context} ;\n"
            f"    nif:anchorOf {_literal(mention.text)} ;\n"
            f"    nif:beginIndex {_offset_literal(mention.start)} ;\n"
            f"    nif:endIndex {_offset_literal(mention.end)}"
        )
        if mention.entity_id is not None:
            entity = entity_uri(mention.entity_id)
            yield f" ;\n    itsrdf:taIdentRef <{entity}>"
            if mention.label is not None:
                labels.setdefault(entity, mention.label)
        if mention.score:
            yield f' ;\n    itsrdf:taConfidence "{mention.score:.4f}"^^xsd:double'
        yield " .\n"
    for entity, label in labels.items():
        yield f"<{entity}> rdfs:label {_literal(label)} .\n"


def _distinct(document: Document) -> list[Mention]:
    """One mention for each span: a span is a resource, and its entities would be those of one mention."""
    return list({(mention.start, mention.end): mention for mention in reversed(document.mentions)}.values())[::-1]


def _literal(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda match: _NAMED.get(match[0]) or f"\\u{ord(match[0]):04X}", text) + '"'


def _offset_literal(offset: int) -> str:
    return f'"{offset}"^^xsd:nonNegativeInteger'


def recognises(head: bytes) -> bool:
    """Whether the file speaks of NIF's ontology."""
    return _NIF.encode() in head


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a `nif:Context` with `nif:isString`; its `dcterms:identifier`, else its URI, is the id.

    A mention is what has `nif:referenceContext` and an entity (`itsrdf:taIdentRef`), or is a `nif:Phrase`. Of several
    entities the one in Wikidata counts, else the first that is a Wikipedia or DBpedia page, also by `owl:sameAs`.
    Entities of GERBIL's `http://aksw.org/notInWiki/` are none.
    """
    try:
        graph = _parsed(read_whole(source, options))
    except _TurtleError as error:
        yield BadRecord(source.name, error.line, str(error))
        return
    except InputError as error:
        yield BadRecord(source.name, None, str(error))
        return
    from rdflib import URIRef

    text_of = URIRef(_NIF + "isString")
    # A graph has no order, but documents of elinker's own have numbers.
    for context in sorted(dict.fromkeys(graph.subjects(text_of)), key=_number_of):
        try:
            yield Located(_document(graph, context, str(graph.value(context, text_of))), source.name)
        except InputError as error:
            yield BadRecord(source.name, None, f"{context}: {error}")


def _number_of(context: "Node") -> int:
    found = _OWN_NAME.match(str(context))
    return int(found[1]) if found else 0


class _TurtleError(Exception):
    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(f"not Turtle: {reason}")
        self.line = line


def _parsed(content: bytes) -> "Graph":
    try:
        from rdflib import Graph
    except ModuleNotFoundError:
        raise MissingExtraError("rdflib", "formats") from None
    text = decode(content.removeprefix(b"\xef\xbb\xbf"))
    logging.getLogger("rdflib.term").setLevel(logging.CRITICAL)  # it has a line to say for every odd URI
    try:
        return Graph().parse(data=text, format="turtle")
    except Exception as error:
        # rdflib's parser raises its own BadSyntax, and on hostile input IndexError, RecursionError and others.
        where = getattr(error, "lines", None)
        reason = getattr(error, "_why", None) or str(error) or type(error).__name__
        raise _TurtleError(where + 1 if where is not None else None, " ".join(str(reason).split())) from None


def _document(graph: "Graph", context: "Node", text: str) -> Document:
    from rdflib import RDF, URIRef

    mentions = []
    phrase = URIRef(_NIF + "Phrase")
    for node in dict.fromkeys(graph.subjects(URIRef(_NIF + "referenceContext"), context)):
        entities = [str(entity) for entity in graph.objects(node, URIRef(_ENTITY))]
        # A mention of the whole text has the same address as its context.
        if (node, RDF.type, phrase) in graph or (entities and node != context):
            mentions.append(_mention(graph, node, text, entities))
    identifier = graph.value(context, URIRef(_IDENTIFIER))
    distinct = sorted(dict.fromkeys(mentions), key=lambda mention: (mention.start, -mention.end))
    return Document(str(context if identifier is None else identifier), text, tuple(distinct))


def _mention(graph: "Graph", node: "Node", text: str, entities: list[str]) -> Mention:
    from rdflib import URIRef

    start, end = (_offset(graph, node, name) for name in ("beginIndex", "endIndex"))
    anchor = graph.value(node, URIRef(_NIF + "anchorOf"))
    if anchor is not None and text[start:end] != str(anchor):
        raise InputError(
            f"{str(anchor)[:_LONGEST_SHOWN]!r} is not the text at {start}:{end}, which reads "
            f"{text[start:end][:_LONGEST_SHOWN]!r}",
            hint=_unit(text, start, end, str(anchor)),
        )
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"span {start}:{end} is not in the text of {len(text)} characters",
            hint="NIF counts characters (Unicode code points) of nif:isString, the end is exclusive",
        )
    entity = _entity(graph, entities)
    entity_id = None if entity is None else entity_of(entity)
    labels = [] if entity is None else sorted(str(one) for one in graph.objects(URIRef(entity), URIRef(_LABEL)))
    confidence = graph.value(node, URIRef(_CONFIDENCE))
    return Mention(
        start,
        end,
        text[start:end],
        entity_id,
        labels[0] if labels else None,
        0.0 if confidence is None else _probability(str(confidence)),
    )


def _probability(confidence: str) -> float:
    try:
        score = float(confidence)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise InputError(f"itsrdf:taConfidence is {confidence[:20]!r}, not a number from 0 to 1")
    return score


def _offset(graph: "Graph", node: "Node", name: str) -> int:
    from rdflib import URIRef

    value = graph.value(node, URIRef(_NIF + name))
    digits = "" if value is None else str(value)
    if _NUMBER.fullmatch(digits) is None:
        raise InputError(f"{node} has no nif:{name}" if value is None else f"nif:{name} of {node} is {digits[:20]!r}")
    return int(digits)


def _unit(text: str, start: int, end: int, anchor: str) -> str:
    """What wrong offsets count, where it can be told."""
    for unit, encoding, width in (("bytes of UTF-8", "utf-8", 1), ("UTF-16 code units", "utf-16-le", 2)):
        if text.encode(encoding, "replace")[width * start : width * end] == anchor.encode(encoding, "replace"):
            return f"the file counts {unit}; NIF counts characters (Unicode code points)"
    return "NIF counts characters (Unicode code points) of nif:isString, the end is exclusive"


def _entity(graph: "Graph", entities: list[str]) -> str | None:
    """Of the addresses of entities the one that counts."""
    from rdflib import URIRef

    stated = sorted(entity for entity in entities if not entity.startswith(_NO_ENTITY))
    same: list[Any] = [graph.objects(URIRef(entity), URIRef(_SAME_AS)) for entity in stated]
    choices = [*stated, *sorted(str(one) for each in same for one in each)]
    known = [entity for entity in choices if entity_of(entity) != entity]
    wikidata = [entity for entity in known if "wikidata" in entity]
    return next(iter(wikidata or known or stated), None)


FORMAT = Format(
    "nif", reads=(".ttl", ".nif"), read=read, writes=(".ttl", ".nif"), write=NifWriter, recognises=recognises
)
