"""The mistakes behind the figures, one record each with its context, to look at a linker's weaknesses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from elinker.evaluation.gold import GoldDocument, Span
from elinker.schema import Candidate, Document, Mention

CONTEXT = 60
"""Characters of text shown on each side of a mention."""

TOP_CANDIDATES = 5
"""Candidates kept of each mention."""


class MistakeKind(StrEnum):
    """What went wrong with a gold mention that has an id, or (`SPURIOUS`) with a prediction."""

    WRONG_ENTITY = "wrong-entity"
    NIL = "nil"
    WRONG_SPAN = "wrong-span"
    MISSED = "missed"
    SPURIOUS = "spurious"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. `start`, `end` and `text` are of the gold mention (of the prediction where it is spurious).

    `predicted` is the mention that was output there, if any; `given` is what the linker answered when it was told the
    gold span, if it was. `gold_in_base` is None where no base was asked.
    """

    kind: MistakeKind
    document_id: str
    start: int
    end: int
    text: str
    context: str
    gold_id: str | None
    gold_in_base: bool | None
    predicted: Mention | None
    given: Mention | None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The best candidates of the exact span: as predicted, or else as given."""
        exact = self.predicted is not None and (self.predicted.start, self.predicted.end) == (self.start, self.end)
        source = self.predicted if exact and self.predicted and self.predicted.candidates else self.given
        return source.candidates[:TOP_CANDIDATES] if source else ()

    def to_json(self) -> dict[str, Any]:
        """Flat JSON values, in a fixed order; the columns of the TSV are the same."""
        return {
            "kind": str(self.kind),
            "document": self.document_id,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "gold_id": self.gold_id,
            "gold_in_base": self.gold_in_base,
            "predicted_text": self.predicted.text if self.predicted else None,
            "predicted_id": self.predicted.entity_id if self.predicted else None,
            "predicted_label": self.predicted.label if self.predicted else None,
            "predicted_score": round(self.predicted.score, 4) if self.predicted else None,
            "given_id": self.given.entity_id if self.given else None,
            "candidates": [[each.entity_id, each.label, round(each.score, 4)] for each in self.candidates],
            "context": self.context,
        }


def find_mistakes(
    gold: Sequence[GoldDocument],
    predicted: Sequence[Document],
    given: Sequence[Document] | None = None,
    gold_in_base: dict[str, bool] | None = None,
) -> Iterator[Mistake]:
    """The mistakes of end-to-end predictions, in order of the text; `given` are predictions on gold spans.

    A gold mention with an id that was not linked rightly is a wrong entity or a NIL on the exact span, else a wrong
    span if a prediction overlaps it, else missed. A prediction with an entity is spurious if it overlaps no gold
    mention.
    """
    for number, (gold_document, document) in enumerate(zip(gold, predicted, strict=True)):
        told = {(m.start, m.end): m for m in given[number].mentions} if given else {}
        predictions = [m for m in document.mentions if gold_document.is_scored(m.start, m.end)]
        found = [*_unfound(gold_document, predictions, told, gold_in_base), *_spurious(gold_document, predictions)]
        yield from sorted(found, key=lambda mistake: (mistake.start, mistake.end))


def _unfound(
    gold: GoldDocument, predictions: Sequence[Mention], told: dict[Span, Mention], gold_in_base: dict[str, bool] | None
) -> Iterator[Mistake]:
    for mention in gold.scored():
        if mention.entity_id is None:
            continue
        exact = [each for each in predictions if (each.start, each.end) == mention.span]
        if any(each.entity_id == mention.entity_id for each in exact):
            continue
        overlapping = [each for each in predictions if each.start < mention.end and mention.start < each.end]
        if exact:
            kind = MistakeKind.NIL if exact[0].entity_id is None else MistakeKind.WRONG_ENTITY
        else:
            kind = MistakeKind.WRONG_SPAN if overlapping else MistakeKind.MISSED
        yield Mistake(
            kind=kind,
            document_id=gold.id,
            start=mention.start,
            end=mention.end,
            text=gold.text[mention.start : mention.end],
            context=_context(gold.text, mention.start, mention.end),
            gold_id=mention.entity_id,
            gold_in_base=gold_in_base.get(mention.entity_id) if gold_in_base is not None else None,
            predicted=next(iter(exact or overlapping), None),
            given=told.get(mention.span),
        )


def _spurious(gold: GoldDocument, predictions: Sequence[Mention]) -> Iterator[Mistake]:
    marked = [mention.span for mention in (*gold.mentions, *gold.alternatives)]
    for mention in predictions:
        overlaps = any(start < mention.end and mention.start < end for start, end in marked)
        if mention.entity_id is not None and not overlaps:
            yield Mistake(
                kind=MistakeKind.SPURIOUS,
                document_id=gold.id,
                start=mention.start,
                end=mention.end,
                text=mention.text,
                context=_context(gold.text, mention.start, mention.end),
                gold_id=None,
                gold_in_base=None,
                predicted=mention,
                given=None,
            )


def _context(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    return " ".join(f"{before}⟦{text[start:end]}⟧{after}".split())
