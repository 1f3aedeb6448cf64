"""The errors behind the figures, one record each with its context, to look at a linker's weaknesses.

What kinds there are is in `categories`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elinker.evaluation.categories import Category, ErrorKind, candidates, false_detection, undetected, wrong_entity
from elinker.evaluation.gold import GoldDocument, GoldMention, Span
from elinker.evaluation.known_entities import KnownEntities
from elinker.evaluation.metrics import pairs
from elinker.schema import Candidate, Document, Mention

CONTEXT = 60
"""Characters of text shown on each side of a mention."""

TOP_CANDIDATES = 5
"""Candidates kept of each mention."""

MISTAKE_FIELDS = (
    "kind",
    "categories",
    "document",
    "start",
    "end",
    "text",
    "gold_id",
    "gold_label",
    "gold_in_base",
    "predicted_text",
    "predicted_id",
    "predicted_label",
    "predicted_score",
    "given_id",
    "candidates",
    "context",
)
"""Keys of a mistake's JSON and columns of the TSV, in this order."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One error. `start`, `end` and `text` are of the gold mention, or of the link where it is a false detection.

    `predicted` is the mention that was output there, if any; `given` is what the linker answered when it was told the
    gold span, if it was. `gold_in_base` is None where no base was asked.
    """

    kind: ErrorKind
    categories: tuple[Category, ...]
    document: int
    document_id: str
    start: int
    end: int
    text: str
    context: str
    gold_id: str | None = None
    gold_label: str | None = None
    gold_in_base: bool | None = None
    predicted: Mention | None = None
    predicted_label: str | None = None
    given: Mention | None = None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The best candidates of the exact span: as predicted, or else as given."""
        exact = self.predicted is not None and (self.predicted.start, self.predicted.end) == (self.start, self.end)
        source = self.predicted if exact and self.predicted and self.predicted.candidates else self.given
        return source.candidates[:TOP_CANDIDATES] if source else ()

    def to_json(self) -> dict[str, Any]:
        """Flat JSON values by the names in `MISTAKE_FIELDS`."""
        predicted, given = self.predicted, self.given
        values = (
            str(self.kind),
            [str(category) for category in self.categories],
            self.document_id,
            self.start,
            self.end,
            self.text,
            self.gold_id,
            self.gold_label,
            self.gold_in_base,
            predicted.text if predicted else None,
            predicted.entity_id if predicted else None,
            self.predicted_label,
            round(predicted.score, 4) if predicted else None,
            given.entity_id if given else None,
            [[each.entity_id, each.label, round(each.score, 4)] for each in self.candidates],
            self.context,
        )
        return dict(zip(MISTAKE_FIELDS, values, strict=True))


def find_mistakes(
    gold: Sequence[GoldDocument],
    predicted: Sequence[Document],
    given: Sequence[Document] | None = None,
    *,
    known: KnownEntities | None = None,
    gold_in_base: Mapping[str, bool] | None = None,
) -> Iterator[Mistake]:
    """The errors of end-to-end predictions, in order of the text; `given` are predictions on gold spans.

    Every gold mention with an id that is not linked rightly is one: with a wrong entity where its span has a link, else
    undetected. Every link that is on no span of a gold mention with an id is one, but for a link that equals an
    alternative. Only what lies wholly inside the evaluation span counts.

    Raises:
        InputError: gold and predictions do not belong together.
    """
    entities = known or KnownEntities.of(gold, predicted)
    for number, pair in enumerate(pairs(gold, predicted)):
        told = {(m.start, m.end): m for m in given[number].mentions} if given else {}
        found = list(_Judge(number, *pair, entities, told, gold_in_base or {}).mistakes())
        yield from sorted(found, key=lambda mistake: (mistake.start, -mistake.end))


class _Judge:
    """One document's gold and predicted mentions inside the evaluation span, looked through for errors."""

    def __init__(
        self,
        number: int,
        gold: GoldDocument,
        predicted: Document,
        known: KnownEntities,
        told: Mapping[Span, Mention],
        gold_in_base: Mapping[str, bool],
    ) -> None:
        self.number, self.gold, self.known, self.told, self.gold_in_base = number, gold, known, told, gold_in_base
        self.mentions = [mention for mention in gold.scored() if mention.entity_id is not None]
        self.spans = {mention.span for mention in self.mentions}
        alternatives = gold.scored_alternatives()
        without_id = (mention for mention in (*gold.scored(), *alternatives) if mention.entity_id is None)
        self.unknown = [mention.span for mention in without_id]
        self.right = {(mention.span, mention.entity_id) for mention in self.mentions}
        self.acceptable = {(mention.span, mention.entity_id) for mention in alternatives}
        self.predictions = [m for m in predicted.mentions if gold.is_scored(m.start, m.end)]
        self.false = [mention for mention in self.predictions if self._is_false(mention)]

    def mistakes(self) -> Iterator[Mistake]:
        false_spans = [(mention.start, mention.end) for mention in self.false]
        for mention in self.mentions:
            exact = [each for each in self.predictions if (each.start, each.end) == mention.span]
            if any(each.entity_id == mention.entity_id for each in exact):
                continue
            wrong = next((m for m in exact if m.entity_id and (mention.span, m.entity_id) not in self.right), None)
            if wrong is not None and wrong.entity_id is not None:
                category = wrong_entity(self.gold.text, mention, wrong.entity_id, self.known)
                yield self._of_gold(ErrorKind.WRONG_ENTITY, category, mention, wrong)
            else:
                nil = next((each for each in exact if each.entity_id is None), None)
                category = undetected(self.gold.text, mention, nil is not None, false_spans)
                yield self._of_gold(ErrorKind.UNDETECTED, category, mention, nil or self._overlapping(mention))
        for link in self.false:
            yield Mistake(
                kind=ErrorKind.FALSE_DETECTION,
                categories=(false_detection(link, self.mentions, self.unknown),),
                document=self.number,
                document_id=self.gold.id,
                start=link.start,
                end=link.end,
                text=link.text,
                context=_context(self.gold.text, link.start, link.end),
                predicted=link,
                predicted_label=self._label(link),
            )

    def _is_false(self, mention: Mention) -> bool:
        span = (mention.start, mention.end)
        return (
            mention.entity_id is not None
            and span not in self.spans
            and (span, mention.entity_id) not in self.acceptable
        )

    def _overlapping(self, gold: GoldMention) -> Mention | None:
        return next((m for m in self.predictions if m.start < gold.end and gold.start < m.end), None)

    def _of_gold(self, kind: ErrorKind, category: Category, gold: GoldMention, predicted: Mention | None) -> Mistake:
        gold_id = gold.entity_id or ""
        exact = predicted if predicted is not None and (predicted.start, predicted.end) == gold.span else None
        retrieval = candidates(gold_id, exact)
        return Mistake(
            kind=kind,
            categories=(category,) if retrieval is None else (category, retrieval),
            document=self.number,
            document_id=self.gold.id,
            start=gold.start,
            end=gold.end,
            text=self.gold.text[gold.start : gold.end],
            context=_context(self.gold.text, gold.start, gold.end),
            gold_id=gold.entity_id,
            gold_label=self.known.label(gold_id),
            gold_in_base=self.gold_in_base.get(gold_id),
            predicted=predicted,
            predicted_label=self._label(predicted),
            given=self.told.get(gold.span),
        )

    def _label(self, mention: Mention | None) -> str | None:
        if mention is None or mention.entity_id is None:
            return None
        return mention.label or self.known.label(mention.entity_id)


def _context(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    return " ".join(f"{before}⟦{text[start:end]}⟧{after}".split())
