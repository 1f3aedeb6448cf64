"""What an answer cites: the numbers that it names, the passages that hold its words, or the last one read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.rag.answer import Passage, Retrieved, Step
from elinker.rag.citing import cite, entities_of, find_words, numbered, spelt


def step(*texts: str) -> Step:
    passages = (Passage(f"p-{text[:9]}", "d", "", text, 0, len(text), (f"E{len(text)}",)) for text in texts)
    return Step("?", tuple(Retrieved(passage, 0.5, (0, min(5, len(passage.text)))) for passage in passages), 1, 1)


STEPS = (step("Messi plays for Inter Miami."), step("Miami is in the United States of America.", "Miami."))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Miami [[1]]", [(1, "Miami")]),
        ("Miami[[2]][[1]]", [(2, "Miami"), (1, "Miami")]),
        ("Miami [ [ 3 ] ]", [(3, "Miami")]),
        ("Miami [[9]]", []),
        ("yes [[2]]", [(2, "Miami")]),
        ("united states of america", [(1, "United States of America")]),
        ("Miami", [(1, "Miami"), (2, "Miami"), (3, "Miami")]),
        ("yes", [(1, "Miami")]),
    ],
)
def test_numbers_cite_and_words_cite(answer: str, expected: list[tuple[int, str]]) -> None:
    assert [(citation.number, citation.text) for citation in cite(answer, STEPS)] == expected


def test_without_passages_nothing_is_cited() -> None:
    assert cite("Miami", ()) == ()


def test_entities_come_from_the_cited_passages_once() -> None:
    assert entities_of(cite("Miami", STEPS)) == ("E28", "E41", "E6")


@pytest.mark.parametrize(
    ("needle", "text", "expected"),
    [
        ("st . john ' s", "in St. John's now", "St. John's"),
        ("zurich", "Zürich", "Zürich"),
        ("art", "a cart", None),
        ("Paris", "PARIS or Paris", "Paris"),
        ("", "text", None),
        ("東京", "東京 と", "東京"),
    ],
)
def test_words_are_found_whole_whatever_their_case_accents_and_spaces(
    needle: str, text: str, expected: str | None
) -> None:
    place = find_words(needle, text)
    assert (place and text[place[0] : place[1]]) == expected


@given(st.text(), st.text(), st.text())
def test_what_is_found_is_inside_the_text(before: str, needle: str, after: str) -> None:
    text = f"{before} {needle} {after}"
    place = find_words(needle, text)
    assert place is None or (0 <= place[0] < place[1] <= len(text) and text[place[0] : place[1]])


def test_an_answer_is_spelt_as_its_source_spells_it() -> None:
    assert spelt("inter miami [ [ 1 ] ]", ["Messi plays for Inter Miami."]) == "Inter Miami [[1]]"
    assert spelt("inter milan", ["Messi plays for Inter Miami."]) == "inter milan"
    assert numbered("a [ [ 12 ] ]") == "a [[12]]"
