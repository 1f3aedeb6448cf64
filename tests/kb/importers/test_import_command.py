"""`elinker kb import`, run in the process."""

import bz2
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from elinker.cli import kb as kb_cli
from elinker.errors import ModelError, UsageError
from elinker.kb import EntityFile, KnowledgeBase

COMMANDS = ("wikidata", "kilt", "blink", "refined", "spacy", "onegen-embeddings")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(kb_cli.app, ["import", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    assert f"Example: elinker kb import {command}" in run(command, "--help").output


@pytest.mark.parametrize(
    ("command", "sample", "ids"),
    [
        (("wikidata",), "wikidata.json", ["Q42", "Q64", "Q1000002"]),
        (("wikidata", "--language", "fr", "--fallback", "de"), "wikidata.json", ["Q42", "Q64", "Q1000001"]),
        (("wikidata", "--keep", "Q4167410"), "wikidata.json", ["Q224038"]),
        (("wikidata", "--wiki-pages", "--drop", "Q5", "--limit", "2"), "wikidata.json", ["Q64", "Q224038"]),
        (("wikidata", "--wikipedia", "de", "--min-sitelinks", "2"), "wikidata.json", ["Q42"]),
        (("kilt",), "kilt.json", ["Q6199", "Q101038"]),
        (("kilt", "--id", "wikipedia"), "kilt.json", ["12", "39", "40"]),
        (("blink",), "blink.jsonl", ["12", "39"]),
        (("blink", "--id", "wikidata"), "blink.jsonl", ["Q6199"]),
        (("refined",), "refined.jsonl", ["A1", "A2"]),
    ],
)
def test_a_sample_becomes_an_entity_file(
    tmp_path: Path, samples: Path, command: tuple[str, ...], sample: str, ids: list[str]
) -> None:
    output = tmp_path / "out.jsonl"
    result = run(*command, samples / sample, "-o", output)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"{len(ids)} entities in {output}" in result.stderr
    assert [entity.id for entity in EntityFile(output)] == ids
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_broken_lines_make_the_exit_code_one_and_are_listed(tmp_path: Path, samples: Path) -> None:
    source = tmp_path / "dump.json"
    lines = (samples / "wikidata.json").read_text().splitlines(keepends=True)
    source.write_text("".join([*lines[:2], '{"id": "Q7",\n', *lines[2:]]))
    result = run("wikidata", source, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "3 entities in" in result.stderr
    assert "1 left out: of a class that is dropped" in result.stderr
    assert "1 lines rejected: see" in result.stderr
    assert json.loads((tmp_path / "out.jsonl.rejects.jsonl").read_text())["line"] == 3
    assert len(list(EntityFile(tmp_path / "out.jsonl"))) == 3


def test_an_output_that_is_there_is_replaced_only_when_asked(tmp_path: Path, samples: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("")
    assert isinstance(run("blink", samples / "blink.jsonl", "-o", output).exception, UsageError)
    assert output.read_text() == ""
    assert run("blink", samples / "blink.jsonl", "-o", output, "--overwrite").exit_code == 0
    assert len(list(EntityFile(output))) == 2


def test_a_dump_may_come_through_a_pipe(tmp_path: Path, samples: Path) -> None:
    command = [sys.executable, "-m", "elinker", "kb", "import", "wikidata", "-", "-o", str(tmp_path / "out.jsonl")]
    data = bz2.compress((samples / "wikidata.json").read_bytes())
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [entity.id for entity in EntityFile(tmp_path / "out.jsonl")] == ["Q42", "Q64", "Q1000002"]


def test_spacy_needs_a_base_of_spacy(tmp_path: Path) -> None:
    assert isinstance(run("spacy", tmp_path, "-o", tmp_path / "out.jsonl").exception, UsageError)


def test_published_vectors_become_a_base_of_the_model(tmp_path: Path, onegens: Any) -> None:
    import torch

    model = onegens["llama"]
    model.save_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    labels = ["Q2", "Q1"]
    (tmp_path / "e.pkl").write_bytes(pickle.dumps((torch.randn(2, model.dim).bfloat16(), labels)))
    (tmp_path / "db.jsonl").write_text('{"id": "Q1", "label": "universe"}\n{"id": "Q2", "label": "Earth"}\n')
    result = run(
        *("onegen-embeddings", tmp_path / "e.pkl", "--entities", tmp_path / "db.jsonl"),
        *("--model", tmp_path / "model", "-o", tmp_path / "base"),
    )
    assert result.exit_code == 0, result.output
    base = KnowledgeBase.open(tmp_path / "base")
    assert [entity.label for entity in base.entities()] == ["Earth", "universe"]
    assert base.manifest.fingerprint == model.fingerprint


def test_a_directory_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    import torch

    (tmp_path / "e.pkl").write_bytes(pickle.dumps((torch.ones(1, 4), ["Q1"])))
    (tmp_path / "db.jsonl").write_text('{"id": "Q1", "label": "universe"}\n')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{oops")
    result = run(
        *("onegen-embeddings", tmp_path / "e.pkl", "--entities", tmp_path / "db.jsonl"),
        *("--model", tmp_path / "model", "-o", tmp_path / "base"),
    )
    assert isinstance(result.exception, ModelError), result
    assert not (tmp_path / "base").exists()
