"""brat's standoff files: a text `NAME.txt` and beside it `NAME.ann` with annotations by character offset.

The format: https://brat.nlplab.org/standoff.html. `T` lines are mentions, `N` lines say what they refer to. Written are
a folder, or a zip archive of the same files, with the `annotation.conf` that brat wants.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from elinker.corpus.formats.identifiers import encoded, is_qid, normalise_id
from elinker.corpus.formats.mention_types import sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.plain import decode, decode_lines
from elinker.corpus.formats.several_files import FileNames, identifier_of, zipped
from elinker.corpus.formats.text import utf8
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, FileSink, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

DISCONTINUOUS = "discontinuous"
"""Key of `meta`: what is marked in pieces, objects with `spans` (pairs of start and end), `text` and `entity_id`."""

_BOM = b"\xef\xbb\xbf"
_SPAN = re.compile(r"T\d+\t\S+ \d+ \d+")
_NORMALISATION = re.compile(r"\S+ (T\S+) ([^:\s]+):(\S.*)")
_SCORE = re.compile(r"score ([01]\.[0-9]{1,6})")
_NUMBER = re.compile(r"[0-9]{1,18}")
_DATABASE_ID = re.compile(r"[A-Za-z0-9_-]+:[^\s:][!-~]*")
_KINDS = "TERAMN#*"
_PLAIN_ID = ("wikidata", "wikipedia", "dbpedia")
_OWN = "elinker"
"""Database of ids that are not of the form DATABASE:ID themselves; they are percent-encoded."""


class BratWriter:
    """Writes two files a document; mentions may overlap. Scores are notes, types are names of entity types."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._names = FileNames()
        self._types: dict[str, None] = {}
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        document = sorted_mentions(document)
        lines: list[str] = []
        kinds: dict[str, str] = {}
        number = 0
        for mention, kind in typed_mentions(document):
            if not mention.text.isspace():
                number += 1
                kinds[kind] = re.sub(r"[^A-Za-z0-9_-]", "_", kind)
                lines += _lines(number, mention, kinds[kind])
        # brat's text has no byte order mark, so one at the start would be taken for one when it is read.
        text = (_BOM if document.text.startswith("\ufeff") else b"") + utf8(document.text)
        annotations = utf8("".join(f"{line}\n" for line in lines))
        name, exact = self._names.take(document.id)
        self._sink.add(f"{name}.txt", text)
        self._sink.add(f"{name}.ann", annotations)
        self._types.update(dict.fromkeys(kinds.values()))
        self.losses[Loss.IDS] += not exact
        self.losses[Loss.BLANK] += len(document.mentions) - number
        self.losses[Loss.TYPES] += sum(kinds.get(kind, kind) != kind for _, kind in typed_mentions(document))
        self.losses.of(document, [Loss.CANDIDATES, Loss.META])

    def finish(self) -> None:
        """Write the list of types that brat reads."""
        types = "".join(f"{kind}\n" for kind in self._types)
        self._sink.add("annotation.conf", f"[entities]\n{types}[relations]\n[events]\n[attributes]\n".encode())


def _lines(number: int, mention: Mention, kind: str) -> Iterator[str]:
    pieces = _pieces(mention)
    offsets = ";".join(f"{start} {end}" for start, end in pieces)
    covered = " ".join(mention.text[start - mention.start : end - mention.start] for start, end in pieces)
    yield f"T{number}\t{kind} {offsets}\t{_line(covered)}"
    if mention.entity_id is not None:
        yield f"N{number}\tReference T{number} {_reference(mention.entity_id)}\t{_line(mention.label or '').strip()}"
    if mention.score:
        yield f"#{number}\tAnnotatorNotes T{number}\tscore {mention.score:.4f}"


def _pieces(mention: Mention) -> list[tuple[int, int]]:
    """The span in pieces that do not reach over line breaks; whole where it begins or ends with one."""
    start = mention.start
    pieces = [(start + found.start(), start + found.end()) for found in re.finditer(r"[^\r\n]+", mention.text)]
    inside = pieces[0][0] == start and pieces[-1][1] == mention.end
    return pieces if inside else [(start, mention.end)]


def _line(text: str) -> str:
    return re.sub(r"[\t\r\n]", " ", text)


def _reference(entity_id: str) -> str:
    if is_qid(entity_id):
        return f"Wikidata:{entity_id}"
    database = entity_id.partition(":")[0].lower()
    if (
        _DATABASE_ID.fullmatch(entity_id)
        and database not in (*_PLAIN_ID, _OWN)
        and normalise_id(entity_id) == entity_id
    ):
        return entity_id
    return f"{_OWN}:{encoded(entity_id)}"


@dataclass(frozen=True, slots=True)
class _Span:
    line: int
    type: str
    pieces: list[tuple[int, int]]
    covered: str


@dataclass
class _Annotations:
    """What an `.ann` file says: spans by their id, entities, labels and scores by it, the ids of event triggers."""

    spans: dict[str, _Span] = field(default_factory=dict)
    entities: dict[str, tuple[str, str]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    triggers: set[str] = field(default_factory=set)


class _PairError(Exception):
    """Why a pair of files is no document."""

    def __init__(self, path: Path, line: int | None, reason: InputError | str) -> None:
        super().__init__(str(reason))
        self.record = BadRecord(str(path), line, str(reason))


def recognises(path: Path, head: str) -> bool:
    """Whether it is a folder with `.ann` files, one of them, or the text beside one."""
    if path.is_dir():
        return next(path.rglob("*.ann"), None) is not None
    if path.suffix.lower() == ".txt":
        return path.with_suffix(".ann").is_file()
    return path.suffix.lower() == ".ann" and (not head.strip() or _SPAN.search(head) is not None)


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a pair of files, named by either; a folder is read at any depth, sorted by name.

    The id is the name without suffix. A mention is a `T` line that is no trigger of an event; its entity is that of its
    first `N` line. A span in several pieces with nothing but whitespace between them is one mention, as brat writes
    spans that reach over a line break; one with other text between is no `Mention` and goes to `meta["discontinuous"]`.
    """
    if source.path is None:
        yield BadRecord(source.name, None, "brat's two files lie side by side in a folder: unpack it first")
        return
    path = source.path
    pairs = (
        [(one, one.relative_to(path).as_posix()) for one in sorted(path.rglob("*.ann"))]
        if path.is_dir()
        else [(path.with_suffix(".ann"), source.id)]
    )
    for annotations, name in pairs:
        folder, slash, last = name.removesuffix(".ann").removesuffix(".txt").rpartition("/")
        try:
            yield Located(_document(annotations, folder + slash + identifier_of(last)), str(annotations))
        except _PairError as broken:
            yield broken.record
        except OSError as error:
            yield BadRecord(str(error.filename or annotations), None, error.strerror or str(error))


def _document(path: Path, identifier: str) -> Document:
    text_path = path.with_suffix(".txt")
    try:
        text = decode(text_path.read_bytes().removeprefix(_BOM))
    except InputError as error:
        raise _PairError(text_path, None, error) from None
    found = _annotations(path)
    whole: list[tuple[Mention, str]] = []
    parted: list[dict[str, Any]] = []
    for name, span in found.spans.items():
        try:
            _check(text, span)
        except InputError as error:
            raise _PairError(path, span.line, error) from None
        joined = _joined(text, span.pieces)
        entity_id, label = found.entities.get(name, (None, None))
        if name in found.triggers:
            continue
        if joined is None:
            spans = [list(piece) for piece in span.pieces]
            parted.append({"spans": spans, "text": span.covered, "entity_id": entity_id})
        else:
            start, end = joined
            score = found.scores.get(name, 0.0)
            whole.append((Mention(start, end, text[start:end], entity_id, label, score), span.type))
    whole.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    meta = with_types({}, [kind for _, kind in whole])
    if parted:
        meta[DISCONTINUOUS] = parted
    return Document(identifier, text, tuple(mention for mention, _ in whole), meta)


def _annotations(path: Path) -> _Annotations:
    found = _Annotations()
    for number, line, _ in decode_lines(Source(str(path), path.name, path)):
        try:
            if isinstance(line, InputError):
                raise line
            _read_line(found, number, line.removesuffix("\n").removesuffix("\r"))
        except InputError as error:
            raise _PairError(path, number, error) from None
    return found


def _read_line(found: _Annotations, number: int, line: str) -> None:
    kind = line[:1]
    if line.strip() and kind not in _KINDS:
        raise InputError(f"{line[:20]!r} begins like no annotation", hint=f"lines begin with one of {' '.join(_KINDS)}")
    name, _, rest = line.partition("\t")
    body, _, covered = rest.partition("\t")
    if kind == "T":
        type_name, _, offsets = body.partition(" ")
        found.spans[name] = _Span(number, type_name, _offsets(offsets), covered)
    elif kind == "N":
        target, entity = _entity(body)
        found.entities.setdefault(target, (entity, covered or entity))
    elif kind == "E":
        trigger = body.split(" ", 1)[0].rpartition(":")[2]
        found.triggers.add(trigger)
    elif kind == "#" and body.startswith("AnnotatorNotes T") and (score := _SCORE.fullmatch(covered)):
        found.scores[body.removeprefix("AnnotatorNotes ")] = float(score[1])


def _entity(body: str) -> tuple[str, str]:
    """The id of the `T` line that an `N` line speaks of, and the entity."""
    matched = _NORMALISATION.fullmatch(body)
    if matched is None:
        raise InputError(f"{body!r} is not a type, a T id and DATABASE:ID")
    target, database, identifier = matched.groups()
    if database == _OWN:
        return target, unquote(identifier)
    plain = database.lower() in _PLAIN_ID
    return target, normalise_id(identifier if plain else f"{database}:{identifier}")


def _offsets(offsets: str) -> list[tuple[int, int]]:
    pieces = []
    for piece in offsets.split(";"):
        numbers = piece.split(" ")
        if len(numbers) != 2 or not all(map(_NUMBER.fullmatch, numbers)):
            raise InputError(f"{offsets!r} are no offsets", hint="a T line is: T1, tab, type start end, tab, text")
        pieces.append((int(numbers[0]), int(numbers[1])))
    return sorted(pieces)


def _check(text: str, span: _Span) -> None:
    for start, end in span.pieces:
        if not 0 <= start < end <= len(text):
            raise InputError(
                f"span {start}:{end} is not in the text of {len(text)} characters",
                hint="offsets count characters (Unicode code points) of the text, the end is exclusive",
            )
    marked = " ".join(text[start:end] for start, end in span.pieces)
    if span.covered and marked.split() != span.covered.split():
        raise InputError(
            f"{span.covered!r} is not the text at {span.pieces[0][0]}:{span.pieces[-1][1]}, which reads {marked!r}",
            hint="offsets count characters of the .txt file, line breaks as they are in it",
        )


def _joined(text: str, pieces: list[tuple[int, int]]) -> tuple[int, int] | None:
    """One span for pieces that only whitespace parts; None for others."""
    for before, after in pairwise(pieces):
        if text[before[1] : after[0]].strip():
            return None
    return pieces[0][0], pieces[-1][1]


FORMAT = Format(
    "brat",
    reads=(".ann",),
    read=read,
    writes=(".brat.zip",),
    write=zipped(BratWriter),
    streams=False,
    write_files=BratWriter,
)
