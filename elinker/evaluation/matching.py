"""What is right and wrong in one document: gold and predicted annotations as sets. Ratios are made in `metrics`.

An annotation is a span, or a span with an entity; the same annotation twice counts once. Spans match when start and end
are equal ("strong annotation match", Cornolti et al. 2013). docs/evaluation.md explains each count with an example.
"""

from collections.abc import Set
from dataclasses import dataclass

from elinker.evaluation.gold import GoldDocument, Span
from elinker.schema import Document

Link = tuple[Span, str]
"""A span and the id of its entity."""


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives, of a document or summed."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One document's gold and predicted annotations inside the evaluation span, as sets ready to be compared."""

    gold_links: Set[Link]
    unknown_spans: Set[Span]
    alternative_spans: Set[Span]
    alternative_links: Set[Link]
    unknown_alternative_spans: Set[Span]
    predicted_links: Set[Link]
    predicted_nil_spans: Set[Span]

    @property
    def gold_spans(self) -> Set[Span]:
        """Spans of gold mentions with an id."""
        return {span for span, _ in self.gold_links}

    @property
    def linked_spans(self) -> Set[Span]:
        """Predicted spans with an entity."""
        return {span for span, _ in self.predicted_links}

    def detection(self) -> Counts:
        """Gold spans with an id against predicted spans with an entity; unknown entities and alternatives aside."""
        return _count(self.gold_spans, self.linked_spans, self.unknown_spans | self.alternative_spans)

    def detection_of_all(self) -> Counts:
        """All gold spans against all predicted spans, NIL on both sides included; alternatives aside."""
        gold = self.gold_spans | self.unknown_spans
        return _count(gold, self.linked_spans | self.predicted_nil_spans, self.alternative_spans)

    def linking(self) -> Counts:
        """Gold links against predicted links; predictions on a span of unknown entity and right alternatives aside."""
        return _count(self.gold_links, self.predicted_links, self.links_aside())

    def links_aside(self) -> Set[Link]:
        """Predicted links that `linking` leaves out: on a span of unknown entity, and right alternatives."""
        unknown = (self.unknown_spans | self.unknown_alternative_spans) - self.gold_spans
        aside = {link for link in self.predicted_links if link[0] in unknown} | self.alternative_links
        return self.predicted_links & aside - self.gold_links

    def linking_strict(self) -> Counts:
        """Gold links against predicted links, nothing aside: what GERBIL's InKB figures count."""
        return _count(self.gold_links, self.predicted_links, set())

    def found(self) -> tuple[int, int]:
        """Of the gold links whose span was predicted (linked or NIL): how many are right, how many there are."""
        found = {link for link in self.gold_links if link[0] in self.linked_spans | self.predicted_nil_spans}
        return len(found & self.predicted_links), len(found)


def compare(gold: GoldDocument, predicted: Document) -> Comparison:
    """Sort the annotations of a document into sets; what is not wholly inside the evaluation span is dropped.

    The texts are taken to be the same, `metrics.pairs` sees to it.
    """
    mentions, alternatives = gold.scored(), gold.scored_alternatives()
    predictions = [mention for mention in predicted.mentions if gold.is_scored(mention.start, mention.end)]
    return Comparison(
        gold_links={(mention.span, mention.entity_id) for mention in mentions if mention.entity_id is not None},
        unknown_spans={mention.span for mention in mentions if mention.entity_id is None},
        alternative_spans={mention.span for mention in alternatives},
        alternative_links={
            (mention.span, mention.entity_id) for mention in alternatives if mention.entity_id is not None
        },
        unknown_alternative_spans={mention.span for mention in alternatives if mention.entity_id is None},
        predicted_links={((m.start, m.end), m.entity_id) for m in predictions if m.entity_id is not None},
        predicted_nil_spans={(m.start, m.end) for m in predictions if m.entity_id is None},
    )


def _count(gold: Set[object], predicted: Set[object], aside: Set[object]) -> Counts:
    right = gold & predicted
    return Counts(len(right), len(predicted - gold - aside), len(gold - predicted))
