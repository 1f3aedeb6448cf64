"""brat's standoff files: a text `NAME.txt` and beside it `NAME.ann` with annotations by character offset.

The format: https://brat.nlplab.org/standoff.html. `T` lines are mentions, `N` lines say what they refer to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from elinker.corpus.formats.identifiers import normalise_id
from elinker.corpus.formats.plain import decode
from elinker.errors import InputError
from elinker.labelled.elevant import MENTION_TYPES
from elinker.labelled.mentions import gold_document, gold_mention, is_number
from elinker.labelled.source import Reject, at, lines
from elinker.schema import Document, Mention

DISCONTINUOUS = "discontinuous"
"""Key of `meta`: what is marked in pieces, objects with `spans` (pairs of start and end), `text` and `entity_id`."""

_BOM = b"\xef\xbb\xbf"
_SPAN = re.compile(r"T\d+\t\S+ \d+ \d+")
_NORMALISATION = re.compile(r"\S+ (T\S+) ([^:\s]+):(\S.*)")
_KINDS = "TERAMN#*"
_PLAIN_ID = ("wikidata", "wikipedia", "dbpedia")


@dataclass(frozen=True, slots=True)
class _Span:
    line: int
    type: str
    pieces: list[tuple[int, int]]
    covered: str


@dataclass
class _Annotations:
    """What an `.ann` file says: spans by their id, entities and labels by it, the ids of event triggers."""

    spans: dict[str, _Span] = field(default_factory=dict)
    entities: dict[str, tuple[str, str]] = field(default_factory=dict)
    triggers: set[str] = field(default_factory=set)


def recognises(path: Path, head: str) -> bool:
    """Whether it is a folder with `.ann` files, one of them, or the text beside one."""
    if path.is_dir():
        return next(path.rglob("*.ann"), None) is not None
    if path.suffix.lower() == ".txt":
        return path.with_suffix(".ann").is_file()
    return path.suffix.lower() == ".ann" and (not head.strip() or _SPAN.search(head) is not None)


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a pair of files; a folder is read at any depth, sorted by name. The id is the name without suffix.

    A mention is a `T` line that is no trigger of an event; its entity is that of its first `N` line. A span in several
    pieces with nothing but whitespace between them is one mention, as brat writes spans that reach over a line break;
    one with other text between is no `Mention` and goes to `meta["discontinuous"]`. `meta["mention_types"]` has types.
    """
    folder = path if path.is_dir() else path.parent
    for annotations in sorted(path.rglob("*.ann")) if path.is_dir() else [path.with_suffix(".ann")]:
        try:
            yield _document(annotations, annotations.relative_to(folder).with_suffix("").as_posix())
        except InputError as error:
            reject(error)
        except OSError as error:
            reject(at(Path(error.filename or annotations), None, InputError(error.strerror or str(error))))


def _document(path: Path, identifier: str) -> Document:
    text_path = path.with_suffix(".txt")
    try:
        text = decode(text_path.read_bytes().removeprefix(_BOM))
    except InputError as error:
        raise at(text_path, None, error) from None
    found = _annotations(path)
    whole: list[tuple[Mention, str]] = []
    parted: list[dict[str, Any]] = []
    for name, span in found.spans.items():
        try:
            _check(text, span)
            joined = _joined(text, span.pieces)
            entity_id, label = found.entities.get(name, (None, None))
            if name in found.triggers:
                continue
            if joined is None:
                spans = [list(piece) for piece in span.pieces]
                parted.append({"spans": spans, "text": span.covered, "entity_id": entity_id})
            else:
                whole.append((gold_mention(text, *joined, entity_id, label), span.type))
        except InputError as error:
            raise at(path, span.line, error) from None
    whole.sort(key=lambda pair: (pair[0].start, -pair[0].end))
    meta: dict[str, Any] = {MENTION_TYPES: [[kind] for _, kind in whole]} if whole else {}
    if parted:
        meta[DISCONTINUOUS] = parted
    return gold_document(identifier, text, (mention for mention, _ in whole), meta)


def _annotations(path: Path) -> _Annotations:
    found = _Annotations()
    for number, line in lines(path):
        try:
            if isinstance(line, InputError):
                raise line
            _read_line(found, number, line)
        except InputError as error:
            raise at(path, number, error) from None
    return found


def _read_line(found: _Annotations, number: int, line: str) -> None:
    kind = line[:1]
    if line.strip() and kind not in _KINDS:
        raise InputError(f"{line[:20]!r} begins like no annotation", hint=f"lines begin with one of {' '.join(_KINDS)}")
    if kind not in ("T", "N", "E"):
        return
    name, _, rest = line.partition("\t")
    body, _, covered = rest.partition("\t")
    if kind == "T":
        type_name, _, offsets = body.partition(" ")
        found.spans[name] = _Span(number, type_name, _offsets(offsets), covered)
    elif kind == "N":
        matched = _NORMALISATION.fullmatch(body)
        if matched is None:
            raise InputError(f"{body!r} is not a type, a T id and DATABASE:ID")
        target, database, identifier = matched.groups()
        plain = database.lower() in _PLAIN_ID
        entity = normalise_id(identifier if plain else f"{database}:{identifier}")
        found.entities.setdefault(target, (entity, covered or entity))
    else:
        trigger = body.split(" ", 1)[0].rpartition(":")[2]
        found.triggers.add(trigger)


def _offsets(offsets: str) -> list[tuple[int, int]]:
    pieces = []
    for piece in offsets.split(";"):
        numbers = piece.split(" ")
        if len(numbers) != 2 or not all(map(is_number, numbers)):
            raise InputError(f"{offsets!r} are no offsets", hint="a T line is: T1, tab, type start end, tab, text")
        pieces.append((int(numbers[0]), int(numbers[1])))
    return sorted(pieces)


def _check(text: str, span: _Span) -> None:
    marked = " ".join(gold_mention(text, start, end).text for start, end in span.pieces)
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
