"""ELEVANT's articles: what counts, what is an alternative, what is no id."""

import json

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention


def article(**changes):
    return json.dumps(
        {
            "id": 7,
            "title": "Home Depot",
            "text": "Frank Blake met Zed.",
            "evaluation_span": [0, 11],
            "labels": [
                {"id": 0, "span": [0, 11], "entity_id": "Q1437140", "name": "Frank Blake", "children": [1]},
                {"id": 1, "span": [6, 11], "entity_id": "Q1437141", "name": "Blake", "parent": 0},
                {"id": 2, "span": [16, 19], "entity_id": "Unknown3", "name": "Unknown"},
            ],
        }
        | changes
    )


def test_only_labels_without_a_parent_are_mentions(write):
    [document] = read_labelled(write("a.jsonl", article()))
    assert document.id == "7"
    assert document.mentions == (Mention(0, 11, "Frank Blake", "Q1437140", "Frank Blake"), Mention(16, 19, "Zed"))


def test_alternatives_title_and_evaluation_span_are_in_meta(write):
    [document] = read_labelled(write("a.jsonl", article()))
    alternative = {"start": 6, "end": 11, "text": "Blake", "entity_id": "Q1437141", "label": "Blake"}
    assert document.meta == {"title": "Home Depot", "evaluation_span": [0, 11], "alternatives": [alternative]}


def test_types_are_in_meta_in_the_order_of_the_mentions(write):
    labels = [{"span": [16, 19], "type": "Q5"}, {"span": [0, 5]}, {"span": [0, 11], "type": "Q5|Q43229"}]
    [document] = read_labelled(write("a.jsonl", article(labels=labels)))
    assert [mention.text for mention in document.mentions] == ["Frank Blake", "Frank", "Zed"]
    assert document.meta["mention_types"] == [["Q5", "Q43229"], [], ["Q5"]]


def test_converted_to_our_jsonl_nothing_is_lost(write):
    [document] = read_labelled(write("a.jsonl", article()))
    assert list(read_labelled(write("b.jsonl", json.dumps(document.to_json())))) == [document]


@pytest.mark.parametrize("identifier", ["Unknown12", "<NIL>", "<NO_MAPPING>", None, "DATETIME", "Q", "Q12x", ""])
def test_ids_that_are_no_plain_qid_are_none(write, identifier):
    path = write("a.jsonl", article(labels=[{"span": [0, 5], "entity_id": identifier, "name": "Unknown"}]))
    assert next(read_labelled(path)).mentions == (Mention(0, 5, "Frank"),)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (article(labels=[{"span": [0]}]), "field labels.0.span"),
        (article(labels=[{"span": [0, 99], "entity_id": "Q1"}]), "span 0:99 is not in the text of 20 characters"),
        (article(labels=[{"span": [3, 3], "entity_id": "Q1"}]), "span 3:3 is not in the text"),
        (article(labels=[{"span": [5, 6], "entity_id": "Q1"}]), "nothing but whitespace"),
        (article(text=None), "field text"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line(write, line, complaint):
    path = write("a.jsonl", f"{article()}\n\n{line}")
    with pytest.raises(InputError) as caught:
        list(read_labelled(path))
    assert caught.value.message.startswith(f"{path}:3: ")
    assert complaint in caught.value.message
