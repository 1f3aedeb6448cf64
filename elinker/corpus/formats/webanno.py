"""WebAnno TSV 3.3, which INCEpTION and WebAnno export and import: a file a document, a token a line.

The format: https://inception-project.github.io/releases/36.1/docs/user-guide.html#sect_formats_webannotsv3. Mentions
are in its layer of named entities, `identifier` being the entity's address. Offsets count UTF-16 code units, as Java
does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from elinker.corpus.formats.identifiers import entity_of, entity_uri
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.plain import decode_lines
from elinker.corpus.formats.several_files import FileNames, identifier_of, zipped
from elinker.corpus.formats.text import utf8
from elinker.corpus.formats.tokens import Piece, covered, on_words
from elinker.corpus.formats.utf16 import CodeUnits
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, FileSink, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

LAYER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_FORMAT = "#FORMAT=WebAnno TSV 3."
_HEADER = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={LAYER}|identifier|value\n\n"
_TEXT = "#Text="
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_UNNAMED = {"t": "\t", "n": "\n", "r": "\r"}
_RESERVED = re.compile(r"[\\\[\]|_;*\t\n\r]|->")
_CONTROL = re.compile(r"[\\\t\n\r]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_VALUE = re.compile(r"((?:\\.|[^\\|\[])*)(?:\[([0-9]{1,18})\])?(?:\||$)", re.DOTALL)
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_NOTHING, _NO_VALUE = "_", "*"


class WebAnnoWriter:
    """Writes a file a document. Mentions may overlap; whitespace at their edges is not part of them."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._names = FileNames()
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a file; see `Writer.write`."""
        losses = Losses()
        content = utf8(_HEADER + "".join(_sentences(sorted_mentions(document), losses)))
        name, exact = self._names.take(document.id)
        self._sink.add(f"{name}.tsv", content)
        self.losses.update(losses)
        self.losses[Loss.IDS] += not exact
        self.losses.of(document, [Loss.LABELS, Loss.SCORES, Loss.CANDIDATES, Loss.META])

    def finish(self) -> None:
        """Nothing is held back."""


class _Marked(NamedTuple):
    """What stands in the columns of a token for a mention; `number` tells mentions apart where that is needed."""

    mention: Mention
    kind: str
    number: int | None


def _sentences(document: Document, losses: Losses) -> Iterator[str]:
    text = document.text
    trimmed, words = on_words(document, losses)
    lead = words[0].start if words else len(text)
    if text[:lead].strip(" ") or (text and not words):
        words = [Piece(0, lead, True), *words]  # what stands before the first token is read as blanks
    typed = [
        (mention, kind)
        for mention, (_, kind) in zip(trimmed, typed_mentions(document), strict=True)
        if mention is not None
    ]
    marks = _marks(words, typed)
    units = CodeUnits(text)
    starts = [index for index, word in enumerate(words) if index == 0 or word.starts_sentence]
    for number, (first, stop) in enumerate(zip_longest(starts, starts[1:], fillvalue=len(words)), start=1):
        end = words[stop].start if stop < len(words) else len(text)
        yield "\n" + "".join(
            f"{_TEXT}{_escaped(line, _CONTROL)}\n" for line in text[words[first].start : end].split("\n")
        )
        for index in range(first, stop):
            word = words[index]
            place = f"{units.units(word.start)}-{units.units(word.end)}"
            token = _escaped(text[word.start : word.end], _CONTROL)
            yield f"{number}-{index - first + 1}\t{place}\t{token}\t{_columns(marks[index])}\t\n"


def _marks(words: Sequence[Piece], typed: list[tuple[Mention, str]]) -> list[list[_Marked]]:
    """For each word the mentions that it is part of."""
    ranges = list(covered(words, [mention for mention, _ in typed]))
    count = [0] * len(words)
    for indices in ranges:
        for index in indices:
            count[index] += 1
    marks: list[list[_Marked]] = [[] for _ in words]
    number = 0
    for (mention, kind), indices in zip(typed, ranges, strict=True):
        numbered = len(indices) > 1 or any(count[index] > 1 for index in indices)
        number += numbered
        for index in indices:
            marks[index].append(_Marked(mention, kind, number if numbered else None))
    return marks


def _columns(marks: list[_Marked]) -> str:
    if not marks:
        return f"{_NOTHING}\t{_NOTHING}"
    identifiers, values = [], []
    for mention, kind, number in marks:
        suffix = "" if number is None else f"[{number}]"
        identifier = _NO_VALUE if mention.entity_id is None else _escaped(entity_uri(mention.entity_id), _RESERVED)
        identifiers.append(identifier + suffix)
        values.append((_NO_VALUE if kind == ENTITY else _escaped(kind, _RESERVED)) + suffix)
    return f"{'|'.join(identifiers)}\t{'|'.join(values)}"


def _escaped(text: str, reserved: re.Pattern[str]) -> str:
    return reserved.sub(lambda match: _NAMED.get(match[0], "\\" + match[0]), text)


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: _UNNAMED.get(match[1], match[1]), text)


def recognises(head: bytes) -> bool:
    """Whether the first line says so."""
    return head.removeprefix(b"\xef\xbb\xbf").startswith(_FORMAT.encode())


@dataclass
class _Reading:
    """A file as its lines come. Lengths and offsets are in code units until the text is complete."""

    identifier: int | None = None
    value: int | None = None
    columns: int = 3
    parts: list[str] = field(default_factory=list)
    length: int = 0
    sentence: list[str] = field(default_factory=list)
    spans: dict[int | str, tuple[int, int, str | None, str]] = field(default_factory=dict)
    tokens: list[tuple[int, int, str, int]] = field(default_factory=list)


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The one document of a file; its id is the file's name without suffix.

    Mentions are the annotations of the layer of named entities, or of the first layer with a feature `identifier`, also
    those on parts of tokens. Whitespace between sentences is not in such files; it is read as blanks.
    """
    reading = _Reading()
    number = 1
    try:
        for number, line, _ in decode_lines(source, options):
            if isinstance(line, InputError):
                raise line
            _read_line(reading, line.removesuffix("\n").removesuffix("\r"), number)
        folder, slash, name = source.id.removesuffix(".tsv").rpartition("/")
        yield Located(_document(reading, folder + slash + identifier_of(name)), source.name)
    except InputError as error:
        yield BadRecord(source.name, number, str(error))


def _read_line(reading: _Reading, line: str, number: int) -> None:
    if line.startswith(_TEXT):
        reading.sentence.append(_plain(line.removeprefix(_TEXT)))
    elif line.startswith(("#T_SP=", "#T_RL=", "#T_CH=")) and not reading.tokens:
        _read_layer(reading, line[3:5], line[6:].split("|"))
    elif line and not line.startswith("#"):
        _read_token(reading, line.split("\t"), number)


def _read_layer(reading: _Reading, kind: str, fields: list[str]) -> None:
    name, *features = fields
    wanted = name == LAYER or "identifier" in features
    if kind == "SP" and wanted and reading.identifier is None and reading.value is None:
        places = {feature: reading.columns + index for index, feature in enumerate(features)}
        reading.identifier, reading.value = places.get("identifier"), places.get("value")
    reading.columns += max(len(features), 1)


def _read_token(reading: _Reading, cells: list[str], number: int) -> None:
    place = _PLACE.fullmatch(cells[1]) if len(cells) > 2 else None
    if place is None:
        raise InputError("the line is not a token: number, offsets, token and annotations")
    start, end = int(place[1]), int(place[2])
    if reading.sentence:
        gap = start - reading.length
        sentence = "\n".join(reading.sentence)
        if not 0 <= gap <= len(sentence) + 1_000_000:
            raise InputError(f"a sentence that begins at {start}, where the text is {reading.length} long")
        reading.parts += [" " * gap, sentence]
        reading.length = start + len(sentence.encode("utf-16-le")) // 2
        reading.sentence = []
    reading.tokens.append((start, end, _plain(cells[2]), number))
    for index, (identifier, value, key) in enumerate(_annotations(reading, cells)):
        name = f"{number}:{index}" if key is None else key
        first, last, *_ = reading.spans.get(name, (start, end))
        reading.spans[name] = (min(first, start), max(last, end), identifier, value)


def _annotations(reading: _Reading, cells: list[str]) -> Iterator[tuple[str | None, str, int | None]]:
    """For each annotation of a token its entity, type and number."""
    identifiers, values = (
        _values(cells[column]) if column is not None and column < len(cells) else []
        for column in (reading.identifier, reading.value)
    )
    for identifier, value in zip_longest(identifiers, values):
        entity, entity_number = identifier or (None, None)
        kind, kind_number = value or (None, None)
        number = entity_number if entity_number is not None else kind_number
        yield None if not entity else entity_of(entity), kind or ENTITY, number


def _values(cell: str) -> list[tuple[str | None, int | None]]:
    if cell in (_NOTHING, ""):
        return []
    found = []
    position = 0
    while position < len(cell):
        match = _VALUE.match(cell, position)
        if match is None:
            raise InputError(f"{cell[:40]!r} is no list of values")
        value = None if match[1] in (_NO_VALUE, "") else _plain(match[1])
        found.append((value, int(match[2]) if match[2] else None))
        position = match.end()
    return found


def _document(reading: _Reading, identifier: str) -> Document:
    text = "".join(reading.parts)
    units = CodeUnits(text)
    for start, end, token, number in reading.tokens:
        span = units.characters(start, end)
        if span is None or text[span[0] : span[1]] != token:
            raise InputError(
                f"line {number}: token {token!r} is not the text at {start}:{end}",
                hint="offsets of WebAnno TSV count UTF-16 code units",
            )
    typed = []
    for start, end, entity_id, kind in reading.spans.values():
        span = units.characters(start, end)
        if span is not None:
            typed.append((Mention(*span, text[span[0] : span[1]], entity_id), kind))
    typed.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    meta = with_types({}, [kind for _, kind in typed])
    return Document(identifier, text, tuple(mention for mention, _ in typed), meta)


FORMAT = Format(
    "webanno",
    reads=(".tsv",),
    read=read,
    writes=(".webanno.zip",),
    write=zipped(WebAnnoWriter),
    recognises=recognises,
    streams=False,
    write_files=WebAnnoWriter,
)
