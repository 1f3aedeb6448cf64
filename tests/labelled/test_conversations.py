"""Conversations and documents of the reference code, cut into pieces with roles."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.labelled.conversations import Role, Segment, read_conversations, read_documents

QUESTION = {"role": "user", "content": "Who founded Apple?"}


def answer(content, **ids):
    return json.dumps({"messages": [QUESTION, {"role": "assistant", "content": content} | ids]})


def test_roles_and_ids_of_a_multi_hop_answer(write):
    content = "Who?[RQ]<paragraph>Jobs founded Apple.</paragraph>So<FINAL-ANSWER>Jobs</FINAL-ANSWER>"
    path = write("train.jsonl", answer(content, positive=[["12-0", "12-3"]], negative=[["7-1", 9]]))
    [conversation] = read_conversations(path)
    assert conversation.id == "train.jsonl:1"
    assert conversation.segments == (
        Segment("Who founded Apple?", Role.CTX),
        Segment("Who?", Role.GEN),
        Segment("[RQ]", Role.RET, ("12-0", "12-3"), ("7-1", "9")),
        Segment("<paragraph>Jobs founded Apple.</paragraph>", Role.CTX),
        Segment("So<FINAL-ANSWER>Jobs</FINAL-ANSWER>", Role.GEN),
    )


def test_null_or_absent_ids_leave_a_retrieval_token_without_any(write):
    path = write("train.jsonl", f"{answer('a[RQ]b[RQ]', positive=[None, '3'], negative=[[], []])}\n{answer('a[RQ]')}")
    first, second = read_conversations(path)
    assert [one.positives for one in first.segments if one.role is Role.RET] == [(), ("3",)]
    assert [one.positives for one in second.segments if one.role is Role.RET] == [()]


def test_several_turns_have_their_own_ids(write):
    turns = [QUESTION, {"role": "assistant", "content": "a[RQ]", "positive": [["1"]], "negative": [["2"]]}]
    path = write("train.jsonl", json.dumps({"messages": turns + turns}))
    [conversation] = read_conversations(path)
    assert [one.positives for one in conversation.segments if one.role is Role.RET] == [("1",), ("1",)]


def test_other_tokens_can_be_named(write):
    path = write("train.jsonl", answer("a<Q>b[RQ]", positive=[["1"]], negative=[["2"]]))
    [conversation] = read_conversations(path, tokens=["<Q>"])
    assert [one.text for one in conversation.segments if one.role is Role.RET] == ["<Q>"]


def test_a_document_has_one_vector_for_each_retrieval_token_of_the_assistant(write):
    messages = [{"role": "user", "content": "Title [SE]"}, {"role": "assistant", "content": "One.[RD]Two.[RD]"}]
    path = write("db.jsonl", json.dumps({"uid": 12, "messages": messages}))
    [document] = read_documents(path)
    assert document.id == "12"
    assert [(one.text, one.role.value) for one in document.segments] == [
        ("Title [SE]", "CTX"), ("One.", "CTX"), ("[RD]", "RET"), ("Two.", "CTX"), ("[RD]", "RET")
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a ", "[RQ]", "<paragraph>", "</paragraph>", "[LK]", "é😀", "\n"]), max_size=12))
def test_joined_segments_are_the_messages(tmp_path_factory, parts):
    content = "".join(parts)
    path = tmp_path_factory.mktemp("c") / "train.jsonl"
    path.write_text(answer(content), encoding="utf-8")
    [conversation] = read_conversations(path)
    assert conversation.text == QUESTION["content"] + content
    retrieval = sum(one.role is Role.RET for one in conversation.segments)
    assert retrieval == content.count("[RQ]") + content.count("[LK]")


@pytest.mark.parametrize(
    ("read", "line", "complaint"),
    [
        (read_conversations, answer("a[RQ]", positive=[], negative=[]), "0 entries of 'positive' for 1 retrieval"),
        (read_conversations, answer("a[RQ]", positive=[["1"]], negative=[]), "0 entries of 'negative'"),
        (read_conversations, "{", "not JSON"),
        (read_documents, answer("a[RD]"), "field 'uid'"),
        (read_documents, json.dumps({"uid": "1", "messages": [QUESTION]}), "has no retrieval token"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line_or_skipped(write, read, line, complaint):
    path = write("x.jsonl", line)
    with pytest.raises(InputError, match=complaint) as caught:
        list(read(path))
    assert caught.value.message.startswith(f"{path}:1: ")
    assert list(read(path, skip=lambda error: None)) == []
