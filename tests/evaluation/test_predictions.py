"""Stored predictions of elinker and of ELEVANT's linkers are read, checked against the benchmark, and written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.errors import InputError, UsageError
from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.predictions import read_predictions, write_predictions
from elinker.schema import Candidate, Document, Mention


def written(tmp_path, *values):
    path = tmp_path / "system.linked_articles.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


# An article as ELEVANT's documentation of its format shows it.
ARTICLE = {
    "id": 2,
    "title": "Some title",
    "text": "Heidi and her husband Seal live in Vegas.",
    "hyperlinks": [],
    "entity_mentions": [
        {"span": [35, 40], "recognized_by": "ner", "id": "Q23768", "linked_by": "x", "candidates": ["Q23768", "Q9"]},
        {"span": [0, 5], "recognized_by": "ner", "id": "Q2618588", "linked_by": "x", "candidates": []},
        {"span": [22, 26], "recognized_by": "ner", "candidates": []},
    ],
    "evaluation_span": [0, 41],
    "labels": [],
}
GOLD = [GoldDocument("2", ARTICLE["text"])]


def test_elevants_linked_articles_are_read_with_spans_entities_and_candidates(tmp_path):
    [document] = read_predictions(written(tmp_path, ARTICLE), GOLD)
    assert document.mentions == (
        Mention(0, 5, "Heidi", "Q2618588"),
        Mention(22, 26, "Seal", None),
        Mention(35, 40, "Vegas", "Q23768", candidates=(Candidate("Q23768", "", 0.0), Candidate("Q9", "", 0.0))),
    )


@pytest.mark.parametrize("nothing", [None, "", "NIL", "<NIL>", "Unknown", "Unknown7"])
def test_what_elevant_has_for_no_entity_is_nil(tmp_path, nothing):
    article = ARTICLE | {"entity_mentions": [{"span": [0, 5], "id": nothing}]}
    [document] = read_predictions(written(tmp_path, article), GOLD)
    assert document.mentions == (Mention(0, 5, "Heidi", None),)


def test_an_article_without_predictions_may_lack_the_key_but_not_a_whole_file(tmp_path):
    bare = {"id": 1, "title": "", "text": "It rains."}
    golds = [GoldDocument("1", "It rains."), *GOLD]
    assert read_predictions(written(tmp_path, bare, ARTICLE), golds)[0].mentions == ()
    with pytest.raises(InputError, match="no line has 'mentions' or 'entity_mentions'"):
        read_predictions(written(tmp_path, bare), golds[:1])


def test_predictions_are_brought_into_the_order_of_the_benchmark(tmp_path):
    golds = [GoldDocument("b", "Bob."), GoldDocument("a", "Ada.")]
    path = written(tmp_path, Document("a", "Ada.").to_json(), Document("b", "Bob.").to_json())
    assert [document.id for document in read_predictions(path, golds)] == ["b", "a"]


def test_missing_documents_are_an_error_that_lists_a_few(tmp_path):
    path = written(tmp_path, Document("a", "Ada.").to_json())
    golds = [GoldDocument(name, "Ada.") for name in "abcde"]
    with pytest.raises(InputError, match=r"no prediction for 4 of 5 documents: 'b', 'c', 'd', …"):
        read_predictions(path, golds)


def test_documents_outside_the_benchmark_are_an_error_unless_it_was_shortened(tmp_path):
    path = written(tmp_path, Document("a", "Ada.").to_json(), Document("b", "Bob.").to_json())
    golds = [GoldDocument("a", "Ada.")]
    with pytest.raises(InputError, match="1 documents are not in the benchmark: 'b'"):
        read_predictions(path, golds)
    assert len(read_predictions(path, golds, complete=False)) == 1


def test_two_documents_of_one_id_are_refused_on_either_side(tmp_path):
    line = Document("a", "Ada.").to_json()
    with pytest.raises(InputError, match=r"jsonl:2: a second document 'a'"):
        read_predictions(written(tmp_path, line, line), [GoldDocument("a", "Ada.")])
    with pytest.raises(InputError, match="two documents of one id"):
        read_predictions(written(tmp_path, line), [GoldDocument("a", "Ada.")] * 2)


@pytest.mark.parametrize(
    ("mention", "complaint"),
    [
        ({"id": "Q1"}, "field 'entity_mentions.0.span"),
        ({"span": [0, 99]}, "is not the text at 0:99"),
        ({"span": [5, 5]}, "is not the text at 5:5"),
        ({"span": [0, 5], "id": 7}, "field 'entity_mentions.0.id"),
    ],
)
def test_a_broken_article_is_an_error_with_file_and_line(tmp_path, mention, complaint):
    path = written(tmp_path, ARTICLE, {"id": 3, "text": "Heidi and Seal.", "entity_mentions": [mention]})
    with pytest.raises(InputError) as caught:
        read_predictions(path, GOLD)
    assert caught.value.message.startswith(f"{path}:2: ")
    assert complaint.replace("field '", "field ") in caught.value.message


def test_written_articles_are_of_elevants_format(tmp_path):
    path = tmp_path / "out.jsonl"
    gold = [GoldDocument("7", "Ada met Zed.", evaluation_span=(0, 8), title="T"), GoldDocument("x7", "Rain.")]
    mentions = (Mention(0, 3, "Ada", "Q1", "Ada", 0.9, (Candidate("Q1", "Ada", 0.5),)), Mention(8, 11, "Zed"))
    write_predictions(path, gold, [Document("7", "Ada met Zed.", mentions), Document("x7", "Rain.")])
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first == {
        "id": 7,
        "title": "T",
        "text": "Ada met Zed.",
        "evaluation_span": [0, 8],
        "entity_mentions": [
            {"span": [0, 3], "recognized_by": "elinker", "id": "Q1", "linked_by": "elinker", "candidates": ["Q1"]},
            {"span": [8, 11], "recognized_by": "elinker", "candidates": []},
        ],
    }
    assert (second["id"], second["entity_mentions"]) == ("x7", [])


SPAN = st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda span: span[0] < span[1])
PREDICTED = st.lists(st.tuples(SPAN, st.sampled_from(["Q1", "Q2", "my/entity", None])), max_size=4)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=12), found=PREDICTED)
def test_what_is_written_is_read_again(tmp_path_factory, text, found):
    path = tmp_path_factory.mktemp("predictions") / "out.jsonl"
    mentions = sorted((Mention(a, b, text[a:b], entity_id) for (a, b), entity_id in found), key=lambda one: one.start)
    document = Document("007", text, tuple(mentions))
    gold = [GoldDocument("007", text)]
    write_predictions(path, gold, [document])
    assert read_predictions(path, gold) == [document]


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        write_predictions(tmp_path / "absent" / "out.jsonl", [], [])
