"""The runner: records in, annotated documents out, in order, a batch at a time. It knows no model and no terminal."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from elinker.corpus.output import Output
from elinker.corpus.records import BadRecord, Located, Record
from elinker.errors import ElinkerError, InputError
from elinker.schema import Document


class Annotator(Protocol):
    """What the runner needs of a linker (`elinker.Linker` is one)."""

    @property
    def tokens_seen(self) -> int:
        """Source tokens read so far."""

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

    for result in link_each(linker, records, keep_nil=keep_nil, reject=reject):
        try:
            output.write(result.document)
            summary.count(result.document)
        except InputError as error:
            reject(BadRecord(result.source, result.line, f"document {result.document.id!r}: {error}"))
        measure()
        if on_progress is not None:
            on_progress(summary)
    output.commit()
    measure()
    return summary


def link_each(
    linker: Annotator, records: Iterable[Record], *, keep_nil: bool, reject: Callable[[BadRecord], None]
) -> Iterator[Located]:
    """The annotated documents in order; records that are bad or that the linker fails on go to `reject`.

    When the linker fails, the documents that it had taken are given to it again one at a time, and the work goes on
    with the next. If it fails on every one of several for another reason than their content, it is the linker that is
    broken, and its error is raised.
    """
    waiting: deque[Located] = deque()
    remaining = iter(records)
    reading = False

    def take() -> Iterator[Document]:
        nonlocal reading
        while True:
            reading = True
            record = next(remaining, None)
            if record is None:
                reading = False
                return
            if isinstance(record, BadRecord):
                reject(record)
            else:
                reading = False
                waiting.append(record)
                yield record.document

    while True:
        try:
            for document in linker.pipe(take(), keep_nil=keep_nil):
                place = waiting.popleft()
                yield Located(document, place.source, place.line)
            if waiting:
                raise RuntimeError(f"the linker returned nothing for {len(waiting)} documents")
            return
        except Exception as error:
            if reading or not waiting or _is_fatal(error):
                raise
            yield from _one_by_one(linker, waiting, error, keep_nil=keep_nil, reject=reject)


def _one_by_one(
    linker: Annotator,
    waiting: deque[Located],
    cause: Exception,
    *,
    keep_nil: bool,
    reject: Callable[[BadRecord], None],
) -> Iterator[Located]:
    failed: list[BadRecord] = []
    several = len(waiting) > 1
    succeeded = False
    while waiting:
        place = waiting.popleft()
        try:
            (document,) = linker.pipe([place.document], keep_nil=keep_nil)
        except Exception as error:
            if _is_fatal(error):
                raise
            failed.append(BadRecord(place.source, place.line, _reason(place.document, error)))
            continue
        succeeded = True
        yield Located(document, place.source, place.line)
    if several and not succeeded and not isinstance(cause, InputError):
        raise cause
    for record in failed:
        reject(record)


def _is_fatal(error: Exception) -> bool:
    """Errors of the model, the base or the output concern every document."""
    return isinstance(error, ElinkerError) and not isinstance(error, InputError)


def _reason(document: Document, error: Exception) -> str:
    what = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return f"document {document.id!r} could not be linked: {' '.join(what.split())}"
