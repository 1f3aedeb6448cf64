"""Results as a table, as Markdown and as files."""

import csv
import io
import json

import pytest
from rich.console import Console

from elinker.errors import UsageError
from elinker.evaluation import detail_tables, report
from elinker.evaluation.details import Details
from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.evaluation.resampling import Resampling
from elinker.evaluation.run import evaluate_predictions
from elinker.evaluation.significance import compare_scores
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


@pytest.fixture
def details(results):
    return [Details(result, Resampling(resamples=50, seed=7), frozenset({"Q1"})) for result in results]


def test_json_holds_counts_figures_and_settings(details, tmp_path):
    report.write_json(tmp_path / "report.json", report.to_json(details, {"threshold": 0.5}))
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read["settings"] == {"threshold": 0.5}
    [benchmark] = read["benchmarks"]
    assert benchmark["linking"]["counts"] == {"true_positives": 1, "false_positives": 1, "false_negatives": 2}
    assert benchmark["linking"]["micro"]["precision"] == 0.5
    assert benchmark["base_coverage"] == {"value": 1 / 3, "part": 1, "whole": 3}
    assert benchmark["disambiguation"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_json_holds_every_further_figure_too(details):
    [benchmark] = json.loads(json.dumps(report.to_json(details, {})))["benchmarks"]
    assert benchmark["gerbil"]["A2KB strong"]["InKB"]["micro"]["f1"] == 0.4
    assert benchmark["gerbil"]["A2KB strong"]["EE"] is None
    assert benchmark["reference"]["linking"]["f1"] == 0.4
    assert benchmark["intervals"]["linking micro"]["f1"]["value"] == 0.4
    assert [group["name"] for group in benchmark["parts"]["seen"]] == ["seen", "unseen"]
    assert benchmark["errors"]["undetected-other"] == 1


def test_every_further_table_shows_its_figures(details):
    [each] = details
    parts = [detail_tables.part_table(each, part) for part in each.parts]
    tables = [
        detail_tables.gerbil_table(each),
        detail_tables.reference_table(each),
        detail_tables.interval_table(each),
        detail_tables.error_table(each),
        *parts,
    ]
    texts = [shown(table) for table in tables]
    assert all("toy [1]" in text for text in texts)
    assert "40.0" in texts[0] and "40.0" in texts[1]
    assert "40.0 [40.0, 40.0]" in texts[2] and "seed 7" in texts[2]
    assert "undetected-other" in texts[3]
    assert "no type known" in texts[4] and "1 word" in texts[5] and "unseen" in texts[6]


def test_a_comparison_shows_two_systems_their_difference_and_p(results):
    [result] = results
    compared = compare_scores(result.scores, result.scores, Resampling(resamples=50))
    text = shown(detail_tables.comparison_table("toy", ("one", "other"), compared))
    assert all(name in text for name in ("one", "other", *detail_tables.COMPARED))
    assert "+0.0" in text and "1.000" in text


def shown(table):
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def test_errors_are_jsonl_or_a_tsv_with_one_line_each(results, tmp_path):
    report.write_mistakes(tmp_path / "mistakes.jsonl", results)
    report.write_mistakes(tmp_path / "mistakes.tsv", results)
    lines = [json.loads(line) for line in (tmp_path / "mistakes.jsonl").read_text(encoding="utf-8").splitlines()]
    with (tmp_path / "mistakes.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(line["kind"], line["categories"], line["text"]) for line in lines] == [
        ("wrong entity", ["entity-other"], "Bob"),
        ("undetected", ["undetected-other"], "Eve"),
    ]
    assert [(row["benchmark"], row["categories"], row["text"]) for row in rows] == [
        ("toy [1]", "entity-other", "Bob"),
        ("toy [1]", "undetected-other", "Eve"),
    ]


def test_a_table_of_no_errors_has_the_same_header(results, tmp_path):
    perfect = evaluate_predictions([Document("d", "Rain.")], [GoldDocument("d", "Rain.")], name="rain")
    for name, written in (("some.tsv", results), ("none.tsv", [perfect])):
        report.write_mistakes(tmp_path / name, written)
    first, *rest = (tmp_path / "none.tsv").read_text(encoding="utf-8").splitlines()
    assert (first, rest) == ((tmp_path / "some.tsv").read_text(encoding="utf-8").splitlines()[0], [])


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        report.write_json(tmp_path / "absent" / "report.json", {})


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)"])
def test_a_text_of_the_table_of_errors_is_no_formula(tmp_path, text):
    gold = [GoldDocument("d", text, (GoldMention(0, len(text), "Q1"),))]
    result = evaluate_predictions([Document("d", text)], gold, name="toy")
    report.write_mistakes(tmp_path / "mistakes.tsv", [result])
    with (tmp_path / "mistakes.tsv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    assert row["text"] == f"'{text}"
