"""`elinker data` as it is run: files, messages, exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from elinker.cli import app
from elinker.errors import ElinkerError, InputError, UsageError

SAMPLES = Path(__file__).parent.parent / "wikipedia" / "samples"
AIDA = "-DOCSTART- (1)\nAda\tB\tAda\tAda_Lovelace\nmet\nZed\tB\tZed\tZed\n"


def run(*arguments: object):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def lines(path: Path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def aida(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(AIDA, encoding="utf-8")
    return path


def test_convert_writes_our_jsonl_and_says_what(aida, tmp_path):
    result = run("convert", aida, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 documents, 2 mentions (2 with an entity)" in result.stderr
    [document] = lines(tmp_path / "out.jsonl")
    assert [mention["entity_id"] for mention in document["mentions"]] == ["Ada Lovelace", "Zed"]


def test_convert_maps_titles_and_counts_what_is_in_no_table(aida, tmp_path):
    (tmp_path / "titles.tsv").write_text("Ada_Lovelace\tQ7259\n", encoding="utf-8")
    result = run("convert", aida, "-o", tmp_path / "out.jsonl", "--titles", tmp_path / "titles.tsv")
    [document] = lines(tmp_path / "out.jsonl")
    assert [mention["entity_id"] for mention in document["mentions"]] == ["Q7259", "Zed"]
    assert "1 ids are no Wikidata ids and no titles" in result.stderr


def test_convert_writes_good_documents_lists_broken_ones_and_exits_with_1(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ada.", "mentions": []}\n{"text": "Zed.", "mentions": 7}\n', encoding="utf-8")
    result = run("convert", path, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert [document["text"] for document in lines(tmp_path / "out.jsonl")] == ["Ada."]
    [error] = lines(tmp_path / "out.jsonl.errors.jsonl")
    assert "a.jsonl:2: field 'mentions' is int" in error["reason"]


def test_convert_keeps_overlapping_mentions(tmp_path):
    path = tmp_path / "a.jsonl"
    mentions = [{"start": 0, "end": 7}, {"start": 4, "end": 7}]
    path.write_text(json.dumps({"text": "New York", "mentions": mentions}), encoding="utf-8")
    assert run("convert", path, "-o", tmp_path / "out.jsonl").exit_code == 0
    assert len(lines(tmp_path / "out.jsonl")[0]["mentions"]) == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--format", "xml"], UsageError, "no format 'xml'"),
        ([], UsageError, "exists"),
        (["--overwrite"], InputError, "the format of these labelled texts is not clear"),
    ],
)
def test_convert_leaves_a_file_alone_when_it_cannot_be_carried_out(tmp_path, options, error, message):
    path, output = tmp_path / "a.txt", tmp_path / "out.jsonl"
    path.write_text("Just a text.", encoding="utf-8")
    output.write_text("precious", encoding="utf-8")
    result = run("convert", path, "-o", output, *options, *(["--overwrite"] if options[:1] == ["--format"] else []))
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
    assert output.read_text(encoding="utf-8") == "precious"


def test_wikipedia_writes_three_files_and_says_what(tmp_path):
    dump, props = SAMPLES / "small.xml", SAMPLES / "page_props.sql"
    result = run("wikipedia", dump, "-o", tmp_path / "out", "--page-props", props)
    assert result.exit_code == 0, result.exception
    assert result.stdout == ""
    assert "4 entities and 4 passages with 9 links (5 to an entity)" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "entities.jsonl",
        "passages.jsonl",
        "titles.tsv",
    ]


def test_wikipedia_takes_ids_from_a_table_of_titles(tmp_path):
    (tmp_path / "qids.tsv").write_text("Ada Lovelace\tQ7259\nLondon\tQ84\n", encoding="utf-8")
    run("wikipedia", SAMPLES / "small.xml", "-o", tmp_path / "out", "--qids", tmp_path / "qids.tsv")
    assert [entity["id"] for entity in lines(tmp_path / "out" / "entities.jsonl")] == ["Q7259", "Q84"]


def test_wikipedia_knows_further_disambiguation_templates(tmp_path):
    dump = tmp_path / "dump.xml"
    text = (SAMPLES / "small.xml").read_text(encoding="utf-8").replace("was a poet.", "may mean: {{Homonyms}}")
    dump.write_text(text, encoding="utf-8")
    run("wikipedia", dump, "-o", tmp_path / "out", "--disambiguation-template", "Homonyms")
    assert "Lord Byron" not in [entity["id"] for entity in lines(tmp_path / "out" / "entities.jsonl")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--page-props", SAMPLES / "page_props.sql", "--qids", SAMPLES / "page_props.sql"], "both name ids"),
        (["--page-props", SAMPLES / "small.xml"], "no rows of page_props"),
    ],
)
def test_wikipedia_with_wrong_options_leaves_nothing_behind(tmp_path, options, message):
    result = run("wikipedia", SAMPLES / "small.xml", "-o", tmp_path / "out", *options)
    assert isinstance(result.exception, ElinkerError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_wikipedia_replaces_nothing_unasked(tmp_path):
    assert run("wikipedia", SAMPLES / "small.xml", "-o", tmp_path).exit_code == 0
    assert "passages.jsonl exists" in str(run("wikipedia", SAMPLES / "small.xml", "-o", tmp_path).exception)
    assert run("wikipedia", SAMPLES / "small.xml", "-o", tmp_path, "--overwrite").exit_code == 0
