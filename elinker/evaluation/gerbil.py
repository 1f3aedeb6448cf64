"""The figures of GERBIL (Usbeck et al. 2015; Röder et al. 2018) for its experiments A2KB and D2KB.

The counts follow the procedure of its open-source evaluator: annotations are lists, not sets; each gold annotation, in
order of the text, takes the first prediction that matches it and is not yet taken; what is left over is missed or
false. Averages are those of `metrics`. Two things of GERBIL are not done: it follows `sameAs` links between knowledge
bases, and it looks for the confidence threshold with the best F1 where a system gives confidences.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Measure, pairs
from elinker.schema import Document


class SpanMatching(StrEnum):
    """When the span of a prediction matches that of a gold annotation.

    Strong: start and end are equal. Weak: they share at least one character. The entity has to match in both.
    """

    STRONG = "strong"
    WEAK = "weak"


class EntityClass(StrEnum):
    """Which annotations take part.

    `ALL` of them; `IN_KB`, those with an entity of the knowledge base; `EE`, those of emerging entities, which have
    none (NIL); `GS_IN_KB`, gold annotations with an entity and the predictions on their exact spans (D2KB only). Gold
    and predictions are sorted into the first three separately.
    """

    ALL = "all"
    IN_KB = "InKB"
    EE = "EE"
    GS_IN_KB = "GSInKB"


Annotation = tuple[int, int, str | None]
"""Start, end and entity; None is an emerging entity. Two emerging entities are the same entity."""

GerbilScores = Mapping[EntityClass, Measure | None]
"""A measure for each class; None where neither side has an annotation of it."""


def score_a2kb(
    gold: Sequence[GoldDocument], predicted: Sequence[Document], matching: SpanMatching = SpanMatching.STRONG
) -> GerbilScores:
    """A2KB: find the mentions of a text and link them.

    Raises:
        InputError: there are more of one than of the other, or two texts differ.
    """
    return _scores([_annotations(*pair) for pair in pairs(gold, predicted)], matching, _A2KB)


def score_d2kb(
    gold: Sequence[GoldDocument], predicted: Sequence[Document], matching: SpanMatching = SpanMatching.STRONG
) -> GerbilScores:
    """D2KB: link given mentions. Predictions that are not on exactly the span of a gold annotation are dropped.

    `predicted` are best predictions on the gold spans; of predictions on found spans those remain that could be judged.

    Raises:
        InputError: there are more of one than of the other, or two texts differ.
    """
    on_gold = []
    for pair in pairs(gold, predicted):
        expected, found = _annotations(*pair)
        spans = {annotation[:2] for annotation in expected}
        on_gold.append((expected, [annotation for annotation in found if annotation[:2] in spans]))
    return _scores(on_gold, matching, _D2KB)


_Sides = tuple[list[Annotation], list[Annotation]]
_A2KB = (EntityClass.ALL, EntityClass.IN_KB, EntityClass.EE)
_D2KB = (*_A2KB, EntityClass.GS_IN_KB)


def _annotations(gold: GoldDocument, predicted: Document) -> _Sides:
    """Both sides as lists in order of the text; what is not wholly inside the evaluation span is dropped."""
    expected = [(mention.start, mention.end, mention.entity_id) for mention in gold.scored()]
    found = [(m.start, m.end, m.entity_id) for m in predicted.mentions if gold.is_scored(m.start, m.end)]
    return sorted(expected, key=_span), sorted(found, key=_span)


def _span(annotation: Annotation) -> tuple[int, int]:
    return annotation[:2]


def _scores(documents: Sequence[_Sides], matching: SpanMatching, classes: Sequence[EntityClass]) -> GerbilScores:
    scores: dict[EntityClass, Measure | None] = {}
    for entity_class in classes:
        measure = Measure(tuple(_count(*_of_class(entity_class, sides), matching) for sides in documents))
        scores[entity_class] = measure if measure.counts != Counts() else None
    return scores


def _of_class(entity_class: EntityClass, sides: _Sides) -> _Sides:
    gold, predicted = sides
    in_kb = [annotation for annotation in gold if annotation[2] is not None]
    if entity_class is EntityClass.ALL:
        return sides
    if entity_class is EntityClass.IN_KB:
        return in_kb, [annotation for annotation in predicted if annotation[2] is not None]
    if entity_class is EntityClass.EE:
        return (
            [annotation for annotation in gold if annotation[2] is None],
            [annotation for annotation in predicted if annotation[2] is None],
        )
    spans = {annotation[:2] for annotation in in_kb}
    return in_kb, [annotation for annotation in predicted if annotation[:2] in spans]


def _count(gold: Sequence[Annotation], predicted: Sequence[Annotation], matching: SpanMatching) -> Counts:
    spans_match = _SPANS_MATCH[matching]
    left = list(predicted)
    right = 0
    for expected in gold:
        taken = next((found for found in left if spans_match(expected, found) and expected[2] == found[2]), None)
        if taken is not None:
            left.remove(taken)
            right += 1
    return Counts(right, len(left), len(gold) - right)


def _equal(one: Annotation, other: Annotation) -> bool:
    return one[:2] == other[:2]


def _overlap(one: Annotation, other: Annotation) -> bool:
    return one[0] < other[1] and other[0] < one[1]


_SPANS_MATCH: dict[SpanMatching, Callable[[Annotation, Annotation], bool]] = {
    SpanMatching.STRONG: _equal,
    SpanMatching.WEAK: _overlap,
}
