"""`elinker rag`: index, ask and chat from the command line; data on stdout, everything else on stderr."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from elinker.cli import app
from elinker.errors import ElinkerError


@pytest.fixture(scope="module")
def pipeline(answering: Any, indexes: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with rag.json, model and passages: read only."""
    from elinker.rag.rag import Rag
    from elinker.rag.settings import RagSettings

    directory = tmp_path_factory.mktemp("rag") / "tiny"
    Rag(answering["bert"], indexes["bert"], RagSettings(max_tokens=30, max_hops=2)).save(directory)
    return directory


def run(*words: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["rag", *map(str, words)], input=stdin)


def ran(*words: str | Path, stdin: str | None = None, code: int = 0) -> Result:
    result = run(*words, stdin=stdin)
    assert result.exit_code == code, result.output
    return result


def error(*words: str | Path) -> ElinkerError:
    caught = run(*words).exception
    assert isinstance(caught, ElinkerError), caught
    return caught


def test_an_index_is_made_grown_shrunk_checked_and_asked(pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Steve is here. Apple is there.")
    (tmp_path / "two.md").write_text("# Paris\nParis is the capital.")
    index, model = tmp_path / "index", ("--model", pipeline, "--device", "cpu")
    made = ran("index", tmp_path / "one.txt", "-o", index, *model, "--size", "6")
    assert "2 passages with 2 vectors" in made.stderr
    assert "1 passages added, 3 in" in ran("add", tmp_path / "two.md", "--index", index, *model).stderr
    assert "1 passages removed, 2 in" in ran("remove", "two.md", "--index", index).stderr
    assert "ok" in ran("verify", index, *model).stdout
    assert json.loads(ran("info", index, "--json").stdout)["count"] == 2
    answer = json.loads(ran("ask", "Who is Steve?", "-p", pipeline, "--index", index, "--json").stdout)
    assert {found["document_id"] for step in answer["steps"] for found in step["passages"]} <= {"one.txt"}


def test_a_document_that_cannot_be_read_is_told_and_the_rest_is_indexed(pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text('{"text": "Steve is here."}\nno json\n')
    result = ran("index", tmp_path / "lines.jsonl", "-o", tmp_path / "index", "--model", pipeline, code=1)
    assert "1 passages" in result.stderr
    assert "lines.jsonl:2" in result.stderr


def test_damage_is_found_and_the_exit_code_says_so(pipeline: Path, tmp_path: Path) -> None:
    import shutil

    index = tmp_path / "index"
    shutil.copytree(pipeline / "passages", index)
    content = bytearray((index / "index.faiss").read_bytes())
    content[-1] ^= 0xFF
    (index / "index.faiss").write_bytes(content)
    ran("verify", index, code=1)


def asked(pipeline: Path, *words: str | Path) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in ran("ask", *words, "-p", pipeline).stdout.splitlines()]


def test_an_answer_is_shown_with_its_sources_and_its_steps_beside_it(pipeline: Path) -> None:
    questions = [f"Who is {name}?" for name in ("Steve", "Apple", "Paris", "Merkel", "text", "name")]
    answers = [asked(pipeline, question, "--json")[0] for question in questions]
    for question, answer in zip(questions, answers, strict=True):
        result = ran("ask", question, "-p", pipeline)
        if answer["answer"]:
            assert answer["answer"].split()[0] in result.stdout
        else:
            assert "no answer:" in result.stderr
        for step in answer["steps"]:
            assert step["passages"][0]["title"] in result.stderr
        assert ("[[1]]" in result.stdout) == bool(answer["citations"])


def test_a_file_of_questions_gives_a_line_each_and_names_those_that_cannot_be_asked(
    pipeline: Path, tmp_path: Path
) -> None:
    (tmp_path / "questions.txt").write_text("Who is Steve?\n\nWho is Apple?\n")
    answers = asked(pipeline, "--questions", tmp_path / "questions.txt")
    assert [(answer["id"], answer["question"]) for answer in answers] == [
        ("1", "Who is Steve?"),
        ("3", "Who is Apple?"),
    ]
    lines = [{"id": "a", "question": "Who is Steve?"}, {"id": "b", "question": "Who? " * 300}, {"question": "Who?"}]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    output = tmp_path / "answers.jsonl"
    result = ran("ask", "--questions", tmp_path / "questions.jsonl", "-o", output, "-p", pipeline, code=1)
    assert "question b: the question takes" in result.stderr
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == ["a", "3"]
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"question": 3}', r"questions.jsonl:1: no text as 'question'"), (b"\xff", "is not UTF-8"), (b"{", "not JSON")],
)
def test_a_broken_file_of_questions_is_one_line(pipeline: Path, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "questions.jsonl").write_bytes(content)
    assert message in str(error("ask", "--questions", tmp_path / "questions.jsonl", "-p", pipeline))


def test_options_limit_what_is_read(pipeline: Path) -> None:
    (answer,) = asked(pipeline, "Who is Steve?", "--json", "--mode", "never")
    assert answer["steps"] == []
    (answer,) = asked(pipeline, "Who is Steve?", "--json", "--max-tokens", "1")
    assert answer["tokens_written"] == 1
    (answer,) = asked(pipeline, "Who is Steve?", "--json", "--entity", "Q61")
    assert {found["document_id"] for step in answer["steps"] for found in step["passages"]} <= {"d4"}


def test_a_conversation_shows_sources_forgets_and_ends(pipeline: Path) -> None:
    lines = [
        "/sources",
        "Who is Steve?",
        "/sources",
        "Who? " * 300,
        "/what",
        "",
        "/reset",
        "/sources",
        "/quit",
        "never",
    ]
    result = ran("chat", "-p", pipeline, stdin="\n".join(lines))
    assert result.stdout.count("no passage was read") >= 2
    assert "the question takes" in result.stderr
    assert "never" not in result.output.rpartition("/what")[2]
    ran("chat", "-p", pipeline, stdin="Who is Steve?")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ask"], "give a question"),
        (["ask", "Who?", "-o", "x"], "--output is for --questions"),
        (["ask", "Who?", "-p", "nowhere"], "no question answering model 'nowhere'"),
        (["ask", "Who?", "--mode", "sometimes"], "mode 'sometimes' is not known"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2(words: list[str], message: str) -> None:
    caught = error(*words)
    assert message in caught.message
    assert caught.exit_code == 2
