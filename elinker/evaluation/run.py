"""Run a linker over a benchmark and score what comes out. `metrics` defines the scores; models are loaded elsewhere."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Literal, Protocol

from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.known_entities import FindEntity, KnownEntities
from elinker.evaluation.metrics import (
    Disambiguation,
    Scores,
    Share,
    base_coverage,
    score,
    score_disambiguation,
)
from elinker.evaluation.mistakes import Mistake, find_mistakes
from elinker.schema import Document

InBase = Callable[[str], bool]
"""Says whether an entity id is in the knowledge base."""

Advance = Callable[[int], None]
"""Called with the number of documents done since the last call."""


class SupportsPipe(Protocol):
    """What is asked of a linker: documents in, as many documents out, in order."""

    def pipe(
        self, texts: Iterable[Document], *, mentions: Literal["onegen", "given"] = "onegen", keep_nil: bool = False
    ) -> Iterator[Document]:
        """Link the texts; with `mentions="given"` the documents' own spans."""
        ...


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """All that is known after a benchmark. What needs a linker or a base is None where there was none.

    `seconds` is the wall time of the end-to-end pass and `disambiguation_seconds` of the pass with given spans; loading
    the model is in neither.
    """

    name: str
    gold: tuple[GoldDocument, ...]
    predicted: tuple[Document, ...]
    scores: Scores
    given: tuple[Document, ...] | None = None
    disambiguation: Disambiguation | None = None
    coverage: Share | None = None
    gold_in_base: dict[str, bool] | None = None
    known: KnownEntities = field(default_factory=KnownEntities, compare=False)
    system: str | None = None
    seconds: float | None = None
    disambiguation_seconds: float | None = None

    @property
    def title(self) -> str:
        """The benchmark and, where several systems are scored on it, the system."""
        return self.name if self.system is None else f"{self.name}: {self.system}"

    def mistakes(self) -> Iterator[Mistake]:
        """The errors of the end-to-end pass."""
        return find_mistakes(self.gold, self.predicted, self.given, known=self.known, gold_in_base=self.gold_in_base)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON values."""
        return {
            "name": self.name,
            "system": self.system,
            **self.scores.to_json(),
            "disambiguation": self.disambiguation.to_json() if self.disambiguation else None,
            "base_coverage": self.coverage.to_json() if self.coverage else None,
            "seconds": self.seconds,
            "disambiguation_seconds": self.disambiguation_seconds,
        }


def evaluate_linker(
    linker: SupportsPipe,
    gold: Sequence[GoldDocument],
    *,
    name: str,
    in_base: InBase | None = None,
    find: FindEntity | None = None,
    advance: Advance = lambda done: None,
) -> BenchmarkResult:
    """Link the texts of a benchmark, then its given mentions, and score both.

    The linker never sees gold entities. `find` tells names and types of entities, for the kinds of error. `advance`
    counts each document twice, once for each pass.
    """
    started = time.perf_counter()
    predicted = tuple(_counted(linker.pipe((each.to_document() for each in gold), keep_nil=True), advance))
    linked = time.perf_counter()
    given = tuple(_link_given(linker, gold, advance))
    finished = time.perf_counter()
    return BenchmarkResult(
        name=name,
        gold=tuple(gold),
        predicted=predicted,
        scores=score(gold, predicted),
        given=given,
        disambiguation=score_disambiguation(gold, given, in_base=in_base),
        coverage=base_coverage(gold, in_base) if in_base else None,
        gold_in_base=_gold_in_base(gold, in_base),
        known=KnownEntities.of(gold, (*predicted, *given), find),
        seconds=linked - started,
        disambiguation_seconds=finished - linked,
    )


def evaluate_predictions(
    predicted: Sequence[Document],
    gold: Sequence[GoldDocument],
    *,
    name: str,
    system: str | None = None,
    in_base: InBase | None = None,
    find: FindEntity | None = None,
) -> BenchmarkResult:
    """Score stored end-to-end predictions of any system.

    Raises:
        InputError: predictions and gold do not belong together.
    """
    return BenchmarkResult(
        name=name,
        gold=tuple(gold),
        predicted=tuple(predicted),
        scores=score(gold, predicted),
        coverage=base_coverage(gold, in_base) if in_base else None,
        gold_in_base=_gold_in_base(gold, in_base),
        known=KnownEntities.of(gold, predicted, find),
        system=system,
    )


def _link_given(linker: SupportsPipe, gold: Sequence[GoldDocument], advance: Advance) -> Iterator[Document]:
    """One document for each gold document: the mentions of all its layers together, so they may overlap."""
    layers = [document.given_layers() for document in gold]
    linked = iter(linker.pipe(chain.from_iterable(layers), mentions="given"))
    for document, own in zip(gold, layers, strict=True):
        mentions = tuple(mention for layer in islice(linked, len(own)) for mention in layer.mentions)
        yield Document(id=document.id, text=document.text, mentions=mentions)
        advance(1)


def _counted(documents: Iterable[Document], advance: Advance) -> Iterator[Document]:
    for document in documents:
        yield document
        advance(1)


def _gold_in_base(gold: Sequence[GoldDocument], in_base: InBase | None) -> dict[str, bool] | None:
    if in_base is None:
        return None
    ids = {mention.entity_id for document in gold for mention in document.mentions}
    return {entity_id: in_base(entity_id) for entity_id in ids if entity_id is not None}
