"""elinker's own lines, also as people write them by hand."""

import json

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention


def line(**changes):
    return json.dumps({"text": "Ada met Zed.", "mentions": [{"start": 0, "end": 3}]} | changes)


def test_a_mention_may_leave_out_its_text_and_a_line_its_id(write):
    [document] = read_labelled(write("a.jsonl", "\n" + line()))
    assert (document.id, document.mentions) == ("a.jsonl:2", (Mention(0, 3, "Ada"),))


def test_mentions_may_overlap_and_are_put_in_order_the_longest_first(write):
    mentions = [{"start": 8, "end": 11}, {"start": 0, "end": 3}, {"start": 0, "end": 7}]
    [document] = read_labelled(write("a.jsonl", line(mentions=mentions)))
    assert [mention.text for mention in document.mentions] == ["Ada met", "Ada", "Zed"]


def test_further_fields_of_a_line_go_to_meta(write):
    [document] = read_labelled(write("a.jsonl", line(meta={"a": 1}, year=1843)))
    assert document.meta == {"a": 1, "year": 1843}


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (line(mentions=[{"start": 0, "end": 13}]), "is not the text at 0:13"),
        (line(mentions=[{"start": -1, "end": 3}]), "at -1:3"),
        (line(mentions=[{"start": 0, "end": 3, "text": "Zed"}]), "mention 'Zed' is not the text at 0:3"),
        (line(mentions=[{"start": 3, "end": 4}]), "is blank"),
        (line(mentions=[{"start": "0", "end": 3}]), "field 'start' is str"),
        (line(mentions=[7]), "field 'mentions[]' is int"),
        (line(mentions=None), "field 'mentions' is NoneType"),
        (line(text=None), "field 'text' is NoneType"),
        ('{"text": "Ada."}', "field 'mentions' is missing"),
        ('{"text": "\\ud800", "mentions": []}', "lone surrogate"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line(write, broken, complaint):
    path = write("a.jsonl", f"{line()}\n{broken}\n")
    with pytest.raises(InputError) as caught:
        list(read_labelled(path))
    assert caught.value.message.startswith(f"{path}:2: ")
    assert complaint in caught.value.message
