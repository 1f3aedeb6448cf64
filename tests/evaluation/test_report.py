"""Results as a table, as Markdown and as files."""

import csv
import io
import json

import pytest
from rich.console import Console

from elinker.errors import UsageError
from elinker.evaluation import report
from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.evaluation.run import evaluate_predictions
from elinker.schema import Document, Mention

TEXT = "Ada met Bob\nand Eve."
GOLD = [GoldDocument("d", TEXT, (GoldMention(0, 3, "Q1"), GoldMention(8, 11, "Q2"), GoldMention(16, 19, "Q3")))]
PREDICTED = [Document("d", TEXT, (Mention(0, 3, "Ada", "Q1"), Mention(8, 11, "Bob", "Q9", "Bob | Bobby")))]
# Detection 2 right, 1 missed; linking 1 right, 1 false, 2 missed.


@pytest.fixture
def results():
    return [evaluate_predictions(PREDICTED, GOLD, name="toy [1]", in_base={"Q1"}.__contains__)]


def test_a_row_holds_percentages_and_dashes_for_what_was_not_measured(results):
    row = dict(zip(report.COLUMNS, report.cells(results[0]), strict=True))
    assert row == {
        "benchmark": "toy [1]",
        "docs": "1",
        "gold": "3",
        "in base": "33.3",
        "MD P": "100.0",
        "MD R": "66.7",
        "MD F1": "80.0",
        "ED acc": "–",
        "EL P": "50.0",
        "EL R": "33.3",
        "EL F1": "40.0",
        "macro F1": "40.0",
        "strict F1": "40.0",
        "seconds": "–",
    }


def test_a_narrow_terminal_cuts_no_figure(results):
    console = Console(width=40, file=io.StringIO(), record=True, soft_wrap=True)
    console.print(report.table(results), crop=False)
    shown = console.export_text()
    assert all(cell in shown for cell in (*report.COLUMNS, *report.cells(results[0])))


def test_markdown_is_one_table_with_the_settings_below(results):
    lines = report.markdown(results, {"base_entities": 9, "threshold": None}).splitlines()
    assert lines[0].startswith("| benchmark | docs |")
    assert {line.count("|") for line in lines[:3]} == {len(report.COLUMNS) + 1}
    assert lines[-1] == "Settings: base entities 9."


def test_json_holds_counts_figures_and_settings(results, tmp_path):
    report.write_json(tmp_path / "report.json", results, {"threshold": 0.5})
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read["settings"] == {"threshold": 0.5}
    [benchmark] = read["benchmarks"]
    assert benchmark["linking"]["counts"] == {"true_positives": 1, "false_positives": 1, "false_negatives": 2}
    assert benchmark["linking"]["micro"]["precision"] == 0.5
    assert benchmark["base_coverage"] == {"value": 1 / 3, "part": 1, "whole": 3}
    assert benchmark["disambiguation"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_mistakes_are_jsonl_or_a_tsv_with_one_line_each(results, tmp_path):
    report.write_mistakes(tmp_path / "mistakes.jsonl", results)
    report.write_mistakes(tmp_path / "mistakes.tsv", results)
    lines = [json.loads(line) for line in (tmp_path / "mistakes.jsonl").read_text(encoding="utf-8").splitlines()]
    with (tmp_path / "mistakes.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(line["kind"], line["text"]) for line in lines] == [("wrong-entity", "Bob"), ("missed", "Eve")]
    assert [(row["benchmark"], row["kind"], row["text"]) for row in rows] == [
        ("toy [1]", "wrong-entity", "Bob"),
        ("toy [1]", "missed", "Eve"),
    ]


def test_a_file_that_cannot_be_written_is_one_clear_error(results, tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        report.write_json(tmp_path / "absent" / "report.json", results, {})
