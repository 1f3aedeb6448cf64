"""Tables with a row for each mention, CSV and TSV, for spreadsheets; they are only written.

Quoting is that of RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180). Cells that a spreadsheet would run as a formula
begin with an apostrophe, as OWASP advises (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
from functools import partial
from typing import BinaryIO

from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions
from elinker.corpus.formats.text import utf8
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import Format, write_only
from elinker.schema import Document

COLUMNS = ("document_id", "start", "end", "mention", "entity_id", "label", "type", "score")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What OWASP lists: what begins formulas, also in the full width that some spreadsheets take for the same."""


class MentionTableWriter:
    """Writes `COLUMNS`; `entity_id` and `label` are empty for NIL, `type` where there is none."""

    def __init__(self, stream: BinaryIO, dialect: str) -> None:
        self._stream = stream
        self._dialect = dialect
        self._started = False
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add the rows of a document's mentions; see `Writer.write`."""
        rows: list[list[str]] = []
        neutralised = 0
        for mention, kind in typed_mentions(sorted_mentions(document)):
            names = [mention.text, mention.entity_id or "", mention.label or "", "" if kind == ENTITY else kind]
            identifier, *cells = map(neutral, [document.id, *names])
            neutralised += [identifier, *cells] != [document.id, *names]
            rows.append([identifier, str(mention.start), str(mention.end), *cells, f"{mention.score:.4f}"])
        content = self._encoded(rows)
        self._start()
        self._stream.write(content)
        self.losses[Loss.NEUTRALISED] += neutralised
        self.losses.of(document, [Loss.TEXT, Loss.CANDIDATES, Loss.META])

    def finish(self) -> None:
        """A table without rows has its header."""
        self._start()

    def _start(self) -> None:
        if not self._started:
            self._stream.write(self._encoded([list(COLUMNS)]))
            self._started = True

    def _encoded(self, rows: list[list[str]]) -> bytes:
        written = io.StringIO(newline="")
        csv.writer(written, self._dialect).writerows(rows)
        return utf8(written.getvalue())


def neutral(cell: str) -> str:
    """The cell, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


CSV = Format(
    "mentions-csv", reads=(), read=write_only, writes=(".csv",), write=partial(MentionTableWriter, dialect="excel")
)
TSV = Format(
    "mentions-tsv",
    reads=(),
    read=write_only,
    writes=(".mentions.tsv",),
    write=partial(MentionTableWriter, dialect="excel-tab"),
)
