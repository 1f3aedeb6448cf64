"""Evaluation results for people and programs: the main table, its Markdown for a model card, JSON, and lists of errors.

Further tables are in `detail_tables`, the page with the texts is in `html_page`.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinker.corpus.formats.mention_table import neutral
from elinker.evaluation.details import Details
from elinker.evaluation.mistakes import MISTAKE_FIELDS
from elinker.evaluation.run import BenchmarkResult
from elinker.whole_file import write_text

if TYPE_CHECKING:
    from rich.table import Table

REPORT_VERSION = 1
"""Version of the JSON report; it grows when a figure changes its meaning or place."""

COLUMNS = (
    "benchmark",
    "docs",
    "gold",
    "in base",
    "MD P",
    "MD R",
    "MD F1",
    "ED acc",
    "EL P",
    "EL R",
    "EL F1",
    "macro F1",
    "strict F1",
    "seconds",
)
"""MD: mention detection, ED: disambiguation of given mentions, EL: end-to-end linking; in percent but for counts."""

ABSENT = "–"

_WIDEST = 1000


def cells(result: BenchmarkResult) -> tuple[str, ...]:
    """A benchmark's row, in the order of `COLUMNS`."""
    scores = result.scores
    detection, linking = scores.detection.micro, scores.linking.micro
    return (
        result.title,
        str(scores.documents),
        str(scores.gold_mentions),
        percent(result.coverage.value if result.coverage else None),
        percent(detection.precision),
        percent(detection.recall),
        percent(detection.f1),
        percent(result.disambiguation.accuracy.value if result.disambiguation else None),
        percent(linking.precision),
        percent(linking.recall),
        percent(linking.f1),
        percent(scores.linking.macro.f1),
        percent(scores.linking_strict.micro.f1),
        ABSENT if result.seconds is None else f"{result.seconds:.1f}",
    )


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal, a dash where there is none."""
    return ABSENT if value is None else f"{100 * value:.1f}"


def table(results: Sequence[BenchmarkResult]) -> "Table":
    """The results as a rich table, a row a benchmark."""
    return wide_table(None, COLUMNS, [cells(result) for result in results])


def wide_table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> "Table":
    """A rich table as wide as it needs to be: a terminal must not cut figures. The first `left` columns are words."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    made = Table(title=None if title is None else escape(title), title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(escape(column), justify="left" if number < left else "right", no_wrap=True)
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    made.width = Console(width=_WIDEST).measure(made).maximum
    return made


def markdown(results: Sequence[BenchmarkResult], settings: Mapping[str, Any]) -> str:
    """The same table as Markdown, with a line that says what was measured with which settings."""
    rows = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *(cells(result) for result in results)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    given = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items() if value is not None)
    legend = (
        "Percent, micro averages unless said otherwise. MD: mention detection, ED: accuracy of disambiguation with "
        "given mentions, EL: end-to-end linking (exact span and entity), strict: GERBIL's InKB count. Definitions: "
        "docs/evaluation.md."
    )
    return "\n".join([*lines, "", legend, *([f"Settings: {given}."] if given else []), ""])


def to_json(
    details: Sequence[Details], settings: Mapping[str, Any], comparisons: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All figures and settings as plain JSON values; `comparisons` are of two systems, by benchmark."""
    from elinker import __version__

    return {
        "report": REPORT_VERSION,
        "elinker": __version__,
        "settings": dict(settings),
        "benchmarks": [{**each.result.to_json(), **each.to_json()} for each in details],
        **({"comparisons": dict(comparisons)} if comparisons else {}),
    }


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write what `to_json` returns to a file."""
    write_text(path, json.dumps(report, ensure_ascii=False, indent=2) + "\n")


def write_mistakes(path: Path, results: Sequence[BenchmarkResult]) -> None:
    """Write the errors of all benchmarks: a table with a header line for `.tsv`, else JSONL."""
    rows = [{"benchmark": result.title, **each.to_json()} for result in results for each in result.mistakes()]
    if path.suffix != ".tsv":
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter="\t", lineterminator="\n")
    writer.writerow(["benchmark", *MISTAKE_FIELDS])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    write_text(path, sheet.getvalue())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(each if isinstance(each, str) else " ".join(str(part) for part in each) for each in value)
    return "" if value is None else neutral(" ".join(value.split())) if isinstance(value, str) else str(value)
