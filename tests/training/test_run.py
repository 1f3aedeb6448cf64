"""From a TOML file to a model directory, in Python and on the command line."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from elinker.onegen.model import OneGen
from elinker.training.config import Config
from elinker.training.progress import StepReport
from elinker.training.run import train


def quiet(_: object) -> None:
    """Nobody listens."""


@pytest.fixture
def small_recipe(recipe: Path, base: Path, entity_file: Path, text_file: Path) -> Path:
    """The starter's training file with another base, other data, two steps, and no pipeline."""
    text = recipe.read_text(encoding="utf-8").partition("[draft_head]")[0]
    for key, value in {
        "base": f'"{base}"',
        "output": '"run"',
        "entities": f'"{entity_file.name}"',
        "texts": f'["{text_file.name}"]',
        "steps": "2",
    }.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count == 1
    path = entity_file.parent / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_starters_recipe_trains_whatever_it_is_pointed_at(small_recipe: Path) -> None:
    reports: list[StepReport] = []
    made = train(Config.load(small_recipe), resume=True, report=reports.append, say=quiet)
    assert made == small_recipe.parent / "run" / "model"
    assert [report.step for report in reports] == [1, 2]
    assert OneGen.from_pretrained(made).settings == Config.load(small_recipe).settings


def test_a_draft_head_is_fitted_where_one_is_asked_for(small_recipe: Path) -> None:
    with small_recipe.open("a", encoding="utf-8") as recipe:
        recipe.write("[draft_head]\ntokens = 200\n")
    heard: list[str] = []
    made = train(Config.load(small_recipe), resume=True, report=quiet, say=heard.append)
    assert made is not None
    assert OneGen.from_pretrained(made).draft_head is not None
    assert any("draft head" in said for said in heard)


def test_a_finished_training_is_not_repeated_when_resumed(configure: Callable[..., Config]) -> None:
    first, second = [], []
    train(configure(), resume=True, report=first.append, say=quiet)
    train(configure(), resume=True, report=second.append, say=quiet)
    assert (len(first), len(second)) == (4, 0)


def test_more_steps_continue_a_finished_training(configure: Callable[..., Config]) -> None:
    steps: list[int] = []
    train(configure(), resume=True, report=quiet, say=quiet)
    train(configure(training={"steps": 6}), resume=True, report=lambda r: steps.append(r.step), say=quiet)
    assert steps == [5, 6]


def test_a_restart_does_not_take_an_older_runs_checkpoints_for_its_own(
    configure: Callable[..., Config], tmp_path: Path
) -> None:
    train(configure(), resume=True, report=quiet, say=quiet)
    steps: list[int] = []
    train(configure(training={"steps": 1}), resume=False, report=lambda r: steps.append(r.step), say=quiet)
    assert steps == [1]
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-1"]


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    from elinker.cli import main

    monkeypatch.setattr(sys, "argv", ["elinker", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command_prints_the_models_directory_and_keeps_a_log(
    small_recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "train", str(small_recipe)) == 0
    output = small_recipe.parent / "run"
    assert capsys.readouterr().out == f"{output / 'model'}\n"
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2]


def test_the_command_answers_a_missing_file_in_one_line_with_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "train", str(tmp_path / "missing.toml")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: no training file {tmp_path / 'missing.toml'}\n"


def test_the_command_answers_a_wrong_key_in_one_line_with_exit_code_2(
    small_recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_recipe.write_text(small_recipe.read_text().replace("warmup", "warm_up"))
    assert run_command(monkeypatch, "train", str(small_recipe)) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "training.warm_up" in message
    assert "docs/training.md" in message
