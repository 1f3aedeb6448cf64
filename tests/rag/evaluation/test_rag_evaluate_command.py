"""The command line of `elinker rag evaluate`, on stored answers and on a tiny pipeline."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from elinker.cli.rag_evaluate import evaluate
from elinker.errors import InputError, UsageError
from elinker.rag.evaluation.reading import read_questions

app = typer.Typer()
app.command()(evaluate)

SAMPLES = Path(__file__).parent / "samples"
HOTPOT = SAMPLES / "hotpotqa_distractor.json"


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = tmp_path / "official.json"
    questions = read_questions(HOTPOT)
    answers = {question.id: "Lisbon" for question in questions}
    facts = {question.id: [["The Salt Road", 1], ["Inês Valadares", 0]] for question in questions}
    path.write_text(json.dumps({"answer": answers, "sp": facts}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pipeline(answering, indexes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from elinker.rag.rag import Rag
    from elinker.rag.settings import RagSettings

    directory = tmp_path_factory.mktemp("pipeline") / "rag"
    Rag(answering["bert"], indexes["bert"], RagSettings(max_tokens=40, max_hops=3, top_k=2)).save(directory)
    return directory


def test_stored_answers_are_scored_without_a_model(official: Path, tmp_path: Path) -> None:
    result = run(HOTPOT, "--predictions", official, "-o", tmp_path / "scores")
    assert "answer EM" in result.stdout
    assert "50.0" in result.stdout
    report = json.loads((tmp_path / "scores/report.json").read_text(encoding="utf-8"))
    assert report["figures"]["joint_em"]["value"] == 0.5
    assert report["by_type"]["comparison"]["figures"]["answer_em"]["value"] == 0.0
    assert report["settings"]["predictions"] == "official.json"
    assert "| answer EM | 50.0 |" in (tmp_path / "scores/report.md").read_text(encoding="utf-8")


def test_the_report_may_be_printed_as_json(official: Path) -> None:
    assert json.loads(run(HOTPOT, "--predictions", official, "--json").stdout)["questions"] == 2


def test_questions_with_pages_are_answered_from_their_own(pipeline: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    run(HOTPOT, "--pipeline", pipeline, "-o", out)
    titles = {question.id: {page.title for page in question.pages} for question in read_questions(HOTPOT)}
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["id"] for line in lines} == titles.keys()
    found = [(line["id"], p["title"]) for line in lines for step in line["steps"] for p in step["passages"]]
    assert found
    assert all(title in titles[identifier] for identifier, title in found)
    settings = json.loads((out / "report.json").read_text(encoding="utf-8"))["settings"]
    assert (settings["top_k"], settings["passages"]) == (2, "the questions' own pages")


def test_what_a_run_stores_gives_the_same_figures_again(pipeline: Path, tmp_path: Path) -> None:
    run(HOTPOT, "--pipeline", pipeline, "-o", tmp_path / "first")
    figures = json.loads((tmp_path / "first/report.json").read_text(encoding="utf-8"))["figures"]
    for name in ("predictions.jsonl", "predictions.json"):
        again = json.loads(run(HOTPOT, "--predictions", tmp_path / "first" / name, "--json").stdout)["figures"]
        assert {name: again[name] for name in again} == {name: figures[name] for name in again}
        assert {"answer_em", "facts_f1", "joint_em"} <= again.keys()


def test_an_index_is_searched_where_questions_have_no_pages(pipeline: Path) -> None:
    report = json.loads(run(SAMPLES / "questions.jsonl", "--pipeline", pipeline, "--json").stdout)
    assert report["settings"]["passages"].startswith("an index of ")
    assert {"answer_em", "recognised", "hop_1@1", "tokens_read"} <= report["figures"].keys()


def test_without_retrieval_nothing_is_read_but_the_question(pipeline: Path) -> None:
    report = json.loads(run(SAMPLES / "questions.jsonl", "--pipeline", pipeline, "--mode", "never", "--json").stdout)
    assert report["figures"]["retrievals"]["value"] == 0.0


def test_supporting_facts_are_the_sentences_whose_vectors_were_found(answering) -> None:
    from elinker.rag.evaluation.run import answers_from_pages, facts_of
    from elinker.rag.settings import RagSettings

    settings = RagSettings(max_tokens=40, max_hops=3)
    for question, answer in answers_from_pages(answering["bert"], settings, read_questions(HOTPOT)):
        facts = facts_of(question, answer)
        best = [step.passages[0] for step in answer.steps]
        assert {title for title, _ in facts} == {retrieved.passage.title for retrieved in best}


def test_a_question_too_long_to_be_asked_counts_as_wrong(pipeline: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    long = {"id": "long", "question": "Where? " * 500, "answers": ["here"]}
    path.write_text(json.dumps(long) + '\n{"id": "b", "question": "Who?", "answers": ["Ann"]}\n', encoding="utf-8")
    result = run(path, "--pipeline", pipeline, "--json")
    assert json.loads(result.stdout)["missing"] == 1
    assert "1 of 2 questions have no answer" in result.stderr


def test_options_of_a_run_are_refused_with_stored_answers(official: Path) -> None:
    with pytest.raises(UsageError, match="--top-k has no effect"):
        run(HOTPOT, "--predictions", official, "--top-k", 3)


def test_a_pipeline_that_is_none_is_told_with_those_that_ship() -> None:
    with pytest.raises(UsageError, match="no question answering model"):
        run(HOTPOT, "--pipeline", "nothing_here")


def test_questions_are_read_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        run(tmp_path / "none.json", "--pipeline", "nothing_here")
