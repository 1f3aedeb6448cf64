"""CoNLL in the columns of AIDA-YAGO2, a token a line; docs/formats.md describes the file.

The columns say which spans are mentions and what they link to, so a file may be corrected by hand; one comment line a
document keeps its exact text, id and meta. Files without it (AIDA itself) are read too, their tokens joined by blanks.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from elinker.corpus.formats.jsonl import encode
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.formats.tokens import Piece, pieces
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source, in_order, short
from elinker.errors import InputError
from elinker.schema import Document, Mention

DOCSTART = "-DOCSTART-"
COMMENT = "# elinker "
NIL = "--NME--"

_NAMED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_UNNAMED = {escaped[1]: character for character, escaped in _NAMED.items()}
_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")
_CONTROL = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_OR_SPACE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\s]")


class ConllWriter:
    """Writes a document as `-DOCSTART- (id)`, a comment with its text, its tokens, a blank line after sentences."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        document = in_order(document)
        comment = encode({"id": document.id, "text": document.text, "meta": dict(document.meta)})
        lines = [f"{DOCSTART} ({_cell(document.id)})", COMMENT + comment.decode("utf-8"), *_token_lines(document), ""]
        self._stream.write(_utf8("\n".join(lines) + "\n"))

    def finish(self) -> None:
        """Nothing is held back."""


def _token_lines(document: Document) -> Iterator[str]:
    kept = _needed(document, pieces(document))
    gap_start = 0
    for index, piece in enumerate(kept):
        continues = piece.mention is not None and index > 0 and kept[index - 1].mention == piece.mention
        paragraph = document.text.count("\n", gap_start, piece.start) > 1
        if index > 0 and not continues and (piece.starts_sentence or paragraph):
            yield ""
        yield _token_line(document, piece, continues)
        gap_start = piece.end


def _token_line(document: Document, piece: Piece, continues: bool) -> str:
    token = _cell(document.text[piece.start : piece.end], _CONTROL_OR_SPACE)
    if token.startswith(DOCSTART):
        token = "\\" + token
    if piece.mention is None:
        return token
    mention = document.mentions[piece.mention]
    columns = [token, "I" if continues else "B", _cell(" ".join(mention.text.split()))]
    if mention.entity_id is None:
        return "\t".join([*columns, NIL, "", f"{mention.score:.4f}"])
    entity_id = _cell(mention.entity_id)
    if entity_id == NIL:
        entity_id = "\\" + entity_id
    return "\t".join([*columns, entity_id, _cell(mention.label or ""), f"{mention.score:.4f}"])


def _needed(document: Document, tokens: list[Piece]) -> list[Piece]:
    """The pieces but for whitespace, which the comment keeps; a gap in which a mention starts or ends is kept whole."""
    kept: list[Piece] = []
    gap: list[Piece] = []
    for piece in tokens:
        if document.text[piece.start : piece.end].isspace():
            gap.append(piece)
            continue
        kept += [*_edge_gap(document, gap), piece]
        gap = []
    return kept + _edge_gap(document, gap)


def _edge_gap(document: Document, gap: list[Piece]) -> list[Piece]:
    for piece in gap:
        if piece.mention is not None:
            mention = document.mentions[piece.mention]
            if piece.start == mention.start or piece.end == mention.end:
                return gap
    return []


def _cell(text: str, escaped: re.Pattern[str] = _CONTROL) -> str:
    return escaped.sub(lambda match: _NAMED.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


def _plain(cell: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if len(match[1]) > 1 else _UNNAMED.get(match[1], match[1]), cell
    )


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"a lone surrogate \\u{ord(text[error.start]):04x} cannot be written as UTF-8") from None


@dataclass(slots=True)
class _Block:
    """The lines of one document as they are collected."""

    line: int
    identifier: str
    comment: dict[str, Any] | None = None
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    error: BadRecord | None = None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a `-DOCSTART-`; a broken line makes its document a bad record and leaves the others alone."""
    block: _Block | None = None
    for number, line, content in decode_lines(source):
        if isinstance(line, InputError):
            block = block or _Block(number, f"{source.id}:{number}")
            block.error = block.error or BadRecord(source.name, number, str(line), readable(content))
            continue
        line = line.removesuffix("\n").removesuffix("\r")
        if line.startswith(DOCSTART):
            if block is not None:
                yield _finish(block, source)
            block = _Block(number, _docstart_id(line) or f"{source.id}:{number}")
        elif line:
            block = block or _Block(number, f"{source.id}:{number}")
            _add(block, number, line, source)
        elif block is not None:
            block.rows.append((number, []))
    if block is not None:
        yield _finish(block, source)


def _docstart_id(line: str) -> str:
    match = re.match(r"-DOCSTART-\s*\((.*)\)", line)
    return _plain(match[1]) if match else ""


def _add(block: _Block, number: int, line: str, source: Source) -> None:
    if not line.startswith(COMMENT) or block.rows or block.comment is not None:
        block.rows.append((number, line.split("\t")))
        return
    try:
        value = json.loads(line.removeprefix(COMMENT))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("text"), str) and isinstance(value.get("meta", {}), dict):
        block.comment = value
    else:
        reason = "the comment after -DOCSTART- is not a JSON object with a text"
        block.error = block.error or BadRecord(source.name, number, reason, short(line))


def _finish(block: _Block, source: Source) -> Record:
    if block.error is not None:
        return block.error
    try:
        text, spans = _joined(block) if block.comment is None else _aligned(block, block.comment["text"])
        comment = block.comment or {}
        document = Document(
            id=str(comment.get("id", block.identifier)),
            text=text,
            mentions=tuple(_mentions(block, text, spans)),
            meta=comment.get("meta", {}),
        )
        return Located(in_order(document), source.name, block.line)
    except InputError as error:
        return BadRecord(source.name, block.line, str(error))


def _aligned(block: _Block, text: str) -> tuple[str, list[tuple[int, int]]]:
    """Where each token stands in the text that the comment gives; only whitespace may lie between tokens."""
    spans = []
    cursor = 0
    for number, row in block.rows:
        if row:
            token = _plain(row[0])
            start = text.find(token, cursor)
            if not token or start < 0 or text[cursor:start].strip():
                raise InputError(f"line {number}: token {row[0]!r} is not what follows in the text of the comment")
            cursor = start + len(token)
            spans.append((start, cursor))
    if text[cursor:].strip():
        raise InputError(f"the tokens end before the text of the comment does, at character {cursor}")
    return text, spans


def _joined(block: _Block) -> tuple[str, list[tuple[int, int]]]:
    """The text of a file that only has tokens: a blank between them, a line break between sentences."""
    parts: list[str] = []
    spans = []
    length = 0
    separator = ""
    for _, row in block.rows:
        if not row:
            separator = "\n" if parts else ""
            continue
        start = length + len(separator)
        length = start + len(row[0])
        parts += [separator, row[0]]
        spans.append((start, length))
        separator = " "
    return "".join(parts), spans


def _mentions(block: _Block, text: str, spans: list[tuple[int, int]]) -> Iterator[Mention]:
    rows = [(number, row) for number, row in block.rows if row]
    index = 0
    while index < len(rows):
        number, row = rows[index]
        first = index
        index += 1
        if len(row) < 2 or row[1] not in ("B", "I"):
            if len(row) > 1 and row[1] not in ("", "O"):
                raise InputError(f"line {number}: the second column is {row[1]!r}, not B or I")
            continue
        while index < len(rows) and len(rows[index][1]) > 1 and rows[index][1][1] == "I":
            index += 1
        yield _mention(block, number, row, text, spans[first][0], spans[index - 1][1])


def _mention(block: _Block, number: int, row: list[str], text: str, start: int, end: int) -> Mention:
    entity, label, score = (*row[3:6], *("", "", "")[len(row[3:6]) :])
    if block.comment is None:  # AIDA's own columns: a link to Wikipedia and a page number stand here
        label = score = ""
    try:
        probability = float(score or 0.0)
    except ValueError:
        raise InputError(f"line {number}: the score {score!r} is not a number") from None
    linked = entity not in (NIL, "")
    return Mention(
        start,
        end,
        text[start:end],
        entity_id=_plain(entity) if linked else None,
        label=_plain(label) if linked and label else None,
        score=probability,
    )


def _recognises(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").startswith(DOCSTART.encode())


FORMAT = Format(
    "conll", reads=(".conll", ".tsv"), read=read, writes=(".conll", ".tsv"), write=ConllWriter, recognises=_recognises
)
