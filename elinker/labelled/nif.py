"""NIF 2.0 in Turtle (Hellmann et al. 2013), as GERBIL and DBpedia Spotlight use it. rdflib parses it.

The ontology: https://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core/nif-core.html. The graph is read whole.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinker.corpus.formats.identifiers import normalise_id
from elinker.corpus.formats.plain import decode
from elinker.errors import InputError, MissingExtraError
from elinker.labelled.mentions import gold_document, gold_mention, is_number
from elinker.labelled.source import Reject, at
from elinker.schema import Document, Mention

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

_NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
_ENTITY = "http://www.w3.org/2005/11/its/rdf#taIdentRef"
_SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
_NO_ENTITY = ("http://aksw.org/notInWiki/", "http://aksw.org/unknown/")
_LONGEST_SHOWN = 60


def recognises(path: Path, head: str) -> bool:
    """Whether the file speaks of NIF's ontology."""
    return _NIF in head


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a `nif:Context` with `nif:isString`; its URI is the id.

    A mention is what has `nif:referenceContext` and an entity (`itsrdf:taIdentRef`), or is a `nif:Phrase`. Of several
    entities the one in Wikidata counts, else the first that is a Wikipedia or DBpedia page, also by `owl:sameAs`.
    Entities of GERBIL's `http://aksw.org/notInWiki/` are none.
    """
    graph = _parsed(path)
    from rdflib import URIRef

    text_of = URIRef(_NIF + "isString")
    for context in dict.fromkeys(graph.subjects(text_of)):
        try:
            yield _document(graph, context, str(graph.value(context, text_of)))
        except InputError as error:
            reject(at(path, None, InputError(f"{context}: {error.message}", hint=error.hint)))


def _parsed(path: Path) -> "Graph":
    try:
        from rdflib import Graph
    except ModuleNotFoundError:
        raise MissingExtraError("rdflib", "formats") from None
    content = path.read_bytes()
    try:
        return Graph().parse(data=decode(content.removeprefix(b"\xef\xbb\xbf")), format="turtle")
    except InputError as error:
        raise at(path, None, error) from None
    except Exception as error:
        # rdflib's parser raises its own BadSyntax, and on hostile input IndexError, RecursionError and others.
        where = getattr(error, "lines", None)
        reason = getattr(error, "_why", None) or str(error) or type(error).__name__
        raise at(path, where + 1 if where is not None else None, InputError(f"not Turtle: {reason}")) from None


def _document(graph: "Graph", context: "Node", text: str) -> Document:
    from rdflib import RDF, URIRef

    mentions = []
    phrase = URIRef(_NIF + "Phrase")
    for node in dict.fromkeys(graph.subjects(URIRef(_NIF + "referenceContext"), context)):
        entities = [str(entity) for entity in graph.objects(node, URIRef(_ENTITY))]
        if node != context and (entities or (node, RDF.type, phrase) in graph):
            mentions.append(_mention(graph, node, text, entities))
    return gold_document(str(context), text, dict.fromkeys(mentions), {})


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
    return gold_mention(text, start, end, _entity(graph, entities))


def _offset(graph: "Graph", node: "Node", name: str) -> int:
    from rdflib import URIRef

    value = graph.value(node, URIRef(_NIF + name))
    digits = "" if value is None else str(value)
    if not is_number(digits):
        raise InputError(f"{node} has no nif:{name}" if value is None else f"nif:{name} of {node} is {digits[:20]!r}")
    return int(digits)


def _unit(text: str, start: int, end: int, anchor: str) -> str:
    """What wrong offsets count, where it can be told."""
    for unit, encoding, width in (("bytes of UTF-8", "utf-8", 1), ("UTF-16 code units", "utf-16-le", 2)):
        if text.encode(encoding, "replace")[width * start : width * end] == anchor.encode(encoding, "replace"):
            return f"the file counts {unit}; NIF counts characters (Unicode code points)"
    return "NIF counts characters (Unicode code points) of nif:isString, the end is exclusive"


def _entity(graph: "Graph", entities: list[str]) -> str | None:
    from rdflib import URIRef

    stated = sorted(entity for entity in entities if not entity.startswith(_NO_ENTITY))
    same: list[Any] = [graph.objects(URIRef(entity), URIRef(_SAME_AS)) for entity in stated]
    choices = [
        (entity, normalise_id(entity)) for entity in [*stated, *sorted(str(one) for each in same for one in each)]
    ]
    known = [identifier for entity, identifier in choices if identifier != entity]
    wikidata = [identifier for entity, identifier in choices if identifier != entity and "wikidata" in entity]
    return next(iter(wikidata or known or stated), None)
