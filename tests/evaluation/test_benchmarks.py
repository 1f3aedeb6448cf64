"""Benchmark files become gold documents, and broken ones an error that names file and line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.evaluation.aida import read_aida
from elinker.evaluation.benchmarks import read_benchmark, read_predictions
from elinker.evaluation.gold import BenchmarkFormat, GoldDocument, GoldMention
from elinker.schema import Document, Mention


def elevant_line(**changes):
    return json.dumps(
        {
            "id": 7,
            "title": "",
            "text": "Frank Blake met Zed.",
            "evaluation_span": [0, 11],
            "labels": [
                {"id": 0, "span": [0, 11], "entity_id": "Q1437140", "name": "Frank Blake", "children": [1]},
                {"id": 1, "span": [6, 11], "entity_id": "Q1437140", "name": "Frank Blake", "parent": 0},
                {"id": 2, "span": [16, 19], "entity_id": "Unknown3", "name": "Unknown"},
            ],
        }
        | changes
    )


def written(tmp_path, *lines, name="test.benchmark.jsonl"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


AIDA = [
    "-DOCSTART- (1 EU)",
    "EU\tB\tEU\t--NME--",
    "rejects",
    "German\tB\tGerman\tGermany\thttp://en.wikipedia.org/wiki/Germany\t11867\t/m/0345h",
    "call",
    "",
    "Peter\tB\tPeter Blackburn\tPeter_Blackburn\thttp://en.wikipedia.org/wiki/Peter_Blackburn\t1",
    "Blackburn\tI\tPeter Blackburn\tPeter_Blackburn\thttp://en.wikipedia.org/wiki/Peter_Blackburn\t1",
    "",
    "-DOCSTART- (2 Rare)",
    "Rare",
]


def test_elevant_labels_with_a_parent_are_alternatives_and_unknown_ids_are_none(tmp_path):
    [document] = read_benchmark(written(tmp_path, elevant_line()))
    assert document == GoldDocument(
        id="7",
        text="Frank Blake met Zed.",
        mentions=(GoldMention(0, 11, "Q1437140"), GoldMention(16, 19, None)),
        alternatives=(GoldMention(6, 11, "Q1437140"),),
        evaluation_span=(0, 11),
    )


@pytest.mark.parametrize("identifier", ["Unknown12", "<NIL>", "<NO_MAPPING>", None, "DATETIME", "Q", "Q12x", ""])
def test_elevant_ids_that_are_no_plain_qid_are_none(tmp_path, identifier):
    line = elevant_line(labels=[{"id": 0, "span": [0, 5], "entity_id": identifier}])
    assert read_benchmark(written(tmp_path, line))[0].mentions == (GoldMention(0, 5, None),)


def test_our_own_jsonl_is_told_by_its_mentions_and_keeps_any_id(tmp_path):
    document = Document("d", "Ada met Zed.", (Mention(0, 3, "Ada", "person/ada"), Mention(8, 11, "Zed")))
    read = read_benchmark(written(tmp_path, json.dumps(document.to_json())))
    assert read == [GoldDocument("d", "Ada met Zed.", (GoldMention(0, 3, "person/ada"), GoldMention(8, 11, None)))]


def test_aida_tokens_are_joined_by_spaces_and_nme_is_no_id(tmp_path):
    first, second = read_benchmark(written(tmp_path, *AIDA))
    assert first.id == "1 EU"
    assert first.text == "EU rejects German call Peter Blackburn"
    assert first.mentions == (
        GoldMention(0, 2, None),
        GoldMention(11, 17, "Germany"),
        GoldMention(23, 38, "Peter_Blackburn"),
    )
    assert (second.id, second.text, second.mentions) == ("2 Rare", "Rare", ())


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=6)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_aida_spans_select_the_tokens_of_the_mention(mentions):
    rows = ["-DOCSTART- (1)"]
    for words in mentions:
        rows += [f"{word}\t{'I' if i else 'B'}\t{' '.join(words)}\tX" for i, word in enumerate(words)]
    [document] = read_aida("rows", rows)
    assert [document.text[m.start : m.end] for m in document.mentions] == [" ".join(words) for words in mentions]


def test_limit_reads_only_the_first_documents(tmp_path):
    assert len(read_benchmark(written(tmp_path, *AIDA), limit=1)) == 1


def test_a_format_can_be_forced_where_the_content_is_not_clear(tmp_path):
    path = written(tmp_path, '{"id": "d", "text": "Ada."}')
    with pytest.raises(InputError, match="the format of the benchmark is not clear") as caught:
        read_benchmark(path)
    assert "--benchmark-format" in str(caught.value)
    assert read_benchmark(path, benchmark_format=BenchmarkFormat.ELINKER) == [GoldDocument("d", "Ada.")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "a JSON list, not an object"),
        (elevant_line(labels=[{"span": [0]}]), "field 'labels.0.span"),
        (elevant_line(labels=[{"span": [0, 99], "entity_id": "Q1"}]), "span 0:99 is not in the text of 20 characters"),
        (elevant_line(labels=[{"span": [3, 3], "entity_id": "Q1"}]), "span 3:3 is not in the text"),
        (elevant_line(text=None), "field 'text'"),
    ],
)
def test_a_broken_elevant_line_is_an_error_with_file_and_line(tmp_path, line, complaint):
    path = written(tmp_path, elevant_line(), "", line)
    with pytest.raises(InputError) as caught:
        read_benchmark(path)
    assert caught.value.message.startswith(f"{path}, line 3: ")
    assert complaint in caught.value.message


def test_a_broken_line_of_ours_is_an_error_with_file_and_line(tmp_path):
    mention = {"start": 0, "end": 2, "text": "Ada"}
    path = written(tmp_path, json.dumps({"id": "d", "text": "Ada.", "mentions": [mention]}))
    with pytest.raises(InputError, match="line 1: document 'd': mention 'Ada' is not the text at 0:2"):
        read_benchmark(path)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("EU\tB\tEU", "3 columns"),
        ("EU\tX\tEU\tEuropean_Union", "4 columns 'X'"),
        ("EU\tI\tEU\tEuropean_Union", "'I' follows no 'B'"),
        ("\tB\tEU\tEuropean_Union", "a row without a token"),
    ],
)
def test_a_broken_aida_row_is_an_error_with_file_and_line(tmp_path, row, complaint):
    path = written(tmp_path, "-DOCSTART- (1)", "The", row)
    with pytest.raises(InputError) as caught:
        read_benchmark(path)
    assert caught.value.message.startswith(f"{path}, line 3: ")
    assert complaint in caught.value.message


def test_a_file_that_is_not_utf8_or_absent_or_empty_is_an_error_with_its_name(tmp_path):
    latin = tmp_path / "latin.tsv"
    latin.write_bytes("-DOCSTART-\nMünchen".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.tsv: not UTF-8"):
        read_benchmark(latin)
    with pytest.raises(InputError, match=r"absent\.jsonl: No such file"):
        read_benchmark(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="no documents"):
        read_benchmark(written(tmp_path, ""), benchmark_format=BenchmarkFormat.ELEVANT)


def test_predictions_are_brought_into_the_order_of_the_benchmark(tmp_path):
    golds = [GoldDocument("b", "Bob."), GoldDocument("a", "Ada.")]
    documents = [Document("a", "Ada."), Document("more", "More."), Document("b", "Bob.")]
    path = written(tmp_path, *(json.dumps(document.to_json()) for document in documents))
    assert [document.id for document in read_predictions(path, golds)] == ["b", "a"]


def test_a_document_without_prediction_is_an_error_not_a_zero(tmp_path):
    path = written(tmp_path, json.dumps(Document("a", "Ada.").to_json()))
    with pytest.raises(InputError, match=r"no prediction for document 'b' \(1 of 2 are missing\)"):
        read_predictions(path, [GoldDocument("a", "Ada."), GoldDocument("b", "Bob.")])


def test_two_predictions_or_two_gold_documents_of_one_id_are_refused(tmp_path):
    line = json.dumps(Document("a", "Ada.").to_json())
    with pytest.raises(InputError, match="line 2: a second document 'a'"):
        read_predictions(written(tmp_path, line, line), [GoldDocument("a", "Ada.")])
    with pytest.raises(InputError, match="two documents of one id"):
        read_predictions(written(tmp_path, line), [GoldDocument("a", "Ada."), GoldDocument("a", "Ada.")])
