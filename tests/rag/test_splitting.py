"""Documents become passages whose offsets are exact, whatever the text holds and however short they are to be."""

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker.errors import UsageError
from elinker.rag.sentences import split_sentences
from elinker.rag.splitting import SourceDocument, Splitter

if TYPE_CHECKING:
    from elinker.onegen.answering import AnswerLayout

WORDS = ["Steve", "Apple", "Dr. ", "is", "of", ". ", "! ", "? ", "\n\n", "\r\n", " ", "😀", "é", "שלום", "\0", "[RD]"]
WORDS += ["東京。", "(", ')" ', "U.S.", "[LK]", "</paragraph>", "\ud83d"]
texts = st.lists(st.sampled_from(WORDS), max_size=30).map("".join)


@pytest.fixture(params=["llama", "bert"])
def layout(request: pytest.FixtureRequest, answering: Any) -> "AnswerLayout":
    return answering[request.param].answering  # type: ignore[no-any-return]


@given(text=texts)
def test_sentences_hold_everything_but_white_space_in_order(text: str) -> None:
    sentences = split_sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in sentences)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(sentences))
    assert "".join("".join(text[start:end] for start, end in sentences).split()) == "".join(text.split())
    assert all(text[start:end] == text[start:end].strip() for start, end in sentences)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith met J. R. R. Tolkien. He left.", ["Dr. Smith met J. R. R. Tolkien.", "He left."]),
        ('He said "Go!" Then he left.', ['He said "Go!"', "Then he left."]),
        ("It is 3.5 m tall. (Really.) Yes", ["It is 3.5 m tall.", "(Really.)", "Yes"]),
        ("A heading\n\nA text. in the U.S. army", ["A heading", "A text. in the U.S. army"]),
        ("東京。京都！", ["東京。", "京都！"]),
    ],
)
def test_a_sentence_ends_where_a_reader_would_say(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == expected


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=texts, size=st.integers(1, 20), data=st.data())
def test_every_passage_and_sentence_is_a_slice_of_its_document(
    layout: "AnswerLayout", text: str, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    chunks = list(Splitter(layout, size=size, overlap=overlap).split(SourceDocument("d", "title", text)))
    for chunk in chunks:
        passage = chunk.passage
        assert passage.text == text[passage.start : passage.end] != ""
        assert chunk.sentences
        for start, end in chunk.sentences:
            assert passage.text[start:end].strip() == passage.text[start:end] != ""
    covered = {place for chunk in chunks for place in range(chunk.passage.start, chunk.passage.end)}
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())
    assert [chunk.passage.start for chunk in chunks] == sorted(chunk.passage.start for chunk in chunks)
    assert len({chunk.passage.id for chunk in chunks}) == len(chunks)


def test_passages_end_with_sentences_and_are_as_long_as_they_may_be(layout: "AnswerLayout") -> None:
    text = "Steve is here. " * 8
    tokens = len(layout.source("Steve is here."))
    chunks = list(Splitter(layout, size=3 * tokens).split(SourceDocument("d", "", text)))
    assert [len(chunk.sentences) for chunk in chunks] == [3, 3, 2]
    assert [chunk.passage.id for chunk in chunks] == ["d:0", "d:1", "d:2"]


def test_with_overlap_a_passage_begins_with_the_last_sentences_of_the_one_before(layout: "AnswerLayout") -> None:
    text = "Steve is here. " * 5
    tokens = len(layout.source("Steve is here."))
    chunks = list(Splitter(layout, size=3 * tokens, overlap=tokens).split(SourceDocument("d", "", text)))
    assert [(chunk.passage.start // 15, len(chunk.sentences)) for chunk in chunks] == [(0, 3), (2, 3)]


def test_a_sentence_that_is_too_long_is_cut_into_overlapping_parts(layout: "AnswerLayout") -> None:
    text = "Steve Apple " * 20
    chunks = list(Splitter(layout, size=8, overlap=4).split(SourceDocument("d", "", text.strip())))
    assert len(chunks) > 5
    for before, after in itertools.pairwise(chunks):
        assert before.passage.start < after.passage.start < before.passage.end
        assert len(layout.source(before.passage.text)) <= 9


def test_a_passage_has_the_entities_that_are_linked_in_it(layout: "AnswerLayout") -> None:
    text = "Steve is here. Apple is there."
    size = len(layout.source("Apple is there.")) + 1
    links = ((0, 5, "Q1"), (15, 20, "Q2"), (24, 29, "Q2"))
    chunks = list(Splitter(layout, size=size).split(SourceDocument("d", "", text, links)))
    assert [chunk.passage.entities for chunk in chunks] == [("Q1",), ("Q2",)]


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_a_document_without_text_has_no_passages(layout: "AnswerLayout", text: str) -> None:
    assert list(Splitter(layout).split(SourceDocument("d", "", text))) == []


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (1000, 0), (10, 10), (10, -1)])
def test_sizes_that_make_no_sense_are_refused(layout: "AnswerLayout", size: int, overlap: int) -> None:
    with pytest.raises(UsageError):
        Splitter(layout, size=size, overlap=overlap)
