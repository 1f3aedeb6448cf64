"""`elinker annotate --engine ray` and `elinker kb build --engine ray` with a real model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from elinker.cli import kb
from elinker.cli.annotate import annotate
from elinker.errors import UsageError

ROOT = Path(__file__).parents[2]
APP = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
APP.command("annotate")(annotate)
APP.add_typer(kb.app, name="kb")

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(APP, arguments)


def test_options_of_workers_need_the_engine(run: Run) -> None:
    result = run("annotate", "a.txt", "-o", "out/", "--workers", "2")
    assert isinstance(result.exception, UsageError)
    assert "--engine ray" in str(result.exception)


def test_workers_write_into_folders_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Paris")
    result = run("annotate", "a.txt", "-o", "out.jsonl", "--engine", "ray")
    assert isinstance(result.exception, UsageError)
    assert "folder" in str(result.exception)


def test_the_command_writes_the_same_parts_with_workers(
    ray_here: Any, run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples" / "corpus", "corpus")
    (tmp_path / "corpus" / "broken.txt").write_bytes(b"\xff")
    here = run("annotate", f"file://{tmp_path}/corpus", "-o", "here/", "--shard-size", "2", "--quiet")
    workers = run(
        "annotate", f"file://{tmp_path}/corpus", "-o", f"file://{tmp_path}/workers/", "--shard-size", "2", "--quiet",
        "--engine", "ray", "--workers", "1",
    )  # fmt: skip
    for result in (here, workers):
        assert isinstance(result.exception, SystemExit) and result.exit_code == 1, result.exception
    names = sorted(path.name for path in Path("here").glob("part-*"))
    assert names == sorted(path.name for path in Path("workers").glob("part-*"))
    assert any("errors" in name for name in names)
    for name in names:
        assert (Path("here") / name).read_bytes() == (Path("workers") / name).read_bytes()
    settings = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("here", "workers")]
    assert settings[0] == settings[1]
    assert capfd.readouterr() == ("", "")
