"""The further figures of a benchmark in one place: other tools' scores, intervals, parts, kinds of error. All optional.

`report` shows them as JSON, `detail_tables` as tables; how each is counted stands in its own module.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from elinker.evaluation.breakdown import Group, by_length, by_seen, by_type
from elinker.evaluation.categories import Category
from elinker.evaluation.gerbil import GerbilScores, SpanMatching, score_a2kb, score_d2kb
from elinker.evaluation.intervals import FigureIntervals, Interval, measure_intervals, share_interval
from elinker.evaluation.reference import ReferenceScores, score_reference
from elinker.evaluation.resampling import Average, Resampling
from elinker.evaluation.run import BenchmarkResult

A2KB = "A2KB"
D2KB = "D2KB"


@dataclass(frozen=True)
class Details:
    """Further figures of a result, computed when they are asked for.

    `seen` are the entities of the training data; without them there is no breakdown by them.
    """

    result: BenchmarkResult
    resampling: Resampling
    seen: Set[str] | None = None

    @cached_property
    def gerbil(self) -> Mapping[tuple[str, SpanMatching], GerbilScores]:
        """GERBIL's figures by experiment and matching. D2KB is of the given spans, or else of the found ones."""
        gold, predicted = self.result.gold, self.result.predicted
        on_spans = self.result.given if self.result.given is not None else predicted
        scores = {}
        for matching in SpanMatching:
            scores[A2KB, matching] = score_a2kb(gold, predicted, matching)
            scores[D2KB, matching] = score_d2kb(gold, on_spans, matching)
        return scores

    @cached_property
    def reference(self) -> ReferenceScores:
        """The scores of OneGen's reference code."""
        return score_reference(self.result.gold, self.result.predicted, self.result.given)

    @cached_property
    def intervals(self) -> Mapping[str, FigureIntervals | None]:
        """Intervals by names like `linking micro`."""
        scores = self.result.scores
        measures = {"detection": scores.detection, "linking": scores.linking, "linking_strict": scores.linking_strict}
        return {
            f"{name} {average}": measure_intervals(measure, average, self.resampling)
            for name, measure in measures.items()
            for average in Average
        }

    @cached_property
    def accuracy_interval(self) -> Interval | None:
        """The interval of the disambiguation accuracy; None where there is none."""
        disambiguation = self.result.disambiguation
        return share_interval(disambiguation.per_document, self.resampling) if disambiguation else None

    @cached_property
    def parts(self) -> Mapping[str, list[Group]]:
        """Linking figures by type, length and, where `seen` is known, by whether training saw the entity."""
        gold, predicted = self.result.gold, self.result.predicted
        parts = {"type": by_type(gold, predicted, self.result.known), "length": by_length(gold, predicted)}
        if self.seen is not None:
            parts["seen"] = by_seen(gold, predicted, self.seen)
        return parts

    @cached_property
    def errors(self) -> Mapping[Category, int]:
        """How many errors each category has; every category is there."""
        counts = Counter(category for mistake in self.result.mistakes() for category in mistake.categories)
        return {category: counts[category] for category in Category}

    def to_json(self) -> dict[str, Any]:
        """All of them as plain JSON values."""
        return {
            "gerbil": {
                f"{experiment} {matching}": {
                    str(name): measure.to_json() if measure else None for name, measure in scores.items()
                }
                for (experiment, matching), scores in self.gerbil.items()
            },
            "reference": self.reference.to_json(),
            "intervals": {
                **{name: value.to_json() if value else None for name, value in self.intervals.items()},
                "disambiguation accuracy": self.accuracy_interval.to_json() if self.accuracy_interval else None,
            },
            "parts": {name: [group.to_json() for group in groups] for name, groups in self.parts.items()},
            "errors": {str(category): count for category, count in self.errors.items()},
        }
