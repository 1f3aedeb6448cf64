"""CoNLL-U with mentions in the column MISC, as CorefUD has them (`Entity=(e1-PERSON-Q42)`).

The format: https://universaldependencies.org/format.html; `Entity`: https://ufal.mff.cuni.cz/corefud (its fields are
named by `# global.Entity`). `SpaceAfter`, `SpacesAfter`, `SpacesBefore` and `SpacesInToken` have the whitespace, with
UDPipe's escapes (`\\s` `\\t` `\\r` `\\n` `\\p` `\\\\`) and `\\uXXXX` for other characters that a line cannot have, so
that the text comes back exactly. Tokens and sentences are spaCy's; nothing is parsed, the columns 3 to 9 are empty.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import unquote

from elinker.corpus.formats.identifiers import encoded, entity_name, entity_of
from elinker.corpus.formats.jsonl import encode, load
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.formats.text import utf8
from elinker.corpus.formats.tokens import Piece, covered, on_words
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

_FIELDS = "eid-etype-identity-score-label"
_GLOBAL = "# global.Entity = "
_NEWDOC = "# newdoc"
_META = "# elinker.meta = "
_IDENTITIES = ("identity", "wikidata", "wiki", "link", "nel")
"""Names that the field with the entity has in `# global.Entity`."""
_COLUMNS = 10
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_NAMED = {"\\": "\\\\", " ": "\\s", "\t": "\\t", "\r": "\\r", "\n": "\\n", "|": "\\p"}
_UNNAMED = {escaped[1]: character for character, escaped in _NAMED.items()}
_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")
_ESCAPED = re.compile(rf"[\\|{_CONTROL}\s]")
_UNPRINTABLE = re.compile(f"[{_CONTROL}]")
_BRACKET = re.compile(r"\(([^()]*)(\))?|([^()]+)\)")
_FIRST = re.compile(rb"(?:#[^\n]*\n)*1(?:-[0-9]+)?\t(?:[^\t\n]*\t){8}[^\t\n]*(?:\n|$)")
_ID = re.compile(r"([0-9]{1,9})(?:([-.])([0-9]{1,9}))?")


class ConlluWriter:
    """Writes a document as sentences after a `# newdoc`; mentions may overlap, whitespace at their edges is no part."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        losses = Losses()
        self._stream.write(utf8("".join(f"{line}\n" for line in _lines(sorted_mentions(document), losses))))
        self.losses.update(losses)
        self.losses.of(document, [Loss.CANDIDATES])

    def finish(self) -> None:
        """Nothing is held back."""


def _lines(document: Document, losses: Losses) -> Iterator[str]:
    text = document.text
    trimmed, words = on_words(document, losses)
    yield f"{_NEWDOC} id = {_escaped(document.id).replace(_NAMED[' '], ' ')}"
    yield _GLOBAL + _FIELDS
    if document.meta:
        yield _META + encode(dict(document.meta)).decode()
    if not words:  # a sentence has a word
        yield from ("# sent_id = 1", "# text = _")
        yield _row(1, "_", [*_spaces("SpacesBefore", text), "SpacesInToken=", "SpaceAfter=No"])
        yield ""
        return
    brackets = _brackets(document, trimmed, words)
    starts = [index for index, word in enumerate(words) if index == 0 or word.starts_sentence]
    for number, (first, stop) in enumerate(zip(starts, [*starts[1:], len(words)], strict=True), start=1):
        yield f"# sent_id = {number}"
        yield f"# text = {_shown(text, words[first:stop])}"
        for index in range(first, stop):
            misc = [f"Entity={brackets[index]}"] if index in brackets else []
            yield _row(index - first + 1, _form(_token(text, words[index])), misc + _spacing(text, words, index))
        yield ""


def _row(number: int, form: str, misc: list[str]) -> str:
    return "\t".join([str(number), form, *("_" * 7), "|".join(misc) or "_"])


def _token(text: str, word: Piece) -> str:
    return text[word.start : word.end]


def _form(token: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", token)


def _shown(text: str, words: Sequence[Piece]) -> str:
    """The text of a sentence on one line: line breaks and the like are blanks, `SpacesAfter` has them."""
    parts = []
    for index, word in enumerate(words):
        parts.append(_form(_token(text, word)))
        if index + 1 < len(words):
            gap = text[word.end : words[index + 1].start]
            parts.append(" " if _UNPRINTABLE.search(gap) else gap)
    return "".join(parts)


def _spacing(text: str, words: Sequence[Piece], index: int) -> list[str]:
    """The attributes that say what stands around a word and what its form cannot show."""
    word = words[index]
    last = index + 1 == len(words)
    misc = []
    if index == 0 and word.start:
        misc += _spaces("SpacesBefore", text[: word.start])
    token = _token(text, word)
    if _UNPRINTABLE.search(token):
        misc.append(f"SpacesInToken={_escaped(token)}")
    gap = text[word.end : len(text) if last else words[index + 1].start]
    if not gap:
        misc.append("SpaceAfter=No")
    elif gap != " " or last:
        misc += _spaces("SpacesAfter", gap)
    return misc


def _spaces(name: str, text: str) -> list[str]:
    return [f"{name}={_escaped(text)}"] if text else []


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: _NAMED.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


def _plain(text: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if len(match[1]) > 1 else _UNNAMED.get(match[1], match[1]), text
    )


def _brackets(document: Document, trimmed: list[Mention | None], words: Sequence[Piece]) -> dict[int, str]:
    """What `Entity` is at the words where mentions begin or end."""
    typed = [
        (mention, kind)
        for mention, (_, kind) in zip(trimmed, typed_mentions(document), strict=True)
        if mention is not None
    ]
    opened: dict[int, str] = {}
    closed: dict[int, str] = {}
    ranges = covered(words, [mention for mention, _ in typed])
    for number, ((mention, kind), indices) in enumerate(zip(typed, ranges, strict=True), start=1):
        single = len(indices) == 1
        opened[indices[0]] = opened.get(indices[0], "") + f"({_fields(number, mention, kind)}{')' if single else ''}"
        if not single:
            closed[indices[-1]] = f"e{number})" + closed.get(indices[-1], "")
    return {index: closed.get(index, "") + opened.get(index, "") for index in {**opened, **closed}}


def _fields(number: int, mention: Mention, kind: str) -> str:
    score = f"{mention.score:.4f}" if mention.score else ""
    entity = "" if mention.entity_id is None else entity_name(mention.entity_id)
    values = [kind, entity, score, mention.label or ""]
    return "-".join([f"e{number}", *(encoded(value).replace("-", "%2D") for value in values)]).rstrip("-")


@dataclass(slots=True)
class _Building:
    """A document as its lines come. `previous` is where the word before ends, `surface` a multiword token."""

    identifier: str
    line: int
    fields: list[str] = field(default_factory=lambda: _FIELDS.split("-"))
    meta: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    length: int = 0
    gap: str = ""
    ends_stated: bool = False
    previous: int = -1
    surface: tuple[int, tuple[int, int]] | None = None
    open: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)
    mentions: list[tuple[int, int, list[str]]] = field(default_factory=list)
    linked: list[tuple[int, int, str, str]] = field(default_factory=list)
    error: BadRecord | None = None

    def add(self, text: str) -> tuple[int, int]:
        start = self.length
        self.parts.append(text)
        self.length += len(text)
        return start, self.length


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a `# newdoc`, a file without one being one document; a broken line makes its document a bad record.

    The text is that of the words, or of the multiword tokens around them, with the whitespace that MISC says. Mentions
    are those of `Entity`; in files that have none, words with `NEL=ID` are, as `NE=B-…` and `NE=I-…` join them.
    """
    building: _Building | None = None
    stated = _FIELDS.split("-")
    for number, line, content in decode_lines(source, options):
        if isinstance(line, str):
            line = line.removesuffix("\n").removesuffix("\r")
            if line.startswith(_NEWDOC):
                if building is not None:
                    yield _finished(building, source)
                name = line.partition("=")[2].strip()
                building = _Building(_plain(name) if name else f"{source.id}:{number}", number, stated)
                continue
            if line.startswith(_GLOBAL):
                stated = line.removeprefix(_GLOBAL).strip().split("-")
        if building is None:
            if line == "" or (isinstance(line, str) and line.startswith("#")):
                continue
            building = _Building(source.id, number, stated)
        building.fields = stated
        if building.error is None:
            try:
                if isinstance(line, InputError):
                    raise line
                _read_line(building, line)
            except InputError as error:
                building.error = BadRecord(source.name, number, str(error), readable(content))
    if building is not None:
        yield _finished(building, source)


def _read_line(building: _Building, line: str) -> None:
    if line.startswith(_META):
        meta = load(line.removeprefix(_META))
        if not isinstance(meta, dict):
            raise InputError("elinker.meta is not a JSON object")
        building.meta = meta
    elif not line:
        building.surface = None
    elif not line.startswith("#"):
        _read_word(building, line.split("\t"))


def _read_word(building: _Building, columns: list[str]) -> None:
    if len(columns) != _COLUMNS:
        raise InputError(f"{len(columns)} columns, CoNLL-U has {_COLUMNS}, separated by tabs")
    number = _ID.fullmatch(columns[0])
    if number is None:
        raise InputError(f"{columns[0][:20]!r} is no number of a word")
    misc = dict(part.partition("=")[::2] for part in columns[9].split("|") if part != "_")
    if number[2] == ".":
        return  # an empty node of enhanced dependencies is not in the text
    if building.surface is not None and number[2] is None and int(number[1]) <= building.surface[0]:
        _mark(building, building.surface[1], misc)
        return
    building.previous = building.length
    building.add(building.gap + _plain(misc.get("SpacesBefore", "")))
    span = building.add(_plain(misc["SpacesInToken"]) if "SpacesInToken" in misc else columns[1])
    building.ends_stated = "SpacesAfter" in misc
    if misc.get("SpaceAfter") == "No":
        building.gap = ""
    else:
        building.gap = _plain(misc["SpacesAfter"]) if "SpacesAfter" in misc else " "
    building.surface = (int(number[3]), span) if number[2] == "-" else None
    _mark(building, span, misc)


def _mark(building: _Building, span: tuple[int, int], misc: dict[str, str]) -> None:
    for match in _BRACKET.finditer(misc.get("Entity", "")):
        if match[3] is not None:
            waiting = building.open.get(match[3].partition("-")[0])
            if not waiting:
                raise InputError(f"the mention {match[3]!r} ends but did not begin")
            start, values = waiting.pop()
            building.mentions.append((start, span[1], values))
        else:
            values = match[1].split("-")
            if match[2]:
                building.mentions.append((*span, values))
            else:
                building.open.setdefault(values[0], []).append((span[0], values))
    if "NEL" in misc:
        tag = misc.get("NE", misc.get("NER", ""))
        entity, kind = misc["NEL"], tag[2:] or ENTITY
        last = building.linked[-1] if building.linked else None
        goes_on = last is not None and last[1] == building.previous and last[2:] == (entity, kind)
        if last is not None and goes_on and not tag.startswith("B"):
            building.linked[-1] = (last[0], span[1], entity, kind)
        elif tag not in ("O", "_"):
            building.linked.append((*span, entity, kind))


def _finished(building: _Building, source: Source) -> Record:
    if building.error is not None:
        return building.error
    try:
        if any(building.open.values()):
            unclosed = next(values for waiting in building.open.values() for _, values in waiting)
            raise InputError(f"the mention {'-'.join(unclosed)!r} begins but does not end")
        document = _document(building)
    except InputError as error:
        return BadRecord(source.name, building.line, f"document {building.identifier!r}: {error}")
    return Located(document, source.name, building.line)


def _document(building: _Building) -> Document:
    text = "".join([*building.parts, building.gap if building.ends_stated else ""])
    places = {name: index for index, name in enumerate(building.fields)}
    identity = next((places[name] for name in _IDENTITIES if name in places), None)

    def value(values: list[str], place: int | None) -> str:
        return unquote(values[place]) if place is not None and place < len(values) else ""

    typed = []
    for start, end, values in building.mentions:
        score = value(values, places.get("score"))
        entity_id = value(values, identity)
        mention = Mention(
            start,
            end,
            text[start:end],
            entity_of(entity_id) if entity_id else None,
            value(values, places.get("label")) or None,
            _probability(score),
        )
        typed.append((mention, value(values, places.get("etype")) or ENTITY))
    if not typed:
        for start, end, entity, kind in building.linked:
            entity_id = "" if entity in ("_", "-", "NIL") else entity_of(entity)
            typed.append((Mention(start, end, text[start:end], entity_id or None), kind))
    typed.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    meta = with_types(building.meta, [kind for _, kind in typed])
    return Document(building.identifier, text, tuple(mention for mention, _ in typed), meta)


def _probability(score: str) -> float:
    try:
        return float(score or 0.0)
    except ValueError:
        raise InputError(f"the score {score!r} is not a number") from None


def recognises(head: bytes) -> bool:
    """Whether the first line that is no comment has the columns, the number 1 in the first."""
    return _FIRST.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


FORMAT = Format("conllu", reads=(".conllu",), read=read, writes=(".conllu",), write=ConlluWriter)
