"""KILT's entity-linking entries."""

import json

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention


def entry(identifier, text, *output):
    return json.dumps({"id": identifier, "input": text, "output": list(output), "meta": {"mention": "x"}})


GERMANY = {"answer": "Germany", "provenance": [{"wikipedia_id": "11867", "title": "Germany"}]}


def test_markers_go_with_one_blank_each_and_the_entity_is_the_page(write):
    path = write("a.jsonl", entry("1", "In [START_ENT] German [END_ENT] towns", GERMANY))
    [document] = read_labelled(path)
    assert (document.id, document.text) == ("1", "In German towns")
    assert document.mentions == (Mention(3, 9, "German", "Germany", "Germany"),)
    assert document.meta == {"wikipedia_ids": {"Germany": "11867"}}


def test_lines_of_one_text_that_follow_one_another_are_one_document(write):
    lines = [
        entry("1", "[START_ENT] Ada [END_ENT] met Zed"),
        entry("2", "Ada met [START_ENT] Zed [END_ENT]", {"answer": "Zed"}),
        entry("3", "[START_ENT] Bob [END_ENT]", {"answer": "Bob"}),
    ]
    first, second = read_labelled(write("a.jsonl", "\n".join(lines)))
    assert (first.id, first.text) == ("1", "Ada met Zed")
    assert first.mentions == (Mention(0, 3, "Ada"), Mention(8, 11, "Zed", "Zed", "Zed"))
    assert second.id == "3"


def test_an_answer_that_names_no_page_is_passed_over(write):
    nothing = {"meta": {"score": 1}}
    [document] = read_labelled(write("a.jsonl", entry("1", "[START_ENT] Ada [END_ENT]", nothing, GERMANY)))
    assert document.mentions[0].entity_id == "Germany"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (entry("1", "no mention"), "does not have one mention"),
        (entry("1", "[START_ENT] a [END_ENT] [START_ENT] b [END_ENT]"), "does not have one mention"),
        (entry("1", "[END_ENT] a [START_ENT]"), "does not have one mention"),
        (entry("1", "[START_ENT]  [END_ENT]"), "nothing but whitespace"),
        ('{"id": "1", "input": 7}', "field input"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line(write, line, complaint):
    path = write("a.jsonl", line)
    with pytest.raises(InputError, match=complaint) as caught:
        list(read_labelled(path, format="kilt"))
    assert caught.value.message.startswith(f"{path}:1: ")
