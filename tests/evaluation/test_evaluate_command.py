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


def stored(tmp_path, name, *documents):
    path = tmp_path / name
    path.write_text("".join(json.dumps(each.to_json()) + "\n" for each in documents), encoding="utf-8")
    return str(path)


def test_gold_may_be_the_argument_and_one_table_is_printed_unless_more_are_asked_for(benchmark, predictions):
    result = run(benchmark, "--predictions", predictions)
    assert result.stdout.count("┏") == 1
    more = ["gerbil", "reference", "intervals", "type", "length", "errors"]
    shown = run(benchmark, "--predictions", predictions, *(part for name in more for part in ("--show", name)))
    assert shown.stdout.count("┏") == 1 + len(more)
    assert "1000 resamples of documents, seed 0" in shown.stdout


def test_seen_and_unseen_entities_are_told_by_a_file(benchmark, predictions, tmp_path):
    (tmp_path / "train.txt").write_text("Q1\n", encoding="utf-8")
    result = run(benchmark, "--predictions", predictions, "--show", "seen", "--seen", tmp_path / "train.txt")
    assert "linking by seen" in result.stdout
    with pytest.raises(UsageError, match="--seen FILE"):
        run(benchmark, "--predictions", predictions, "--show", "seen")


def test_two_systems_are_compared_with_a_difference_and_p(benchmark, predictions, tmp_path):
    other = stored(tmp_path, "other.jsonl", Document("a", "Ada met Bob.", (Mention(0, 3, "Ada", "Q9"),)))
    options = ["--json", tmp_path / "r.json", "--html", tmp_path / "r.html", "--resamples", 20, "--seed", 5]
    result = run(benchmark, "--predictions", f"{predictions},{other}", *options)
    assert "toy: comparison" in result.stdout
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["system"]) for each in report["benchmarks"]] == [
        ("toy", "predictions"),
        ("toy", "other"),
    ]
    compared = report["comparisons"]["toy: predictions | toy: other"]["linking micro f1"]
    assert (compared["first"], compared["second"], compared["difference"]["value"]) == (1.0, 0.0, -1.0)
    assert report["settings"]["resampling"] == {"resamples": 20, "seed": 5, "confidence": 0.95}
    assert "predicted: toy: other" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_systems_of_one_file_name_are_told_apart_by_their_paths(benchmark, predictions, tmp_path):
    (tmp_path / "other").mkdir()
    other = stored(tmp_path / "other", "predictions.jsonl", *DOCUMENTS)
    result = run(benchmark, "--predictions", f"{predictions},{other}", "--html", tmp_path / "r.html")
    assert str(tmp_path / "other") in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert result.exit_code == 0


def test_a_third_system_or_a_file_that_is_not_there_is_a_usage_error(benchmark, predictions):
    with pytest.raises(UsageError, match="two systems"):
        run(benchmark, "--predictions", ",".join([predictions] * 3))
    with pytest.raises(UsageError, match=r"no file 'absent\.jsonl'"):
        run(benchmark, "--predictions", f"{predictions},absent.jsonl")


def test_a_file_name_with_a_comma_is_one_file(benchmark, tmp_path):
    assert run(benchmark, "--predictions", stored(tmp_path, "a,b.jsonl", *DOCUMENTS)).exit_code == 0


def test_a_benchmark_that_is_not_there_is_an_error(tmp_path, predictions):
    with pytest.raises(InputError, match=r"absent\.jsonl"):
        run(tmp_path / "absent.jsonl", "--predictions", predictions)


def test_predictions_beyond_the_limit_are_no_error(benchmark, predictions, tmp_path):
    more = stored(tmp_path, "more.jsonl", *DOCUMENTS, Document("b", "Rain."))
    with pytest.raises(InputError, match="not in the benchmark: 'b'"):
        run(benchmark, "--predictions", more)
    assert run(benchmark, "--predictions", more, "--limit", 1).exit_code == 0


def test_options_of_the_model_are_refused_where_no_model_runs(benchmark, predictions):
    with pytest.raises(UsageError, match="--batch-size has no effect"):
        run("--benchmark", benchmark, "--predictions", predictions, "--batch-size", 4)


def test_each_benchmark_needs_its_predictions(benchmark, predictions):
    with pytest.raises(UsageError, match="2 benchmarks, but --predictions was given 1 times"):
        run("--benchmark", benchmark, "--benchmark", benchmark, "--predictions", predictions)


def test_predictions_of_several_benchmarks_need_a_directory_and_no_model_runs_before(benchmark, tmp_path):
    with pytest.raises(UsageError, match="is no directory"):
        run(benchmark, benchmark, "--save-predictions", tmp_path / "one.jsonl", "--pipeline", "absent")


def test_no_benchmark_is_a_usage_error():
    with pytest.raises(UsageError, match="no benchmark"):
        run()


def test_a_broken_benchmark_is_reported_before_any_model_is_loaded(tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text('{"id": 1, "text": "Ada.", "labels": [{}]}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.jsonl:1: field labels\.0\.span"):
        run("--benchmark", path, "--pipeline", "absent")


def test_the_starter_pipeline_is_scored_with_its_base_and_settings(benchmark, tmp_path):
    try:
        find_pipeline(STARTER)
    except UsageError:
        pytest.skip("the starter pipeline is not built")
    saved = tmp_path / "saved.linked_articles.jsonl"
    options = ["--limit", 1, "--json", tmp_path / "r.json", "--save-predictions", saved]
    assert run("--benchmark", benchmark, *options).exit_code == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert len(report["settings"]["model_fingerprint"]) == len(report["settings"]["base_fingerprint"]) == 64
    assert report["settings"]["base_entities"] > 0
    assert report["benchmarks"][0]["disambiguation"]["accuracy"]["whole"] == 1
    assert report["benchmarks"][0]["seconds"] > 0
    again = run(benchmark, "--predictions", saved, "--json", tmp_path / "again.json")
    assert again.exit_code == 0
    stored = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert stored["benchmarks"][0]["linking"] == report["benchmarks"][0]["linking"]
