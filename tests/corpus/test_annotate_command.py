"""`elinker annotate` as a person meets it: which stream, which exit code, what is refused before loading."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from elinker.cli.annotate import annotate
from elinker.errors import ElinkerError

APP = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
APP.command()(annotate)

Run = Callable[..., Result]


@pytest.fixture
def run(linker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder of its own, a pipeline standing there that links by dictionary."""
    (tmp_path / "pipeline").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("elinker.load", lambda name, **options: linker)

    def run(*arguments: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(APP, ["--pipeline", "pipeline", *arguments], input=stdin)

    return run


def test_a_text_is_shown_with_its_links(run: Run) -> None:
    result = run("--text", "Ada Lovelace in London")
    assert result.exit_code == 0
    assert "[Ada Lovelace] Q7259 in [London] Q84" in result.stdout
    assert "0.75" in result.stdout
    assert result.stderr == ""


def test_a_file_goes_to_stdout_as_json_lines_and_the_summary_to_stderr(run: Run) -> None:
    Path("news.txt").write_text("London é")
    result = run("news.txt")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["id"] == "news.txt" and "é" in line
    assert "1 mention, 1 linked, 0 NIL" in result.stderr


def test_quiet_leaves_stderr_to_errors(run: Run) -> None:
    Path("news.txt").write_bytes(b"London\n\xff")
    result = run("news.txt", "--lines", "--quiet")
    assert result.exit_code == 1
    assert result.stderr == "bad document: news.txt:2: not UTF-8 at byte 7: 0xff (invalid start byte)\n"


def test_standard_input_is_read_by_lines(run: Run) -> None:
    result = run("-", "--lines", stdin=b"London\r\n\nApple\n")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["stdin:1", "stdin:3"]


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["-o", "out.jsonl"], b'{"schema": 1'),
        (["-o", "out.conll"], b"-DOCSTART- (news.txt)"),
        (["-o", "out.tsv"], b"-DOCSTART- (news.txt)"),
        (["-o", "out.spacy"], b"x\x9c"),
        (["-o", "out.txt", "--format", "conll"], b"-DOCSTART- (news.txt)"),
    ],
)
def test_suffix_or_option_choose_the_format(run: Run, arguments: list[str], start: bytes) -> None:
    Path("news.txt").write_text("Apple")
    assert run("news.txt", *arguments).exit_code == 0
    assert Path(arguments[1]).read_bytes().startswith(start)


def test_bad_documents_give_exit_code_1_and_the_place_of_their_list(run: Run) -> None:
    Path("in.jsonl").write_text('{"text": "London"}\n{\n')
    result = run("in.jsonl", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert len(Path("out.jsonl").read_text().splitlines()) == 1
    assert "1 bad, listed in out.jsonl.errors.jsonl" in result.stderr
    assert Path("out.jsonl.errors.jsonl").exists()


def test_an_interrupt_says_so_in_one_line(run: Run, linker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(linker, "pipe", interrupted)
    Path("news.txt").write_text("London")
    result = run("news.txt", "-o", "out.jsonl")
    assert result.exit_code == 130
    assert result.stderr == "interrupted: nothing was written to out.jsonl\n"
    assert sorted(path.name for path in Path().iterdir()) == ["news.txt", "pipeline"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to annotate"),
        (["--text", "x", "news.txt"], "exclude each other"),
        (["--text", "a\udcff"], "not UTF-8"),
        (["news.txt", "--lines", "--jsonl"], "exclude each other"),
        (["missing.txt"], "no such file"),
        (["news.txt", "-o", "missing/out.jsonl"], "No such file or directory"),
        (["news.txt", "-o", "there.jsonl"], "there.jsonl exists"),
        (["there.jsonl", "-o", "there.jsonl", "--overwrite"], "also an input"),
        (["news.txt", "-o", "out.pdf"], "no output format for the suffix '.pdf'"),
        (["news.txt", "--format", "csv"], "no output format 'csv'"),
        (["news.txt", "--format", "docbin"], "give a file with -o"),
        (["news.txt", "--pipeline", "nowhere"], "no pipeline 'nowhere'"),
    ],
)
def test_what_cannot_work_is_refused_before_a_model_is_loaded(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("elinker.load", lambda *_, **__: pytest.fail("a model was loaded"))
    Path("news.txt").write_text("London")
    Path("there.jsonl").write_text('{"text": "London"}')
    result = run(*arguments)
    assert isinstance(result.exception, ElinkerError), result.output
    assert message in str(result.exception)
    assert sorted(path.name for path in Path().iterdir()) == ["news.txt", "pipeline", "there.jsonl"]


def test_options_of_the_linker_reach_it(run: Run, linker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def load(name: str, **options: Any) -> Any:
        given.update(options, name=name)
        return linker

    monkeypatch.setattr("elinker.load", load)
    arguments = [
        "--model",
        "m",
        "--kb",
        "k",
        "--device",
        "cpu",
        "--threshold",
        "0.5",
        "--top-k",
        "3",
        "--batch-size",
        "2",
    ]
    assert run("--text", "x", *arguments).exit_code == 0
    assert given == {
        "name": "pipeline",
        "preset": None,
        "model": "m",
        "kb": Path("k"),
        "device": "cpu",
        "threshold": 0.5,
        "top_k": 3,
        "batch_size": 2,
    }


def test_the_examples_of_the_repository_are_readable(run: Run) -> None:
    examples = Path(__file__).parents[2] / "examples"
    result = run(str(examples / "news.txt"), str(examples / "corpus"))
    assert result.exit_code == 0
    ids = [json.loads(line)["id"] for line in result.stdout.splitlines()]
    assert ids == ["news.txt", "01-space.txt", "02-science.txt", "note-1", "note-2", "note-3"]


def parts(folder: str = "out") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir() if not path.name.startswith("."))


@pytest.fixture
def corpus() -> None:
    Path("in.jsonl").write_text("".join(f'{{"text": "London {n}"}}\n' for n in range(5)))


@pytest.mark.parametrize("output", [["out/"], ["out", "--shard-size", "1000"], ["out", "--resume"]])
def test_an_output_that_is_a_folder_is_a_run(run: Run, corpus: None, output: list[str]) -> None:
    result = run("in.jsonl", "-o", *output)
    assert result.exit_code == 0
    assert parts() == ["part-00000.jsonl", "run.journal", "run.json", "summary.json"]
    assert "1 shard: 5 documents" in result.stderr
    assert result.stdout == ""


def test_a_folder_that_exists_is_a_run_as_well(run: Run, corpus: None) -> None:
    Path("out").mkdir()
    assert run("in.jsonl", "-o", "out", "--shard-size", "3").exit_code == 0
    assert parts()[:2] == ["part-00000.jsonl", "part-00001.jsonl"]


@pytest.mark.parametrize(
    ("name", "suffix"), [("jsonl", "jsonl"), ("conll", "conll"), ("docbin", "spacy"), ("parquet", "parquet")]
)
def test_the_format_of_the_parts_is_named(run: Run, corpus: None, name: str, suffix: str) -> None:
    assert run("in.jsonl", "-o", "out/", "--format", name).exit_code == 0
    assert parts()[0] == f"part-00000.{suffix}"


def test_bad_documents_of_a_run_are_listed_beside_their_part(run: Run) -> None:
    Path("in.jsonl").write_text('{"text": "London"}\n{\n')
    result = run("in.jsonl", "-o", "out/")
    assert result.exit_code == 1
    assert parts()[:2] == ["part-00000.errors.jsonl", "part-00000.jsonl"]
    assert "1 bad, listed in out/*.errors.jsonl" in result.stderr


def test_a_run_that_is_there_is_only_gone_on_with_or_replaced_on_request(run: Run, corpus: None) -> None:
    assert run("in.jsonl", "-o", "out/").exit_code == 0
    refused = run("in.jsonl", "-o", "out/")
    assert isinstance(refused.exception, ElinkerError)
    assert "--resume goes on with it" in str(refused.exception)
    again = run("in.jsonl", "-o", "out/", "--resume")
    assert (again.exit_code, again.stderr) == (0, "out/ is complete\n")
    assert run("in.jsonl", "-o", "out/", "--overwrite", "--shard-size", "4").exit_code == 0
    assert parts()[:2] == ["part-00000.jsonl", "part-00001.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["--keep-nil"], "output.keep_nil was False, is True"),
        (["--format", "conll"], "output.format was 'jsonl', is 'conll'"),
        (["--shard-size", "2"], "output.shard_documents was 1000, is 2"),
        (["--text-field", "body"], "reading.text_field was 'text', is 'body'"),
        (["more.jsonl"], "inputs.count was 1, is 2"),
    ],
)
def test_a_run_is_not_gone_on_with_under_other_settings(
    run: Run, corpus: None, arguments: list[str], difference: str
) -> None:
    Path("more.jsonl").write_text("")
    run("in.jsonl", "-o", "out/")
    Path("out/summary.json").unlink()
    result = run("in.jsonl", "-o", "out/", "--resume", *arguments)
    assert isinstance(result.exception, ElinkerError)
    assert difference in str(result.exception)


def test_a_run_is_not_gone_on_with_by_another_linker(run: Run, corpus: None, linker: Any) -> None:
    run("in.jsonl", "-o", "out/")
    linker.identity = {"dictionary": "another"}
    result = run("in.jsonl", "-o", "out/", "--resume")
    assert "linker.dictionary" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl", "-o", "out.jsonl", "--resume"], "--resume is for runs into a folder"),
        (["in.jsonl", "--shard-size", "3"], "--shard-size is for runs into a folder"),
        (["in.jsonl", "-o", "out/", "--resume", "--overwrite"], "exclude each other"),
        (["in.jsonl", "-o", "full/"], "full holds other files (notes.txt)"),
        (["full", "-o", "full/out/"], "full/out/ is among the inputs"),
        (["full/notes.txt", "-o", "full/"], "full/ is among the inputs"),
        (["in.jsonl", "-o", "in.jsonl/out/"], "cannot write in.jsonl/out"),
        (["in.jsonl", "-o", "nothing://bucket/out/"], "cannot write nothing://bucket/out/"),
        (["in.jsonl", "--log-json", "-"], "would both go to stdout"),
        (["in.jsonl", "-o", "out/", "--log-json", "missing/log.jsonl"], "cannot write missing/log.jsonl"),
    ],
)
def test_a_run_that_cannot_work_is_refused_before_a_model_is_loaded(
    run: Run, corpus: None, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("elinker.load", lambda *_, **__: pytest.fail("a model was loaded"))
    Path("full").mkdir()
    Path("full/notes.txt").write_text("London")
    result = run(*arguments)
    assert isinstance(result.exception, ElinkerError), result.output
    assert message in str(result.exception)
    assert Path("full/notes.txt").read_text() == "London"


@pytest.mark.parametrize("output", [["-o", "out/"], ["-o", "out.jsonl"]])
def test_events_are_logged_as_json_lines(run: Run, output: list[str]) -> None:
    Path("in.jsonl").write_text('{"text": "London"}\n{\n')
    assert run("in.jsonl", *output, "--log-json", "log.jsonl").exit_code == 1
    assert run("in.jsonl", *output, "--overwrite", "--log-json", "log.jsonl").exit_code == 1
    events = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start" and kinds.count("start") == 2, "a log grows"
    assert kinds.count("bad document") == 2 and kinds[-1] == "end"
    assert events[0]["settings"]["linker"] and events[0]["versions"]["elinker"]
    assert (events[-1]["documents"], events[-1]["bad"]) == (1, 1)


def test_events_may_go_to_stdout(run: Run, corpus: None) -> None:
    result = run("in.jsonl", "-o", "out/", "--log-json", "-", "--quiet")
    assert [json.loads(line)["event"] for line in result.stdout.splitlines()] == ["start", "shard", "end"]
    assert result.stderr == ""


def test_a_run_into_an_object_store_is_gone_on_with(run: Run, corpus: None) -> None:
    import fsspec

    target = "memory://bucket/annotated/"
    assert run("in.jsonl", "-o", target, "--shard-size", "2").exit_code == 0
    again = run("in.jsonl", "-o", target, "--shard-size", "2", "--resume")
    assert again.stderr == f"{target} is complete\n"
    files = fsspec.filesystem("memory")
    assert files.cat_file("/bucket/annotated/part-00002.jsonl").count(b"\n") == 1
    files.rm("/bucket", recursive=True)
