"""`elinker convert` as a person meets it: formats by name and suffix, losses on stderr, bad documents, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from elinker import Document, Mention
from elinker.cli.convert import convert
from elinker.corpus import read_annotations
from elinker.errors import UsageError
from elinker.labelled import read_labelled

APP = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
APP.command()(convert)

Run = Callable[..., Result]

DOCUMENT = Document(
    "n/1",
    "Ada met\x00 Zed in New York City.",
    (
        Mention(0, 3, "Ada", "Q7259", "Ada Lovelace", 0.5),
        Mention(16, 29, "New York City", "Q60", None, 0.5),
        Mention(16, 24, "New York", "Q1384"),
    ),
    {"year": 1843},
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with `in.jsonl`, which has one document."""
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text(json.dumps(DOCUMENT.to_json()) + "\n")
    return lambda *arguments, stdin=None: CliRunner().invoke(APP, arguments, input=stdin)


@pytest.mark.parametrize("name", ["a.jsonl", "a.prodigy.jsonl", "a.json", "a.jsonld", "a.parquet", "a.spacy"])
def test_there_and_back_through_formats_that_hold_everything(run: Run, name: str) -> None:
    assert run("in.jsonl", name).exit_code == 0
    back = run(name, "back.jsonl")
    assert (back.exit_code, list(read_annotations("back.jsonl"))) == (0, [DOCUMENT])
    assert back.stderr == "1 document with 3 mentions, 3 linked, 0 NIL in back.jsonl\n"


def test_what_a_format_cannot_hold_is_said_even_quietly(run: Run) -> None:
    result = run("in.jsonl", "a.xml", "--quiet")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "tei: characters that the format cannot hold replaced by U+FFFD (1 character)\n"


def test_formats_with_several_files_go_to_a_folder_or_a_zip_archive(run: Run) -> None:
    assert run("in.jsonl", "brat/", "--to", "brat").exit_code == 0
    assert sorted(path.name for path in Path("brat").iterdir()) == ["annotation.conf", "n%2F1.ann", "n%2F1.txt"]
    assert run("in.jsonl", "webanno.zip", "--to", "webanno").exit_code == 0
    assert Path("webanno.zip").read_bytes().startswith(b"PK")
    assert run("brat", "back.jsonl").exit_code == 0
    [back] = read_annotations("back.jsonl")
    assert (back.id, back.text) == ("n/1", DOCUMENT.text)
    assert [mention.entity_id for mention in back.mentions] == ["Q7259", "Q60", "Q1384"]


def test_a_folder_that_holds_something_is_never_replaced(run: Run) -> None:
    Path("brat").mkdir()
    Path("brat/mine.txt").write_text("mine")
    result = run("in.jsonl", "brat", "--to", "brat", "--overwrite")
    assert isinstance(result.exception, UsageError)
    assert [path.name for path in Path("brat").iterdir()] == ["mine.txt"]


def test_bad_documents_are_listed_and_the_others_written(run: Run) -> None:
    with Path("in.jsonl").open("a") as file:
        file.write('{"id": 3}\n')
    for output, options in (("a.conllu", ()), ("brat", ("--to", "brat"))):
        result = run("in.jsonl", output, *options)
        assert result.exit_code == 1
        assert f"1 bad, listed in {output}.errors.jsonl" in result.stderr
        [error] = map(json.loads, Path(f"{output}.errors.jsonl").read_text().splitlines())
        assert (error["source"], error["line"]) == ("in.jsonl", 2)
        assert Path(output).exists()


def test_data_sets_are_told_by_their_content(run: Run) -> None:
    article = {"id": 0, "text": "Ada.", "labels": [{"span": [0, 3], "entity_id": "Q7259"}]}
    Path("bench.jsonl").write_text(json.dumps(article))
    assert run("bench.jsonl", "a.ttl").exit_code == 0
    [document] = read_labelled(Path("a.ttl"))
    assert document.mentions == (Mention(0, 3, "Ada", "Q7259"),)


def test_a_named_format_wins_over_the_suffix_and_reads_standard_input(run: Run) -> None:
    Path("a.data").write_bytes(Path("in.jsonl").read_bytes())
    assert run("a.data", "b.jsonl", "--from", "jsonl").exit_code == 0
    result = run("-", "-", "--from", "jsonl", "--to", "conllu", stdin=Path("in.jsonl").read_bytes())
    assert result.exit_code == 0
    assert result.stdout.startswith("# newdoc id = n/1\n")


def test_of_a_runs_folder_only_the_parts_are_read(run: Run) -> None:
    Path("out").mkdir()
    Path("out/run.json").write_text('{"data": {"text": "not a task"}}')
    Path("out/journal.jsonl").write_text('{"shard": 0}\n')
    for number in (0, 1):
        Path(f"out/part-0000{number}.jsonl").write_bytes(Path("in.jsonl").read_bytes())
    assert run("out", "all.jsonl").exit_code == 0
    assert len(list(read_annotations("all.jsonl"))) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("in.jsonl", "in.jsonl", "--overwrite"), "in.jsonl is also the input"),
        (("none.jsonl", "a.ttl"), "no such file or folder: none.jsonl"),
        (("in.jsonl", "a.unknown"), "no output format for the suffix '.unknown'"),
        (("in.jsonl", "a.jsonl", "--to", "aida"), "no output format 'aida'"),
        (("in.jsonl", "a.jsonl", "--from", "displacy"), "no input format 'displacy'"),
        (("in.jsonl", "-", "--to", "brat"), "brat has a file for each document"),
        (("in.jsonl", "-", "--to", "docbin"), "cannot be written to standard output"),
        (("in.jsonl", "there.ttl"), "there.ttl exists"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    Path("there.ttl").write_text("x")
    result = run(*arguments)
    assert isinstance(result.exception, UsageError), result.output
    assert complaint in str(result.exception)
