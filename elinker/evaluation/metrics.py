"""Precision, recall, F1 and accuracy of entity linking as pure functions of gold and predicted documents.

No linker is run here (`run` does that), so that the predictions of any system can be scored. Definitions and sources:
docs/evaluation.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from elinker.errors import InputError
from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.matching import Counts, compare
from elinker.schema import Document


@dataclass(frozen=True, slots=True)
class Figures:
    """Precision, recall and F1, each in [0, 1]."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, counts: Counts) -> "Figures":
        """The figures of counts; nothing to find and nothing found is perfect (Röder et al. 2018), else 0/0 is 0."""
        right, false, missed = counts.true_positives, counts.false_positives, counts.false_negatives
        if right + false + missed == 0:
            return cls(1.0, 1.0, 1.0)
        if right == 0:
            return cls(0.0, 0.0, 0.0)
        return cls(right / (right + false), right / (right + missed), 2 * right / (2 * right + false + missed))


@dataclass(frozen=True)
class Measure:
    """One comparison over a benchmark, with the counts of each document kept."""

    per_document: tuple[Counts, ...]

    @cached_property
    def counts(self) -> Counts:
        """The sum over documents."""
        return sum(self.per_document, Counts())

    @cached_property
    def micro(self) -> Figures:
        """Figures of the summed counts: every mention weighs the same."""
        return Figures.of(self.counts)

    @cached_property
    def macro(self) -> Figures:
        """Means over documents of the figures of each: every document weighs the same. F1 is the mean of F1s."""
        figures = [Figures.of(counts) for counts in self.per_document] or [Figures.of(Counts())]
        return Figures(
            precision=_mean([each.precision for each in figures]),
            recall=_mean([each.recall for each in figures]),
            f1=_mean([each.f1 for each in figures]),
        )

    def to_json(self) -> dict[str, Any]:
        """Micro, macro and summed counts as plain JSON values."""
        return {"micro": _json(self.micro), "macro": _json(self.macro), "counts": _json(self.counts)}


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share in [0, 1]; None of nothing."""
        return self.part / self.whole if self.whole else None

    def to_json(self) -> dict[str, Any]:
        """Value, part and whole as plain JSON values."""
        return {"value": self.value, "part": self.part, "whole": self.whole}


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of end-to-end predictions.

    `gold_mentions` have an id, `unknown_mentions` do not. `detection` and `linking` count mentions with an id against
    predictions with an entity, `detection_all` counts NIL too, `linking_strict` forgives nothing (GERBIL's InKB).
    `accuracy_on_found` is the share of right entities among gold mentions with an id whose span was predicted.
    """

    documents: int
    gold_mentions: int
    unknown_mentions: int
    detection: Measure
    detection_all: Measure
    linking: Measure
    linking_strict: Measure
    accuracy_on_found: Share

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON values."""
        return {
            "documents": self.documents,
            "gold_mentions": self.gold_mentions,
            "unknown_mentions": self.unknown_mentions,
            "detection": self.detection.to_json(),
            "detection_all": self.detection_all.to_json(),
            "linking": self.linking.to_json(),
            "linking_strict": self.linking_strict.to_json(),
            "accuracy_on_found": self.accuracy_on_found.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Disambiguation:
    """Scores of predictions on given gold spans.

    `accuracy` is over gold mentions with an id, a NIL is wrong; `macro_accuracy` is its mean over the documents that
    have such mentions. `accuracy_in_base` is over those whose id is in the base (None: no base to ask).
    `candidate_recall` is the share whose id is among the candidates that the linker kept.
    `per_document` has the accuracy of each document.
    """

    accuracy: Share
    macro_accuracy: float | None
    accuracy_in_base: Share | None
    candidate_recall: Share
    per_document: tuple[Share, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON values."""
        return {
            "accuracy": self.accuracy.to_json(),
            "macro_accuracy": self.macro_accuracy,
            "accuracy_in_base": self.accuracy_in_base.to_json() if self.accuracy_in_base else None,
            "candidate_recall": self.candidate_recall.to_json(),
        }


def score(gold: Sequence[GoldDocument], predicted: Sequence[Document]) -> Scores:
    """Score end-to-end predictions, the n-th predicted document against the n-th gold document.

    Raises:
        InputError: there are more of one than of the other, or two texts differ.
    """
    comparisons = [compare(*pair) for pair in pairs(gold, predicted)]
    found = [comparison.found() for comparison in comparisons]
    return Scores(
        documents=len(comparisons),
        gold_mentions=sum(len(comparison.gold_links) for comparison in comparisons),
        unknown_mentions=sum(len(comparison.unknown_spans) for comparison in comparisons),
        detection=Measure(tuple(comparison.detection() for comparison in comparisons)),
        detection_all=Measure(tuple(comparison.detection_of_all() for comparison in comparisons)),
        linking=Measure(tuple(comparison.linking() for comparison in comparisons)),
        linking_strict=Measure(tuple(comparison.linking_strict() for comparison in comparisons)),
        accuracy_on_found=Share(sum(right for right, _ in found), sum(whole for _, whole in found)),
    )


def score_disambiguation(
    gold: Sequence[GoldDocument], predicted: Sequence[Document], *, in_base: Callable[[str], bool] | None = None
) -> Disambiguation:
    """Score predictions made on given gold spans; `in_base` says whether an id is in the knowledge base.

    A gold mention that has no prediction of exactly its span is wrong.

    Raises:
        InputError: there are more of one than of the other, or two texts differ.
    """
    shares: list[Share] = []
    known = known_right = in_candidates = 0
    for gold_document, document in pairs(gold, predicted):
        comparison = compare(gold_document, document)
        candidates = {
            ((mention.start, mention.end), candidate.entity_id)
            for mention in document.mentions
            for candidate in mention.candidates
        } | comparison.predicted_links
        right = comparison.gold_links & comparison.predicted_links
        shares.append(Share(len(right), len(comparison.gold_links)))
        in_candidates += len(comparison.gold_links & candidates)
        if in_base is not None:
            known += sum(in_base(entity_id) for _, entity_id in comparison.gold_links)
            known_right += sum(in_base(entity_id) for _, entity_id in right)
    accuracy = Share(sum(share.part for share in shares), sum(share.whole for share in shares))
    values = [share.value for share in shares if share.value is not None]
    return Disambiguation(
        accuracy=accuracy,
        macro_accuracy=_mean(values) if values else None,
        accuracy_in_base=Share(known_right, known) if in_base is not None else None,
        candidate_recall=Share(in_candidates, accuracy.whole),
        per_document=tuple(shares),
    )


def base_coverage(gold: Sequence[GoldDocument], in_base: Callable[[str], bool]) -> Share:
    """The share of scored gold mentions with an id whose entity is in the base: no linker gets more of them right."""
    links = {
        (number, mention.span, mention.entity_id)
        for number, document in enumerate(gold)
        for mention in document.scored()
        if mention.entity_id is not None
    }
    return Share(sum(in_base(entity_id) for _, _, entity_id in links), len(links))


def pairs(gold: Sequence[GoldDocument], predicted: Sequence[Document]) -> list[tuple[GoldDocument, Document]]:
    """Gold documents with their predictions.

    Raises:
        InputError: there are more of one than of the other, or two texts differ, so that offsets mean different things.
    """
    if len(gold) != len(predicted):
        raise InputError(f"{len(gold)} gold documents, but {len(predicted)} predicted ones")
    paired = list(zip(gold, predicted, strict=True))
    for benchmark, document in paired:
        if benchmark.text != document.text:
            raise InputError(
                f"document {benchmark.id!r}: the predictions are of another text",
                hint="predictions need the benchmark's texts unchanged, offsets are compared",
            )
    return paired


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _json(figures: Figures | Counts) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in figures.__dataclass_fields__}
