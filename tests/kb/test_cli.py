"""`elinker kb`, run in the process with the encoder of these tests in the place of a OneGen model."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from elinker.cli import kb as kb_cli
from elinker.errors import ElinkerError, KnowledgeBaseError, UsageError
from elinker.kb import KnowledgeBase
from elinker.resources import pipeline_part

COMMANDS = ("build", "info", "search", "add", "remove", "reindex", "verify")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, encoder: Any, other_encoder: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a pipeline, whose model is `encoder`, and another model."""
    by_name = {"model": encoder, "other": other_encoder}
    monkeypatch.setattr(kb_cli, "_load_model", lambda name, *_: by_name[pipeline_part(name, "model").name])
    (tmp_path / "pipeline" / "onegen_linker" / "model").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(kb_cli, "STARTER", str(tmp_path / "pipeline"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("id,label,description\nQ1,universe,everything\nQ2,Earth,third planet [home]\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(kb_cli.app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def error_of(result: Result) -> ElinkerError:
    assert isinstance(result.exception, ElinkerError), result
    return result.exception


def test_build_makes_a_base_with_the_model_of_a_pipeline(rows: Path, encoder: Any) -> None:
    result = run("build", rows, "--model", "pipeline", "-o", "new", "--url-template", "https://example.org/{id}")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "2 entities in new" in result.stderr
    base = KnowledgeBase.open("new")
    assert base.manifest.fingerprint == encoder.fingerprint
    assert base.url("Q2") == "https://example.org/Q2"
    assert not Path("new.rejects.jsonl").exists()


def test_build_with_bad_rows_builds_and_exits_with_one(rows: Path) -> None:
    rows.write_text(rows.read_text() + "Q3\n")
    result = run("build", rows, "--model", "pipeline", "-o", "new")
    assert result.exit_code == 1
    assert "1 rows rejected" in result.stderr
    assert len(KnowledgeBase.open("new")) == 2
    assert json.loads(Path("new.rejects.jsonl").read_text())["line"] == 4


def test_build_names_columns_that_it_ignored(rows: Path) -> None:
    rows.write_text("id,label,alias\nQ1,universe,cosmos\n")
    assert "ignored columns: alias" in run("build", rows, "--model", "pipeline", "-o", "new").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.csv", "--model", "pipeline", "-o", "new"),
        ("rows.csv", "--model", "missing", "-o", "new"),
        ("rows.csv", "--model", "pipeline", "-o", "base"),
        ("rows.csv", "--model", "pipeline", "-o", "new", "--url-template", "wiki"),
    ],
)
def test_build_that_cannot_begin_is_a_usage_error(rows: Path, base: KnowledgeBase, arguments: tuple[str, ...]) -> None:
    assert isinstance(error_of(run("build", *arguments)), UsageError)
    assert not Path("new").exists()


def test_build_replaces_a_base_when_asked(rows: Path, base: KnowledgeBase) -> None:
    assert run("build", rows, "--model", "pipeline", "-o", "base", "--overwrite").exit_code == 0
    assert len(KnowledgeBase.open("base")) == 2


def test_info_shows_the_manifest(base: KnowledgeBase) -> None:
    shown = run("info", "base").stdout
    assert base.manifest.fingerprint[:12] in shown
    assert "https://www.wikidata.org/wiki/{id}" in shown
    assert json.loads(run("info", "base", "--json").stdout) == base.manifest.model_dump(mode="json")


def test_search_shows_exact_names_and_nearest_vectors(base: KnowledgeBase) -> None:
    shown = run("search", "apple", "--kb", "base", "-k", "2").stdout
    named, nearest = shown.split("nearest to")
    assert "Q312" in named
    assert "Q89" in named
    assert "fruit of the apple tree" in nearest
    assert sum(line.count("Q") for line in nearest.splitlines()) == 2


def test_search_takes_base_and_model_of_a_pipeline(base: KnowledgeBase) -> None:
    base.path.rename("pipeline/onegen_linker/kb")
    assert "animation studio" in run("search", "Pixar", "--kb", "pipeline").stdout


def test_search_with_another_model_is_refused(base: KnowledgeBase) -> None:
    error = error_of(run("search", "apple", "--kb", "base", "--model", "other"))
    assert isinstance(error, KnowledgeBaseError)
    assert "was made by model" in error.message


def test_search_without_the_right_model_compares_names_only(rows: Path) -> None:
    assert run("build", rows, "--model", "other", "-o", "new").exit_code == 0
    result = run("search", "earth", "--kb", "new")
    assert "third planet [home]" in result.stdout
    assert "nearest" not in result.stdout
    assert "only names are compared" in result.stderr


def test_add_appends_and_reports(base: KnowledgeBase, rows: Path) -> None:
    result = run("add", rows, "--kb", "base", "--model", "pipeline")
    assert result.exit_code == 0, result.output
    assert "2 entities added, 7 in" in result.stderr
    assert KnowledgeBase.open("base").find("Q2") == 6


def test_remove_takes_ids_from_the_command_and_from_a_file(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("Q89\n\n Q1490 \n")
    result = run("remove", "Q312", "--kb", "base", "--from", "ids.txt")
    assert result.exit_code == 0, result.output
    assert "3 entities removed, 2 in" in result.stderr
    assert [entity.id for entity in KnowledgeBase.open("base").entities()] == ["Q19837", "Q127552"]


def test_an_index_is_chosen_when_building_and_changed_later(rows: Path) -> None:
    assert run("build", rows, "--model", "pipeline", "-o", "new", "--index", "HNSW8").exit_code == 0
    assert "ef search 128, refine 64" in run("info", "new").stdout
    assert "kind Flat" in run("reindex", "--kb", "new").stderr
    assert "exact" in run("info", "new").stdout
    assert isinstance(error_of(run("build", rows, "--model", "missing", "-o", "x", "--index", "flta")), UsageError)


def test_verify_exits_with_one_where_something_is_wrong(base: KnowledgeBase) -> None:
    sound = run("verify", "base", "--model", "pipeline")
    assert (sound.exit_code, "lookup of names" in sound.stdout) == (0, True)
    wrong = run("verify", "base", "--model", "other")
    assert wrong.exit_code == 1
    assert "was made by model" in wrong.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    assert f"Example: elinker kb {command}" in run(command, "--help").output
