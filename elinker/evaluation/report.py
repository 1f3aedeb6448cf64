"""Evaluation results for people and programs: the table, its Markdown for a model card, JSON, and lists of mistakes."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinker.errors import UsageError
from elinker.evaluation.run import BenchmarkResult

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
        result.name,
        str(scores.documents),
        str(scores.gold_mentions),
        _percent(result.coverage.value if result.coverage else None),
        _percent(detection.precision),
        _percent(detection.recall),
        _percent(detection.f1),
        _percent(result.disambiguation.accuracy.value if result.disambiguation else None),
        _percent(linking.precision),
        _percent(linking.recall),
        _percent(linking.f1),
        _percent(scores.linking.macro.f1),
        _percent(scores.linking_strict.micro.f1),
        ABSENT if result.seconds is None else f"{result.seconds:.1f}",
    )


def table(results: Sequence[BenchmarkResult]) -> "Table":
    """The results as a rich table, a row a benchmark, as wide as it needs to be: a terminal must not cut figures."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    made = Table()
    made.add_column(COLUMNS[0], no_wrap=True)
    for column in COLUMNS[1:]:
        made.add_column(column, justify="right", no_wrap=True)
    for result in results:
        made.add_row(*(escape(cell) for cell in cells(result)))
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


def to_json(results: Sequence[BenchmarkResult], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All figures and settings as plain JSON values."""
    from elinker import __version__

    return {
        "report": REPORT_VERSION,
        "elinker": __version__,
        "settings": dict(settings),
        "benchmarks": [result.to_json() for result in results],
    }


def write_json(path: Path, results: Sequence[BenchmarkResult], settings: Mapping[str, Any]) -> None:
    """Write `to_json` to a file."""
    write_text(path, json.dumps(to_json(results, settings), ensure_ascii=False, indent=2) + "\n")


def write_mistakes(path: Path, results: Sequence[BenchmarkResult]) -> None:
    """Write the mistakes of all benchmarks: a table with a header line for `.tsv`, else JSONL."""
    rows = [{"benchmark": result.name, **each.to_json()} for result in results for each in result.mistakes()]
    if path.suffix != ".tsv":
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter="\t", lineterminator="\n")
    writer.writerow(rows[0] if rows else ["benchmark"])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    write_text(path, sheet.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name beside it and rename it, so that no half file is ever seen.

    Raises:
        UsageError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(f"{entity_id} {label} {score}" for entity_id, label, score in value)
    return "" if value is None else " ".join(str(value).split())


def _percent(value: float | None) -> str:
    return ABSENT if value is None else f"{100 * value:.1f}"
