"""The three scores of OneGen's reference code, by its definitions: comparable with the figures of its paper.

They compare strings, not offsets: a mention is its text, and the n-th "Paris" that was predicted meets the n-th "Paris"
of the gold. All labels count, nested ones too, over the whole text, whatever the evaluation span.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Figures, Share, pairs
from elinker.schema import Document, Mention


@dataclass(frozen=True, slots=True)
class ReferenceScores:
    """Counts of entity linking (EL) and mention detection (MD), and entity disambiguation (ED) as a share.

    EL: an item is (document, mention text without blanks around it, entity), as often as it occurs. Gold mentions
    without an id are no items; each takes away one prediction of the same text, the first, whatever its entity.

    MD: an item is the mention text, as often as it occurs in the whole benchmark, whichever document it stands in; gold
    mentions without an id count.

    ED: the share of gold mentions with an id that got their entity when all gold spans were given; None where the
    predictions are not on given spans.
    """

    linking: Counts
    detection: Counts
    disambiguation: Share | None

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON values."""
        return {
            "linking": _json(self.linking),
            "detection": _json(self.detection),
            "disambiguation": self.disambiguation.to_json() if self.disambiguation else None,
        }


def figures(counts: Counts) -> Figures:
    """Precision, recall and F1 as the reference code has them: with nothing right all three are 0."""
    return Figures.of(counts) if counts.true_positives else Figures(0.0, 0.0, 0.0)


def score_reference(
    gold: Sequence[GoldDocument], predicted: Sequence[Document], given: Sequence[Document] | None = None
) -> ReferenceScores:
    """The three scores of end-to-end predictions and, with `given`, of predictions on the gold spans.

    Predicted NILs are mentions of MD and no items of EL: the reference code gives every mention an entity.

    Raises:
        InputError: there are more of one than of the other, or two texts differ.
    """
    gold_links: Counter[Hashable] = Counter()
    predicted_links: Counter[Hashable] = Counter()
    gold_texts: Counter[Hashable] = Counter()
    predicted_texts: Counter[Hashable] = Counter()
    for number, (benchmark, document) in enumerate(pairs(gold, predicted)):
        labels = (*benchmark.mentions, *benchmark.alternatives)
        texts = [benchmark.text[label.start : label.end] for label in labels]
        gold_texts.update(texts)
        predicted_texts.update(mention.text for mention in document.mentions)
        gold_links.update(
            (number, text.strip(), label.entity_id)
            for text, label in zip(texts, labels, strict=True)
            if label.entity_id is not None
        )
        unknown = Counter(text.strip() for text, label in zip(texts, labels, strict=True) if label.entity_id is None)
        predicted_links.update((number, *item) for item in _without_unknown(document.mentions, unknown))
    return ReferenceScores(
        linking=_compare(gold_links, predicted_links),
        detection=_compare(gold_texts, predicted_texts),
        disambiguation=_disambiguation(gold, given) if given is not None else None,
    )


def _without_unknown(mentions: Sequence[Mention], unknown: Counter[str]) -> list[tuple[str, str]]:
    kept = []
    for mention in mentions:
        text = mention.text.strip()
        if mention.entity_id is None:
            continue
        if unknown[text] > 0:
            unknown[text] -= 1
        else:
            kept.append((text, mention.entity_id))
    return kept


def _compare(gold: Counter[Hashable], predicted: Counter[Hashable]) -> Counts:
    right = (gold & predicted).total()
    return Counts(right, predicted.total() - right, gold.total() - right)


def _disambiguation(gold: Sequence[GoldDocument], given: Sequence[Document]) -> Share:
    right = whole = 0
    for benchmark, document in pairs(gold, given):
        answers = {(mention.start, mention.end, mention.entity_id) for mention in document.mentions}
        known = [label for label in benchmark.scored() if label.entity_id is not None]
        whole += len(known)
        right += sum((label.start, label.end, label.entity_id) in answers for label in known)
    return Share(right, whole)


def _json(counts: Counts) -> dict[str, Any]:
    own = figures(counts)
    return {
        "precision": own.precision,
        "recall": own.recall,
        "f1": own.f1,
        "counts": {
            "true_positives": counts.true_positives,
            "false_positives": counts.false_positives,
            "false_negatives": counts.false_negatives,
        },
    }
