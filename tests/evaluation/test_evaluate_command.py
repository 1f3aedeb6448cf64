"""The command line of `elinker evaluate`, on stored predictions and on the starter pipeline."""

import json

import pytest
import typer
from typer.testing import CliRunner

from elinker.cli.evaluate import evaluate
from elinker.errors import InputError, UsageError
from elinker.resources import STARTER, find_pipeline
from elinker.schema import Document, Mention

app = typer.Typer()
app.command()(evaluate)

DOCUMENTS = [Document("a", "Ada met Bob.", (Mention(0, 3, "Ada", "Q1"), Mention(8, 11, "Bob", "Q2")))]


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "toy.benchmark.jsonl"
    labels = [{"id": 0, "span": [0, 3], "entity_id": "Q1"}, {"id": 1, "span": [8, 11], "entity_id": "<NIL>"}]
    path.write_text(json.dumps({"id": "a", "text": "Ada met Bob.", "labels": labels}) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def predictions(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps(each.to_json()) + "\n" for each in DOCUMENTS), encoding="utf-8")
    return str(path)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_stored_predictions_are_scored_without_a_model(benchmark, predictions, tmp_path):
    outputs = ["--json", tmp_path / "r.json", "--markdown", tmp_path / "r.md", "--errors", tmp_path / "e.tsv"]
    result = run("--benchmark", benchmark, "--predictions", predictions, *outputs)
    assert result.exit_code == 0
    assert "toy" in result.stdout
    [scored] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["benchmarks"]
    assert scored["linking"]["micro"]["f1"] == 1.0
    assert scored["linking_strict"]["micro"]["precision"] == 0.5
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith("| benchmark |")
    assert (tmp_path / "e.tsv").exists()


def test_several_benchmarks_may_follow_one_option_as_a_shell_expands_them(benchmark, predictions):
    result = run("--predictions", predictions, "--predictions", predictions, "--benchmark", benchmark, benchmark)
    assert result.stdout.count("toy") == 2


def test_options_of_the_model_are_refused_where_no_model_runs(benchmark, predictions):
    with pytest.raises(UsageError, match="--batch-size has no effect"):
        run("--benchmark", benchmark, "--predictions", predictions, "--batch-size", 4)


def test_each_benchmark_needs_its_predictions(benchmark, predictions):
    with pytest.raises(UsageError, match="2 benchmarks, but 1 files of predictions"):
        run("--benchmark", benchmark, "--benchmark", benchmark, "--predictions", predictions)


def test_no_benchmark_is_a_usage_error():
    with pytest.raises(UsageError, match="no benchmark"):
        run()


def test_a_broken_benchmark_is_reported_before_any_model_is_loaded(tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text('{"id": 1, "text": "Ada.", "labels": [{}]}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.jsonl, line 1: field 'labels\.0\.span'"):
        run("--benchmark", path, "--pipeline", "absent")


def test_the_starter_pipeline_is_scored_with_its_base_and_settings(benchmark, tmp_path):
    try:
        find_pipeline(STARTER)
    except UsageError:
        pytest.skip("the starter pipeline is not built")
    result = run("--benchmark", benchmark, "--limit", 1, "--json", tmp_path / "r.json")
    assert result.exit_code == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert len(report["settings"]["model_fingerprint"]) == len(report["settings"]["base_fingerprint"]) == 64
    assert report["settings"]["base_entities"] > 0
    assert report["benchmarks"][0]["disambiguation"]["accuracy"]["whole"] == 1
    assert report["benchmarks"][0]["seconds"] > 0
