"""Entity-linking conversations of the reference code."""

import json

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention


def line(content, **ids):
    return json.dumps({"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": content} | ids]})


MARKED = " After <MENTION>Steve</MENTION>[LK][_CONTINUE_], <MENTION>Zed</MENTION> of <MENTION>Apple</MENTION>[LK]</s>"


def test_markup_goes_and_the_first_positive_is_the_entity(write):
    path = write("train.jsonl", line(MARKED, positive=[["Q19837", "Q2"], 312], negative=[["Q1"], []]))
    [document] = read_labelled(path)
    assert (document.id, document.text) == ("train.jsonl:1", "After Steve, Zed of Apple")
    assert document.mentions == (
        Mention(6, 11, "Steve", "Q19837"),
        Mention(13, 16, "Zed"),
        Mention(20, 25, "Apple", "312"),
    )


def test_positives_and_negatives_are_in_meta_one_list_a_mention(write):
    path = write("train.jsonl", line(MARKED, positive=[["Q19837", "Q2"], None], negative=[["Q1"], ["Q7", "Q8"]]))
    [document] = read_labelled(path)
    assert document.meta == {
        "positives": [["Q19837", "Q2"], [], []],
        "negatives": [["Q1"], [], ["Q7", "Q8"]],
    }


def test_a_text_without_mentions_is_a_document_without_mentions(write):
    [document] = read_labelled(write("train.jsonl", line(" Nothing here.", positive=[], negative=[])))
    assert (document.text, document.mentions) == ("Nothing here.", ())


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (line(MARKED, positive=[["Q1"]]), "1 entries of 'positive' for 2 retrieval tokens"),
        (line(" [LK] alone", positive=[["Q1"]]), r"a \[LK\] that does not follow"),
        (line(" <MENTION> </MENTION>[LK]"), "nothing but whitespace"),
        (line(" asked [RQ]", positive=[["1"]]), r"no \[LK\] in the assistant's text"),
        (line(" x", positive=7), r"messages.1.positive is not a list"),
        (line(" x[LK]", positive=[{}]), "an entry that is not an id"),
        ('{"messages": []}', "'messages' is not a list of messages"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "role 'robot'"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "0 messages of the assistant"),
        ('{"messages": [7]}', "messages.0 has no text"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line(write, broken, complaint):
    path = write("train.jsonl", broken)
    with pytest.raises(InputError, match=complaint) as caught:
        list(read_labelled(path, format="onegen"))
    assert caught.value.message.startswith(f"{path}:1: ")
