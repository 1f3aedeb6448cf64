"""The further figures as rich tables, one function a table. The main table is in `report`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from elinker.evaluation.categories import MEANING
from elinker.evaluation.details import Details
from elinker.evaluation.intervals import FigureIntervals, Interval
from elinker.evaluation.metrics import Figures
from elinker.evaluation.reference import figures
from elinker.evaluation.report import ABSENT, percent, wide_table
from elinker.evaluation.significance import Difference

if TYPE_CHECKING:
    from rich.table import Table

COMPARED = (
    "detection micro f1",
    "linking micro precision",
    "linking micro recall",
    "linking micro f1",
    "linking macro f1",
    "linking_strict micro f1",
)
"""The figures of a comparison that are shown."""


def gerbil_table(details: Details) -> "Table":
    """GERBIL's figures: a row for each experiment, matching and class of entity."""
    rows = []
    for (experiment, matching), scores in details.gerbil.items():
        for entity_class, measure in scores.items():
            cells = [*_figures(measure.micro), *_figures(measure.macro)] if measure else [ABSENT] * 6
            rows.append((experiment, str(matching), str(entity_class), *cells))
    columns = ("experiment", "match", "entities", "P", "R", "F1", "macro P", "macro R", "macro F1")
    return wide_table(f"{details.result.title}: GERBIL", columns, rows, left=3)


def reference_table(details: Details) -> "Table":
    """The reference code's scores: a row each."""
    scores = details.reference
    accuracy = percent(scores.disambiguation.value if scores.disambiguation else None)
    rows = [
        ("EL", *_figures(figures(scores.linking)), ABSENT),
        ("ED", ABSENT, ABSENT, ABSENT, accuracy),
        ("MD", *_figures(figures(scores.detection)), ABSENT),
    ]
    return wide_table(f"{details.result.title}: OneGen's reference code", ("score", "P", "R", "F1", "accuracy"), rows)


def interval_table(details: Details) -> "Table":
    """Every figure with its interval."""
    rows = [(name, *_intervals(own)) for name, own in details.intervals.items()]
    rows.append(("disambiguation accuracy", ABSENT, ABSENT, ABSENT, _interval(details.accuracy_interval)))
    level = f"{details.resampling.confidence:.0%}"
    made_of = (
        f"{level} intervals, {details.resampling.resamples} resamples of documents, seed {details.resampling.seed}"
    )
    return wide_table(f"{details.result.title}: {made_of}", ("measure", "P", "R", "F1", "accuracy"), rows)


def part_table(details: Details, part: str) -> "Table":
    """Linking figures of one breakdown: a row a group."""
    rows = []
    for group in details.parts[part]:
        counts = group.counts
        numbers = (counts.true_positives, counts.false_positives, counts.false_negatives)
        rows.append((group.name, *_figures(group.figures), *(str(number) for number in numbers)))
    columns = (part, "P", "R", "F1", "right", "false", "missed")
    return wide_table(f"{details.result.title}: linking by {part}", columns, rows)


def error_table(details: Details) -> "Table":
    """How many errors of each category, with what it means."""
    rows = [(str(category), MEANING[category], str(count)) for category, count in details.errors.items()]
    return wide_table(f"{details.result.title}: errors", ("category", "meaning", "errors"), rows, left=2)


def comparison_table(title: str, names: tuple[str, str], compared: Mapping[str, Difference]) -> "Table":
    """Two systems: a row a figure, with difference, its interval and p. Only `COMPARED`; the JSON report has all."""
    rows = []
    for name in COMPARED:
        each = compared[name]
        interval = f"[{100 * each.difference.low:+.1f}, {100 * each.difference.high:+.1f}]"
        difference = f"{100 * each.difference.value:+.1f}"
        rows.append((name, percent(each.first), percent(each.second), difference, interval, f"{each.p:.3f}"))
    return wide_table(title, ("figure", *names, "difference", "interval", "p"), rows)


def _figures(figures: Figures) -> Sequence[str]:
    return percent(figures.precision), percent(figures.recall), percent(figures.f1)


def _intervals(intervals: FigureIntervals | None) -> Sequence[str]:
    if intervals is None:
        return (ABSENT,) * 4
    return _interval(intervals.precision), _interval(intervals.recall), _interval(intervals.f1), ABSENT


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return ABSENT
    return f"{percent(interval.value)} [{percent(interval.low)}, {percent(interval.high)}]"
