"""`elinker stats` as a person meets it: tables, JSON, files beside them, exit codes."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
import typer
from typer.testing import CliRunner, Result

from elinker.cli.stats import stats
from elinker.errors import UsageError

APP = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
APP.command()(stats)

Run = Callable[..., Result]


def mention(
    text: str, name: str, entity_id: str | None, label: str | None = None, score: float = 0.5
) -> dict[str, object]:
    start = text.index(name)
    found = {"start": start, "end": start + len(name), "text": name}
    return {**found, "entity_id": entity_id, "label": label, "score": score}


FIRST, SECOND = "Ada met Zed in London.", "=Ada left London town."
LINES = [
    {"text": FIRST, "mentions": [mention(FIRST, "Ada", "Q7259", "Ada Lovelace"), mention(FIRST, "Zed", None),
                                 mention(FIRST, "London", "Q84")]},
    {"text": SECOND, "mentions": [mention(SECOND, "=Ada", "Q7259"), mention(SECOND, "London town", "Q84")]},
    {"text": "Nothing.", "mentions": []},
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with `in.jsonl`, which has three documents."""
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return lambda *arguments: CliRunner().invoke(APP, arguments)


def test_rates_entities_forms_and_types_are_shown(run: Run) -> None:
    result = run("in.jsonl")
    assert result.exit_code == 0
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "linked 4 (80.0%)" in rows
    assert "NIL 1 (20.0%)" in rows
    assert "Q7259 Ada Lovelace 2 2 =Ada 1, Ada 1" in rows or "Q7259 Ada Lovelace 2 2 Ada 1, =Ada 1" in rows
    assert "Q84 London 2 2 London 1, London town 1" in rows, "the starter's base names it"
    assert any(row.startswith("person 2 (50.0%)") for row in rows)


def test_everything_is_one_json_object(run: Run) -> None:
    result = run("in.jsonl", "--json", "--top", "1")
    found = json.loads(result.stdout)
    assert (found["documents"], found["mentions"], found["linked"], found["nil"]) == (3, 5, 4, 1)
    assert (found["linking_rate"], found["nil_rate"], found["distinct_entities"]) == (0.8, 0.2, 2)
    assert len(found["top_entities"]) == 1
    assert found["top_nil"] == {"Zed": 1}
    assert found["scores"]["mean"] == 0.5


def test_pairs_of_entities_go_to_csv_or_parquet(run: Run) -> None:
    assert run("in.jsonl", "--cooccurrence", "pairs.csv").exit_code == 0
    assert run("in.jsonl", "--cooccurrence", "pairs.parquet").exit_code == 0
    rows = list(csv.DictReader(Path("pairs.csv").read_text().splitlines()))
    [row] = pyarrow.parquet.read_table("pairs.parquet").to_pylist()
    assert row == {
        "entity_a": "Q7259",
        "label_a": "Ada Lovelace",
        "entity_b": "Q84",
        "label_b": "London",
        "documents": 2,
    }
    assert rows == [{name: str(value) for name, value in row.items()}]


def test_plots_are_png_and_svg(run: Run) -> None:
    assert run("in.jsonl", "--plots", "plots").exit_code == 0
    names = ("document_lengths", "mention_lengths", "mentions_per_document", "scores")
    assert sorted(path.name for path in Path("plots").iterdir()) == sorted(
        f"{n}.{s}" for n in names for s in ("png", "svg")
    )
    assert Path("plots/scores.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in Path("plots/scores.svg").read_text()


def test_bad_documents_are_said_and_left_out(run: Run) -> None:
    with Path("in.jsonl").open("a") as file:
        file.write("{\n")
    result = run("in.jsonl", "--json")
    assert result.exit_code == 1
    assert "bad document: in.jsonl:4: not JSON" in result.stderr
    assert (json.loads(result.stdout)["documents"], json.loads(result.stdout)["bad"]) == (3, 1)


def test_nothing_has_no_rates(run: Run) -> None:
    Path("empty.jsonl").write_text("")
    found = json.loads(run("empty.jsonl", "--json").stdout)
    assert (found["documents"], found["linking_rate"], found["types"]) == (0, None, None)


def test_a_table_of_another_kind_is_refused_before_anything_is_read(run: Run) -> None:
    result = run("none.jsonl", "--cooccurrence", "pairs.xlsx")
    assert isinstance(result.exception, UsageError)
    assert ".csv or .parquet" in str(result.exception)
