"""Figures of answers for people and programs: tables, Markdown for a model card, JSON. Nothing is counted here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from elinker.evaluation.report import percent, wide_table
from elinker.evaluation.resampling import Resampling
from elinker.rag.evaluation.scoring import RANKS, Scores, by_hops, by_type, to_json

if TYPE_CHECKING:
    from rich.table import Table

REPORT_VERSION = 1
"""Version of the JSON report; it grows when a figure changes its meaning or place."""

NAMES = {
    "answer_em": "answer EM",
    "answer_f1": "answer F1",
    "match": "match",
    "match_normalised": "match, normalised",
    "label": "label accuracy",
    "facts_em": "supporting facts EM",
    "facts_f1": "supporting facts F1",
    "evidence_em": "evidence EM",
    "evidence_f1": "evidence F1",
    "joint_em": "joint EM",
    "joint_f1": "joint F1",
    "recognised": "not in the base: recognised",
    "refused": "in the base: refused",
}
"""Figures of the main table; precisions and recalls are in the JSON report alone."""

COUNTS = {
    "tokens_read": "tokens read a question",
    "tokens_written": "tokens written a question",
    "retrievals": "retrievals a question",
}

_Rows = tuple[str, Sequence[str], list[Sequence[str]]]
"""A table: title, columns and rows."""


def tables(scores: Scores, resampling: Resampling) -> "list[Table]":
    """All tables for a terminal."""
    return [wide_table(title, columns, rows) for title, columns, rows in _all(scores, resampling)]


def markdown(scores: Scores, resampling: Resampling, settings: Mapping[str, Any]) -> str:
    """All tables as Markdown, with a line that says what was measured with which settings."""
    parts = []
    for title, columns, rows in _all(scores, resampling):
        lines = [columns, ("---", *["---:"] * (len(columns) - 1)), *rows]
        table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        parts.append(f"**{title}**\n\n{table}\n")
    given = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items() if value is not None)
    return "\n".join([*parts, f"Percent, but for counts. Definitions: docs/rag-evaluation.md. Settings: {given}.\n"])


def report(scores: Scores, resampling: Resampling, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All figures and settings as plain JSON values."""
    from elinker import __version__

    return {
        "report": REPORT_VERSION,
        "elinker": __version__,
        "settings": dict(settings),
        "resampling": resampling.to_json(),
        **to_json(scores, resampling),
    }


def _all(scores: Scores, resampling: Resampling) -> list[_Rows]:
    made = [_main(scores, resampling), _recall(scores), _parts("type", scores.parts(by_type))]
    made.append(_parts("hops", scores.parts(by_hops)))
    return [table for table in made if table[2]]


def _main(scores: Scores, resampling: Resampling) -> _Rows:
    rows: list[Sequence[str]] = []
    intervals = scores.intervals(resampling)
    for name, shown in NAMES.items():
        if interval := intervals.get(name):
            between = f"{percent(interval.low)} to {percent(interval.high)}"
            rows.append((shown, percent(interval.value), between, str(scores.count(name))))
    for name, shown in COUNTS.items():
        mean = scores.mean(name)
        if mean is not None:
            rows.append((shown, f"{mean:.1f}", "", str(scores.count(name))))
    level = f"{resampling.confidence:.0%} interval"
    return f"{len(scores.scored)} questions", ("figure", "value", level, "questions"), rows


def _recall(scores: Scores) -> _Rows:
    ranks = [rank for rank in RANKS if scores.count(f"any_step@{rank}")]
    hops = sorted({int(name[4:].split("@")[0]) for name in scores.names if name.startswith("hop_")})
    shown = {f"hop_{hop}": f"hop {hop}" for hop in hops}
    if hops:
        shown |= {"all_hops": "all hops", "any_step": "at any step"}
    rows = [
        (label, *(percent(scores.mean(f"{name}@{rank}")) for rank in ranks), str(scores.count(f"{name}@{ranks[0]}")))
        for name, label in shown.items()
    ]
    return "Recall of the passages needed", ("", *(f"@{rank}" for rank in ranks), "questions"), list(rows)


def _parts(name: str, parts: Mapping[str, Scores]) -> _Rows:
    wanted = ["answer_em", "answer_f1", "match_normalised", "label", "all_hops@1", "recognised"]
    names = [each for each in wanted if any(part.count(each) for part in parts.values())]
    heads = {**NAMES, "match_normalised": "match", "all_hops@1": "all hops @1", "recognised": "recognised"}
    rows = [
        (label, str(len(part.scored)), *(percent(part.mean(each)) for each in names)) for label, part in parts.items()
    ]
    return f"By {name}", (name, "questions", *(heads[each] for each in names)), list(rows)
