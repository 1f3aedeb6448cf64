"""Read the AIDA-YAGO2 data set (Hoffart et al. 2011), a TSV in CoNLL's manner, as gold documents.

A row is a token; rows of a mention go on with `B` or `I`, the mention's text, the entity (YAGO2 name) and, unless that
is `--NME--`, a Wikipedia URL, a page id and perhaps a Freebase id. elinker's own CoNLL is not read here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from elinker.errors import InputError
from elinker.evaluation.gold import GoldDocument, GoldMention

DOCUMENT_START = "-DOCSTART-"
NO_ENTITY = "--NME--"


@dataclass
class _Building:
    id: str
    text: str = ""
    mentions: list[GoldMention] = field(default_factory=list)
    in_mention: bool = False

    def add(self, token: str) -> int:
        """Append a token behind a space and return where it starts."""
        self.text += f" {token}" if self.text else token
        return len(self.text) - len(token)

    def finish(self) -> GoldDocument:
        return GoldDocument(id=self.id, text=self.text, mentions=tuple(self.mentions))


def read_aida(path: Path, lines: Iterable[str]) -> Iterator[GoldDocument]:
    """The documents of a file, lazily: tokens joined by one space, also over sentences; the entity column is the id.

    Raises:
        InputError: a row does not fit the format; the message names file and line.
    """
    document: _Building | None = None
    for number, line in enumerate(lines, start=1):
        if line.startswith(DOCUMENT_START):
            if document is not None:
                yield document.finish()
            document = _Building(line.removeprefix(DOCUMENT_START).strip().removeprefix("(").removesuffix(")"))
        elif not line.strip():
            if document is not None:
                document.in_mention = False
        elif document is None:
            raise InputError(f"{path}, line {number}: a token before the first {DOCUMENT_START}")
        else:
            try:
                _read_row(document, line.split("\t"))
            except InputError as error:
                raise InputError(f"{path}, line {number}: {error.message}", hint=error.hint) from None
    if document is not None:
        yield document.finish()


def _read_row(document: _Building, columns: list[str]) -> None:
    token = columns[0]
    if not token or token.isspace():
        raise InputError("a row without a token")
    start = document.add(token)
    if len(columns) == 1:
        document.in_mention = False
        return
    if len(columns) < 4 or columns[1] not in ("B", "I") or not columns[3]:
        raise InputError(
            f"{len(columns)} columns {columns[1]!r}…, not token, B or I, mention, entity",
            hint="columns are separated by tabs",
        )
    if columns[1] == "B":
        entity_id = None if columns[3] == NO_ENTITY else columns[3]
        document.mentions.append(GoldMention(start, start + len(token), entity_id))
        document.in_mention = True
    elif document.in_mention:
        begun = document.mentions[-1]
        document.mentions[-1] = GoldMention(begun.start, start + len(token), begun.entity_id)
    else:
        raise InputError("'I' follows no 'B'")
