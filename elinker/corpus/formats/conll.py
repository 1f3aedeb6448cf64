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
from elinker.corpus.formats.mention_types import outermost
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.formats.text import utf8
from elinker.corpus.formats.tokens import Piece, covered, pieces
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source, short
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
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        flat = outermost(document)
        comment = encode({"id": flat.id, "text": flat.text, "meta": dict(flat.meta)})
        lines = [f"{DOCSTART} ({_cell(flat.id)})", COMMENT + comment.decode("utf-8"), *_token_lines(flat), ""]
        self._stream.write(utf8("\n".join(lines) + "\n"))
        self.losses[Loss.OVERLAPS] += len(document.mentions) - len(flat.mentions)
        self.losses.of(flat, [Loss.CANDIDATES])

    def finish(self) -> None:
        """Nothing is held back."""


def _token_lines(document: Document) -> Iterator[str]:
    before: tuple[Piece, Mention | None] | None = None
    for piece, mention in _needed(document):
        continues = before is not None and mention is not None and mention is before[1]
        if before is not None and not continues:
            paragraph = document.text.count("\n", before[0].end, piece.start) > 1
            if piece.starts_sentence or paragraph:
                yield ""
        yield _token_line(document.text[piece.start : piece.end], mention, continues)
        before = piece, mention


def _token_line(text: str, mention: Mention | None, continues: bool) -> str:
    token = _cell(text, _CONTROL_OR_SPACE)
    if token.startswith(DOCSTART):
        token = "\\" + token
    if mention is None:
        return token
    columns = [token, "I" if continues else "B", _cell(" ".join(mention.text.split()))]
    if mention.entity_id is None:
        return "\t".join([*columns, NIL, "", f"{mention.score:.4f}"])
    entity_id = _cell(mention.entity_id)
    if entity_id == NIL:
        entity_id = "\\" + entity_id
    return "\t".join([*columns, entity_id, _cell(mention.label or ""), f"{mention.score:.4f}"])


def _needed(document: Document) -> Iterator[tuple[Piece, Mention | None]]:
    """The pieces and what mentions they are of, but for whitespace, which the comment keeps.

    A gap in which a mention starts or ends is kept whole.
    """
    tokens = pieces(document)
    owners: list[Mention | None] = [None] * len(tokens)
    for mention, indices in zip(document.mentions, covered(tokens, document.mentions), strict=True):
        owners[indices.start : indices.stop] = [mention] * len(indices)
    gap: list[tuple[Piece, Mention | None]] = []
    for piece, owner in zip(tokens, owners, strict=True):
        if document.text[piece.start : piece.end].isspace():
            gap.append((piece, owner))
            continue
        yield from _edge_gap(gap)
        yield piece, owner
        gap = []
    yield from _edge_gap(gap)


def _edge_gap(gap: list[tuple[Piece, Mention | None]]) -> list[tuple[Piece, Mention | None]]:
    for piece, mention in gap:
        if mention is not None and (piece.start == mention.start or piece.end == mention.end):
            return gap
    return []


def _cell(text: str, escaped: re.Pattern[str] = _CONTROL) -> str:
    return escaped.sub(lambda match: _NAMED.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


def _plain(cell: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if len(match[1]) > 1 else _UNNAMED.get(match[1], match[1]), cell
    )


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
    for number, line, content in decode_lines(source, options):
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
        return Located(document, source.name, block.line)
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
