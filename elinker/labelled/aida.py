"""AIDA-YAGO2 (Hoffart et al. 2011), a TSV in CoNLL's manner, and the CoNLL that elinker writes in its columns.

A row is a token; rows of a mention go on with `B` or `I`, the mention's text, the entity (YAGO2 name) and, unless that
is `--NME--`, a Wikipedia URL, a page id and perhaps a Freebase id. A file with elinker's comments is read by
`elinker.corpus.formats.conll`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from elinker.corpus.formats import conll
from elinker.corpus.formats.identifiers import normalise_id, title_of
from elinker.corpus.records import BadRecord, ReadOptions, Source
from elinker.errors import InputError
from elinker.labelled.mentions import gold_document
from elinker.labelled.source import Reject, at, lines
from elinker.labelled.tokens import TokenSpans, TokenText
from elinker.schema import Document

_YAGO_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class _Building:
    """A document as its rows come; after an error the rest of its rows are passed over."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self.text = TokenText()
        self.spans = TokenSpans()
        self.broken = False

    def finish(self) -> Iterator[Document]:
        if not self.broken:
            text = str(self.text)
            yield gold_document(self.identifier, text, self.spans.mentions(text), {})


def recognises(path: Path, head: str) -> bool:
    """Whether the first line starts a document."""
    return head.lstrip("\r\n").startswith(conll.DOCSTART)


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a `-DOCSTART-`: a blank between tokens, a line break between sentences.

    The entity is the page's title by the Wikipedia URL, or the YAGO2 name where there is none.
    """
    if _has_comments(path):
        yield from _read_own(path, reject)
        return
    document: _Building | None = None
    for number, line in lines(path):
        if isinstance(line, str) and line.startswith(conll.DOCSTART):
            if document is not None:
                yield from document.finish()
            name = line.removeprefix(conll.DOCSTART).strip()
            document = _Building(name.removeprefix("(").removesuffix(")") or f"{path.name}:{number}")
            continue
        try:
            if isinstance(line, InputError):
                raise line
            if document is not None and not document.broken:
                _read_row(document, line)
            elif document is None and line.strip():
                raise InputError(f"a token before the first {conll.DOCSTART}")
        except InputError as error:
            document = document or _Building("")
            document.broken = True
            reject(at(path, number, error))
    if document is not None:
        yield from document.finish()


def _read_row(document: _Building, line: str) -> None:
    if not line.strip():
        document.spans.open = False
        document.text.between = "\n"
        return
    columns = line.split("\t")
    start, end = document.text.add(columns[0])
    if len(columns) == 1:
        document.spans.open = False
        return
    if len(columns) < 4 or columns[1] not in ("B", "I") or not columns[3]:
        raise InputError(
            f"{len(columns)} columns {columns[1]!r}…, not token, B or I, mention, entity",
            hint="columns are separated by tabs",
        )
    if columns[1] == "B":
        entity_id = _entity(columns)
        document.spans.begin((start, end), entity_id, entity_id)
    elif document.spans.open:
        document.spans.extend(end)
    else:
        raise InputError("'I' follows no 'B'")


def _entity(columns: list[str]) -> str | None:
    if columns[3] == conll.NIL:
        return None
    if len(columns) > 4 and columns[4].startswith("http"):
        return normalise_id(columns[4])
    return title_of(_YAGO_ESCAPE.sub(lambda match: chr(int(match[1], 16)), columns[3]))


def _has_comments(path: Path) -> bool:
    """Whether elinker wrote the file: the line after the first `-DOCSTART-` is its comment."""
    started = False
    for _, line in lines(path):
        if started or isinstance(line, InputError):
            return isinstance(line, str) and line.startswith(conll.COMMENT)
        started = line.startswith(conll.DOCSTART)
    return False


def _read_own(path: Path, reject: Reject) -> Iterator[Document]:
    for record in conll.read(Source(str(path), path.name, path), ReadOptions()):
        if isinstance(record, BadRecord):
            reject(InputError(str(record)))
        else:
            yield record.document
