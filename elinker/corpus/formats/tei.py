"""TEI P5 XML: `<rs ref>` and the elements for names in running text, and a corpus of such texts as it is written.

The guidelines: https://tei-c.org/release/doc/tei-p5-doc/en/html/ND.html (names) and CC.html (corpora). expat reads it:
a file that declares entities of its own, which could grow without bounds or point to other files, is refused, and no
document type is fetched.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from elinker.corpus.formats.identifiers import entity_of, entity_uri
from elinker.corpus.formats.jsonl import encode, load
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.text import Framed, xml_characters
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

NAMESPACE = "http://www.tei-c.org/ns/1.0"
NAMES = ("rs", "name", "persName", "placeName", "orgName", "geogName")
"""Elements that are mentions."""

_META = "elinker-meta"
_CHUNK = 1 << 16
_CARRIAGE_RETURN = {"\r": "&#13;"}
_START = f"""<?xml version="1.0" encoding="UTF-8"?>
<teiCorpus xmlns="{NAMESPACE}">
<teiHeader><fileDesc><titleStmt><title>Texts annotated by elinker</title></titleStmt>
<publicationStmt><p>Unpublished</p></publicationStmt>
<sourceDesc><p>Made by a program</p></sourceDesc></fileDesc></teiHeader>
"""
_END = "</teiCorpus>\n"


class TeiWriter:
    """Writes a `teiCorpus` with a `TEI` for each document, its text in one `ab` with whitespace preserved.

    Mentions may lie within others, not across them. Characters that XML does not have become U+FFFD.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._corpus = Framed(stream, _START, _END)
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a `TEI`; see `Writer.write`."""
        document = sorted_mentions(document)
        element = _Element()
        self._corpus.write(element.of(document).encode("utf-8"))
        self.losses.update(element.losses)
        self.losses.of(document, [Loss.CANDIDATES])

    def finish(self) -> None:
        """End the corpus."""
        self._corpus.finish()


class _Element:
    """One `TEI` element as it is put together, and what it does not hold."""

    def __init__(self) -> None:
        self.losses = Losses()

    def of(self, document: Document) -> str:
        text = self._allowed(document.text)
        identifier = self._attribute(document.id)
        note = ""
        if document.meta:
            meta = json.dumps(json.loads(encode(dict(document.meta))))  # in ASCII, so that XML has all characters of it
            note = f'<notesStmt><note type="{_META}">{_content(meta)}</note></notesStmt>'
        title = _content(self._allowed(document.id))
        return (
            f"<TEI n={identifier}><teiHeader><fileDesc><titleStmt><title>{title}</title></titleStmt>"
            f"<publicationStmt><p>Unpublished</p></publicationStmt>{note}<sourceDesc><p>Text given to elinker</p>"
            f'</sourceDesc></fileDesc></teiHeader><text><body><ab xml:space="preserve">'
            f"{''.join(self._marked(document, text))}</ab></body></text></TEI>\n"
        )

    def _marked(self, document: Document, text: str) -> Iterator[str]:
        ends: list[int] = []
        cursor = 0
        for mention, kind in typed_mentions(document):
            while ends and ends[-1] <= mention.start:
                end = ends.pop()
                yield f"{_content(text[cursor:end])}</rs>"
                cursor = end
            if ends and mention.end > ends[-1]:
                self.losses[Loss.OVERLAPS] += 1
                continue
            yield f"{_content(text[cursor : mention.start])}<rs{self._attributes(mention, kind)}>"
            cursor = mention.start
            ends.append(mention.end)
        for end in reversed(ends):
            yield f"{_content(text[cursor:end])}</rs>"
            cursor = end
        yield _content(text[cursor:])

    def _attributes(self, mention: Mention, kind: str) -> str:
        attributes = ""
        if kind != ENTITY:
            word = re.sub(r"\s+", "_", kind)
            self.losses[Loss.TYPES] += word != kind
            attributes += f" type={self._attribute(word)}"
        if mention.entity_id is not None:
            attributes += f" ref={_quoted(entity_uri(mention.entity_id))}"
            if mention.label is not None:
                attributes += f" key={self._attribute(mention.label)}"
        return f'{attributes} cert="{mention.score:.4f}"' if mention.score else attributes

    def _attribute(self, text: str) -> str:
        return _quoted(self._allowed(text))

    def _allowed(self, text: str) -> str:
        allowed, replaced = xml_characters(text)
        self.losses[Loss.CHARACTERS] += replaced
        return allowed


def _content(text: str) -> str:
    from xml.sax.saxutils import escape  # it takes a while: urllib, http and ssl come with it

    return escape(text, _CARRIAGE_RETURN)


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)


def recognises(head: bytes) -> bool:
    """Whether the file speaks of TEI's namespace."""
    return NAMESPACE.encode() in head


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a `TEI`: all characters in its `text` element, whitespace as it is there.

    Its id is the attribute `n`, `xml:id`, or `file:number`. A mention is an element of `NAMES`; the first address in
    its `ref` is the entity, without one its `key`; `type`, or the name of an element other than `rs`, is its type.
    """
    parsing = _Parsing(source, options)
    with closing(source.open()) as stream:
        try:
            while chunk := stream.read(_CHUNK):
                parsing.feed(chunk)
                yield from parsing.take()
            parsing.feed(b"", final=True)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, str(error))
            yield from parsing.take()
            yield BadRecord(source.name, error.lineno, f"not a complete XML file: {reason}")
        except InputError as error:
            yield from parsing.take()
            yield BadRecord(source.name, parsing.line, str(error))
        except (LookupError, ValueError) as error:  # what expat says about encodings that it does not know
            yield BadRecord(source.name, parsing.line, f"the XML is in an encoding that is not read: {error}")


@dataclass
class _Building:
    """A document as it is read. `open` has, for each open element of a mention, what is known of it."""

    identifier: str
    line: int
    parts: list[str] = field(default_factory=list)
    length: int = 0
    open: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    spans: list[tuple[int, int, str, dict[str, str]]] = field(default_factory=list)
    note: list[str] = field(default_factory=list)


class _Parsing:
    """expat's handlers: the document that is being read, and the records that are complete."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source = source
        self._longest = options.max_bytes
        self._ready: list[Record] = []
        self._path: list[str] = []
        self._building: _Building | None = None
        self._in_text = 0
        self._in_note = False
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._refuse
        self._parser.SkippedEntityHandler = self._refuse

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        self._parser.Parse(chunk, final)

    def take(self) -> list[Record]:
        ready, self._ready = self._ready, []
        return ready

    def _refuse(self, *declaration: object) -> None:
        raise InputError("the XML has entities of its own, which are not read", hint="expand them with an XML tool")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._path and name not in ("TEI", "TEI.2", "teiCorpus"):
            raise InputError(f"the XML is a {name!r}, not a TEI document")
        self._path.append(name)
        if name in ("TEI", "TEI.2"):
            self._count += 1
            given = attributes.get("n", attributes.get("xml:id"))
            self._building = _Building(f"{self._source.id}:{self._count}" if given is None else given, self.line)
        building = self._building
        if building is None:
            return
        if name == "text":
            self._in_text += 1
        elif name == "note" and attributes.get("type") == _META and not self._in_text:
            self._in_note = True
        elif name in NAMES and self._in_text:
            building.open.append((building.length, name, attributes))

    def _characters(self, text: str) -> None:
        building = self._building
        if building is None:
            return
        if self._in_text:
            building.parts.append(text)
            building.length += len(text)
            if building.length > self._longest:
                raise InputError(
                    f"the text has more than {self._longest:,} characters", hint="--max-bytes sets the limit"
                )
        elif self._in_note:
            building.note.append(text)

    def _end(self, name: str) -> None:
        name = self._path.pop()
        building = self._building
        if building is None:
            return
        if name in NAMES and self._in_text:
            start, element, attributes = building.open.pop()
            if start < building.length:
                building.spans.append((start, building.length, element, attributes))
        elif name == "text":
            self._in_text -= 1
        elif name == "note":
            self._in_note = False
        elif name in ("TEI", "TEI.2"):
            self._ready.append(self._finished(building))
            self._building = None

    def _finished(self, building: _Building) -> Record:
        text = "".join(building.parts)
        # An element that ends later than another one which starts at the same place is around it.
        spans = building.spans[::-1]
        spans.sort(key=lambda span: (span[0], -span[1]))
        try:
            mentions = tuple(_mention(text, start, end, attributes) for start, end, _, attributes in spans)
            meta = load("".join(building.note)) if building.note else {}
            if not isinstance(meta, dict):
                raise InputError("the note with elinker's meta is not a JSON object")
            meta = with_types(meta, [_kind(name, attributes) for _, _, name, attributes in spans])
            return Located(Document(building.identifier, text, mentions, meta), self._source.name, building.line)
        except InputError as error:
            return BadRecord(self._source.name, building.line, f"document {building.identifier!r}: {error}")


def _kind(name: str, attributes: dict[str, str]) -> str:
    return attributes.get("type") or (ENTITY if name == "rs" else name)


def _mention(text: str, start: int, end: int, attributes: dict[str, str]) -> Mention:
    addresses = attributes.get("ref", "").split()
    key = attributes.get("key")
    entity_id = entity_of(addresses[0]) if addresses else key
    try:
        score = float(attributes.get("cert", "0"))
    except ValueError:
        score = 0.0  # TEI also has the words high, medium and low
    label = key if addresses else None
    return Mention(start, end, text[start:end], entity_id or None, label, score if 0 <= score <= 1 else 0.0)


FORMAT = Format(
    "tei", reads=(".xml", ".tei"), read=read, writes=(".xml", ".tei"), write=TeiWriter, recognises=recognises
)
