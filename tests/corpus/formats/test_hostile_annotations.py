"""Files of annotations that are broken or mean harm: a bad record that says why, and nothing is fetched or grown."""

from pathlib import Path

import pytest

from elinker.corpus import FORMATS, BadRecord, Located, ReadOptions, Source
from elinker.corpus.records import Record

TEI = '<TEI xmlns="http://www.tei-c.org/ns/1.0"><text>{}</text></TEI>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def read(name: str, path: Path, content: str | bytes, **options: int) -> list[Record]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(FORMATS[name].read(Source(path.name, path.name, path), ReadOptions(**options)))  # type: ignore[arg-type]


def reason(records: list[Record]) -> str:
    *_, record = records
    assert isinstance(record, BadRecord), record
    return record.reason


def test_entities_that_would_grow_without_bounds_are_refused(tmp_path: Path) -> None:
    content = f'<!DOCTYPE TEI [<!ENTITY l0 "lol">{LAUGHS}]>{TEI.format("&l9;")}'
    assert "entities of its own" in reason(read("tei", tmp_path / "a.xml", content))


@pytest.mark.parametrize("kind", ["<!ENTITY x SYSTEM '{}'>", "<!ENTITY % x SYSTEM '{}'> %x;"])
def test_entities_that_point_to_files_are_refused_and_the_file_is_not_read(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret.dtd"
    secret.write_text("<!ENTITY y 'password'>")
    content = f"<!DOCTYPE TEI [{kind.format(secret.as_uri())}]>{TEI.format('&x;')}"
    assert "entities of its own" in reason(read("tei", tmp_path / "a.xml", content))


def test_a_document_type_is_not_fetched_and_its_entities_are_not_known(tmp_path: Path) -> None:
    content = f"<!DOCTYPE TEI SYSTEM '{(tmp_path / 'none.dtd').as_uri()}'>{TEI}"
    [record] = read("tei", tmp_path / "a.xml", content.format("Ada"))
    assert isinstance(record, Located)
    assert record.document.text == "Ada"
    assert "entities of its own" in reason(read("tei", tmp_path / "a.xml", content.format("&uuml;")))


def test_the_documents_before_the_place_where_xml_breaks_are_read(tmp_path: Path) -> None:
    inner = TEI.format("Ada")
    good, bad = read("tei", tmp_path / "a.xml", f"<teiCorpus>{inner}<TEI><text>Zed</TEI></teiCorpus>")
    assert isinstance(good, Located)
    assert isinstance(bad, BadRecord)
    assert bad.line == 1
    assert bad.reason == "not a complete XML file: mismatched tag"


def test_a_text_longer_than_allowed_is_not_held(tmp_path: Path) -> None:
    assert "more than 10" in reason(read("tei", tmp_path / "a.xml", TEI.format("x" * 11), max_bytes=10))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("tei", "<html/>", "the XML is a 'html', not a TEI document"),
        ("label-studio", "[{}", "the JSON ends too early"),
        ("label-studio", "[1, 2", "the JSON ends too early"),
        ("label-studio", '[{"data": {"text": "a"}}] x', "something follows"),
        ("label-studio", "[" * 100_000, "nested too deeply"),
        ("label-studio", b"[\xff]", "not UTF-8 at byte 1"),
        ("label-studio", '[{"data": {"text": 1}}]', "no text in data.text"),
        (
            "label-studio",
            '[{"data": {"text": "a"}, "annotations": [{"result": [{"value": {"start": 1, "end": 9, "labels": []}}]}]}]',
            "is not the text at 1:9",
        ),
        ("web-annotation", '[{"items": []}]', "the page does not hold its text"),
        ("prodigy", '{"text": "abc", "spans": [{"start": 2, "end": 9}]}', "span 2:9 is not in the text"),
        ("prodigy", '{"text": "abc", "spans": [{"start": true, "end": 2}]}', "span True:2 is not in the text"),
        ("prodigy", '{"spans": {}}', "'text' is not a string"),
        ("conllu", "1\tAda\n", "2 columns, CoNLL-U has 10"),
        ("conllu", "1\tAda" + "\t_" * 7 + "\tEntity=(e1-x\n", "begins but does not end"),
        ("conllu", "1\tAda" + "\t_" * 7 + "\tEntity=e1)\n", "ends but did not begin"),
        ("webanno", "#FORMAT=WebAnno TSV 3.3\n\n#Text=Ada\n1-1\t0-9\tAda\t\n", "is not the text at 0:9"),
        ("webanno", "#FORMAT=WebAnno TSV 3.3\n\n#Text=Ada\n1-1\t999999999999-9\tAda\t\n", "begins at 999999999999"),
    ],
)
def test_what_is_broken_is_said(tmp_path: Path, name: str, content: str | bytes, why: str) -> None:
    assert why in reason(read(name, tmp_path / "a", content))


def test_a_broken_task_costs_no_other(tmp_path: Path) -> None:
    content = '[{"data": {"text": "a"}}, {"data": 1}, {"data": {"text": "b"}}]'
    records = read("label-studio", tmp_path / "a.json", content)
    assert [record.line for record in records] == [1, 2, 3]
    assert [isinstance(record, Located) for record in records] == [True, False, True]


def test_a_broken_line_of_conllu_costs_its_document_alone(tmp_path: Path) -> None:
    row = "1\tAda" + "\t_" * 8 + "\n\n"
    records = read("conllu", tmp_path / "a.conllu", f"# newdoc id = a\n{row}# newdoc id = b\nx\n# newdoc id = c\n{row}")
    assert [record.document.id if isinstance(record, Located) else record.line for record in records] == ["a", 5, "c"]


def test_an_array_is_read_an_element_at_a_time_whatever_its_length(tmp_path: Path) -> None:
    task = '{"data": {"text": "' + "ä😀" * 100_000 + '"}}'
    records = read("label-studio", tmp_path / "a.json", f"[{task},\n{task}]")
    assert [isinstance(record, Located) and len(record.document.text) for record in records] == [200_000, 200_000]
