"""HIPE-2022's TSV (Ehrmann et al. 2022), a token a row, with entities of the literal and the metonymic reading.

The format: https://github.com/hipe-eval/HIPE-2022-data (README, "IOB format"); columns are found by their names.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elinker.corpus.formats.identifiers import normalise_id
from elinker.corpus.formats.mention_types import MENTION_TYPES
from elinker.errors import InputError
from elinker.labelled.mentions import gold_document
from elinker.labelled.source import Reject, at, lines
from elinker.labelled.tokens import TokenSpans, TokenText
from elinker.schema import Document

METONYMIC = "metonymic"
"""Key of `meta`: the mentions of the metonymic reading, objects with `start`, `end`, `text`, `entity_id`."""

_TOKEN, _COARSE, _COARSE_METONYMIC = "TOKEN", "NE-COARSE-LIT", "NE-COARSE-METO"
_LINK, _LINK_METONYMIC, _MISC = "NEL-LIT", "NEL-METO", "MISC"
_NOTHING = ("_", "O", "NIL", "")
_PREFIX = "hipe2022:"


@dataclass
class _Building:
    identifier: str
    meta: dict[str, Any] = field(default_factory=dict)
    text: TokenText = field(default_factory=TokenText)
    literal: TokenSpans = field(default_factory=TokenSpans)
    metonymic: TokenSpans = field(default_factory=TokenSpans)
    broken: bool = False

    def finish(self) -> Iterator[Document]:
        if self.broken:
            return
        text = str(self.text)
        others = self.metonymic.mentions(text)
        if others:
            self.meta[METONYMIC] = [
                {"start": one.start, "end": one.end, "text": one.text, "entity_id": one.entity_id} for one in others
            ]
        if self.literal.types:
            self.meta[MENTION_TYPES] = [[name] for name in self.literal.types]
        yield gold_document(self.identifier, text, self.literal.mentions(text), self.meta)


def recognises(path: Path, head: str) -> bool:
    """Whether the first line has HIPE's columns."""
    columns = head.split("\n", 1)[0].rstrip("\r").split("\t")
    return columns[0] == _TOKEN and _COARSE in columns


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a `document_id`: a blank between tokens, none after `NoSpaceAfter`, a line break after `EndOfLine`.

    The mentions are those of the literal reading (`NE-COARSE-LIT`, `NEL-LIT`), the entity is that of the first token.
    The fields of the document's comments go to `meta`, and coarse types to `meta["mention_types"]`.
    """
    rows = lines(path)
    columns = _header(path, rows)
    document: _Building | None = None
    for number, line in rows:
        try:
            if isinstance(line, InputError):
                raise line
            comment = _comment(line)
            if comment is not None:
                name, value = comment
                if name == "document_id":
                    if document is not None:
                        yield from document.finish()
                    document = _Building(value)
                elif name and document is not None:
                    document.meta[name] = value
            elif line and not (document is not None and document.broken):
                if document is None:
                    raise InputError("a token before the first '# hipe2022:document_id = …'")
                _read_row(document, line, columns)
        except InputError as error:
            document = document or _Building("")
            document.broken = True
            reject(at(path, number, error))
    if document is not None:
        yield from document.finish()


def _header(path: Path, rows: Iterator[tuple[int, str | InputError]]) -> list[str]:
    _, first = next(rows, (1, ""))
    columns = first.split("\t") if isinstance(first, str) else []
    missing = [name for name in (_TOKEN, _COARSE, _LINK) if name not in columns]
    if missing:
        raise InputError(f"{path}:1: no column {missing[0]!r}", hint="the first line names the columns of HIPE-2022")
    return columns


def _comment(line: str) -> tuple[str, str] | None:
    """The field and value of `# hipe2022:FIELD = VALUE`; a comment of another kind has an empty field."""
    if not line.startswith("# ") or "\t" in line:
        return None
    name, equals, value = line.removeprefix("# ").partition("=")
    return name.strip().removeprefix(_PREFIX) if equals else "", value.strip()


def _read_row(document: _Building, line: str, columns: list[str]) -> None:
    cells = line.split("\t")
    if len(cells) != len(columns):
        raise InputError(f"{len(cells)} columns, the header has {len(columns)}")
    row = dict(zip(columns, cells, strict=True))
    span = document.text.add(row[_TOKEN])
    _tag(document.literal, span, row[_COARSE], row[_LINK])
    _tag(document.metonymic, span, row.get(_COARSE_METONYMIC, "O"), row.get(_LINK_METONYMIC, "_"))
    flags = row.get(_MISC, "_").split("|")
    if "NoSpaceAfter" in flags:
        document.text.between = ""
    elif "EndOfLine" in flags:
        document.text.between = "\n"


def _tag(spans: TokenSpans, span: tuple[int, int], tag: str, link: str) -> None:
    kind = tag.split("-", 1)[0]
    if kind == "B":
        entity = link.split("|", 1)[0]
        spans.begin(span, None if entity in _NOTHING else normalise_id(entity), type=tag[2:])
    elif kind == "I":
        if not spans.open:
            raise InputError(f"{tag!r} follows no 'B-…'")
        spans.extend(span[1])
    elif tag in ("O", "_", ""):
        spans.open = False
    else:
        raise InputError(f"{tag!r} is no tag of IOB", hint="tags are O, B-type and I-type")
