"""The runner: records in, annotated documents out, in order, a batch at a time. It knows no model and no terminal."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from elinker.corpus.output import Output
from elinker.corpus.records import BadRecord, Located, Record
from elinker.errors import ElinkerError, InputError
from elinker.schema import Document

MOST_BAD_HELD = 1000
"""So many bad records in a row are held back behind documents that the linker has not returned yet."""


class Annotator(Protocol):
    """What the runner needs of a linker (`elinker.Linker` is one)."""

    @property
    def tokens_seen(self) -> int:
        """Source tokens read so far."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its results, as JSON has it."""

    def pipe(
        self,
        texts: Iterable[str | Document],
        *,
        mentions: Literal["onegen", "given"] = "onegen",
        keep_nil: bool = False,
    ) -> Iterator[Document]:
        """One annotated document for each given one, in order, lazily."""


@dataclass(slots=True)
class Summary:
    """What a run did, or has done so far. `seconds` is wall time since its start."""

    documents: int = 0
    bad: int = 0
    mentions: int = 0
    linked: int = 0
    tokens: int = 0
    seconds: float = 0.0

    @property
    def nil(self) -> int:
        """Mentions without an entity; they are only there when NIL is kept."""
        return self.mentions - self.linked

    def count(self, document: Document) -> None:
        """Add a written document."""
        self.documents += 1
        self.mentions += len(document.mentions)
        self.linked += sum(mention.entity_id is not None for mention in document.mentions)


def annotate_corpus(
    linker: Annotator,
    records: Iterable[Record],
    output: Output,
    *,
    keep_nil: bool = False,
    on_progress: Callable[[Summary], None] | None = None,
) -> Summary:
    """Annotate every document of `records` into `output` and commit it.

    Documents are read as the linker asks for them, so memory holds what the linker holds, however long the corpus is. A
    document that cannot be read, linked or written becomes a bad record of the output and the others go on.
    `on_progress` is called after each document with the counts so far (always the same object).

    Raises:
        ElinkerError: the output cannot be written, or the model or base is unusable; nothing is committed then.
    """
    start = time.perf_counter()
    tokens_before = linker.tokens_seen
    summary = Summary()

    def measure() -> None:
        summary.tokens = linker.tokens_seen - tokens_before
        summary.seconds = time.perf_counter() - start

    def reject(record: BadRecord) -> None:
        summary.bad += 1
        output.reject(record)

    for record in link_each(linker, records, keep_nil=keep_nil):
        if isinstance(record, BadRecord):
            reject(record)
            continue
        try:
            output.write(record.document)
            summary.count(record.document)
        except InputError as error:
            reject(unwritten(record, error))
        measure()
        if on_progress is not None:
            on_progress(summary)
    output.commit()
    measure()
    return summary


def unwritten(place: Located, error: InputError) -> BadRecord:
    """The bad record for a document that a format cannot hold."""
    return BadRecord(place.source, place.line, f"document {place.document.id!r}: {error}")


def link_each(linker: Annotator, records: Iterable[Record], *, keep_nil: bool) -> Iterator[Record]:
    """Each record in order, its document annotated; one that the linker fails on is a bad record in its place.

    When the linker fails, the documents that it had taken are given to it again one at a time, and the work goes on
    with the next. If it fails on every one of several for another reason than their content, it is the linker that is
    broken, and its error is raised.
    """
    taken = _Taken(records)
    while not taken.exhausted:
        try:
            for document in linker.pipe(taken.documents(), keep_nil=keep_nil):
                yield from taken.bad()
                place = taken.next_place()
                yield Located(document, place.source, place.line)
            if taken.unfinished:
                raise RuntimeError(f"the linker returned nothing for {taken.unfinished} documents")
            yield from taken.bad()
        except Exception as error:
            if taken.reading or not taken.unfinished or _is_fatal(error):
                raise
            yield from _one_by_one(linker, taken.take_all(), error, keep_nil=keep_nil)


class _Taken:
    """What was read and is not given out yet: the documents that the linker holds, and bad records between them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._remaining = iter(records)
        self._waiting: deque[Record] = deque()
        self.unfinished = 0
        self.reading = False
        self.exhausted = False

    def documents(self) -> Iterator[Document]:
        """The next documents; it ends early behind a long row of bad records, so that they can be given out."""
        bad = 0
        while bad < MOST_BAD_HELD:
            self.reading = True
            record = next(self._remaining, None)
            self.reading = False
            if record is None:
                self.exhausted = True
                return
            self._waiting.append(record)
            if isinstance(record, BadRecord):
                bad += 1
            else:
                bad = 0
                self.unfinished += 1
                yield record.document

    def bad(self) -> Iterator[BadRecord]:
        """The bad records that come before the next document."""
        while self._waiting and isinstance(self._waiting[0], BadRecord):
            yield self._waiting.popleft()  # type: ignore[misc]

    def next_place(self) -> Located:
        """The record of the next document, with `bad` taken out before."""
        place = self._waiting.popleft()
        assert isinstance(place, Located)
        self.unfinished -= 1
        return place

    def take_all(self) -> list[Record]:
        """Everything, in order."""
        records = list(self._waiting)
        self._waiting.clear()
        self.unfinished = 0
        return records


def _one_by_one(linker: Annotator, records: Sequence[Record], cause: Exception, *, keep_nil: bool) -> Iterator[Record]:
    results: list[Record] = []
    tried = succeeded = 0
    for record in records:
        if isinstance(record, BadRecord):
            results.append(record)
            continue
        tried += 1
        try:
            (document,) = linker.pipe([record.document], keep_nil=keep_nil)
        except Exception as error:
            if _is_fatal(error):
                raise
            results.append(BadRecord(record.source, record.line, _reason(record.document, error)))
            continue
        succeeded += 1
        results.append(Located(document, record.source, record.line))
    if tried > 1 and not succeeded and not isinstance(cause, InputError):
        raise cause
    yield from results


def _is_fatal(error: Exception) -> bool:
    """Errors of the model, the base or the output concern every document."""
    return isinstance(error, ElinkerError) and not isinstance(error, InputError)


def _reason(document: Document, error: Exception) -> str:
    what = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return f"document {document.id!r} could not be linked: {' '.join(what.split())}"
