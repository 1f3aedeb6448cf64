"""Windows over long texts and the rule by which their mentions become those of the text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.linking.windows import OVERLAP, Window, merge, split_windows
from elinker.onegen.source import Source


def read(text: str, *, tokens: int = 1) -> Source:
    """A source with `tokens` tokens for every character but white space."""
    places = [index for index, character in enumerate(text) if not character.isspace() for _ in range(tokens)]
    ends = tuple(place + 1 for place in places)
    return Source(text, tuple(range(len(places))), tuple(places), ends, (0,) * len(places))


def spans(windows: list[Window]) -> list[tuple[int, int]]:
    return [(window.start, window.end) for window in windows]


def test_a_text_that_fits_is_one_window() -> None:
    assert split_windows(read("A b. C d."), 10) == [Window(0, 6)]


@pytest.mark.parametrize("text", ["", " \n\t \r\n "])
def test_a_text_without_tokens_has_no_window(text: str) -> None:
    assert split_windows(read(text), 10) == []


def test_windows_end_at_sentence_ends_and_do_not_overlap_there() -> None:
    source = read("Abc def. Ghi jkl. Mno pqr.")  # 7 tokens a sentence
    assert split_windows(source, 15) == [Window(0, 14), Window(14, 21)]


def test_a_paragraph_ends_a_window_too() -> None:
    assert spans(split_windows(read("abc def\n\nghi jkl"), 8)) == [(0, 6), (6, 12)]


def test_a_sentence_longer_than_a_window_is_cut_with_an_overlap() -> None:
    windows = split_windows(read("a " * 100), 60)
    assert windows == [Window(0, 60, False, True), Window(36, 96, True, True), Window(72, 100, True, False)]
    assert windows[0].end - windows[1].start == OVERLAP


def test_after_a_cut_the_next_sentence_end_still_ends_a_window() -> None:
    source = read("a " * 80 + ". " + "b " * 30 + ".")
    assert split_windows(source, 60) == [Window(0, 60, False, True), Window(36, 81, True, False), Window(81, 112)]


def test_small_windows_end_at_sentence_ends_too() -> None:
    source = read("a " * 14 + ". Bcd. ")
    assert spans(split_windows(source, 10))[-1] == (15, 19)


def test_a_protected_range_keeps_a_sentence_end_inside_it_from_being_one() -> None:
    source = read("Abc def. Ghi. Jkl mno. Pqr stu vwx.")
    assert spans(split_windows(source, 14))[0] == (0, 11)
    assert spans(split_windows(source, 14, [(8, 13)]))[0] == (0, 7)


def test_where_a_block_of_the_sentence_splitter_ends_is_no_sentence_end() -> None:
    source = read("word " * 5000)
    windows = split_windows(source, 100)
    assert all(window.cut_after for window in windows[:-1])


sources = st.builds(
    lambda pieces, joint: read_pieces(pieces, joint),
    st.lists(st.tuples(st.sampled_from(["a", "B", ".", "😀", "\n\n", "\ud800"]), st.integers(1, 6)), max_size=60),
    st.sampled_from(["", " "]),
)


def read_pieces(pieces: list[tuple[str, int]], joint: str) -> Source:
    """A source of characters that take several tokens each."""
    text, starts = "", []
    for character, tokens in pieces:
        if not character.isspace():
            starts += [len(text)] * tokens
        text += character + joint
    return Source(text, tuple(range(len(starts))), tuple(starts), tuple(s + 1 for s in starts), (0,) * len(starts))


@given(source=sources, size=st.integers(1, 70))
def test_windows_cover_the_text_in_order_within_their_size(source: Source, size: int) -> None:
    windows = split_windows(source, size)
    assert [window.start for window in windows[:1]] == [0] * bool(len(source))
    assert [window.end for window in windows[-1:]] == [len(source)] * bool(len(source))
    for window in windows:
        assert 0 < window.end - window.start <= size
    for before, after in pairwise(windows):
        assert before.start < after.start <= before.end < after.end
        assert before.cut_after == after.cut_before
        if not before.cut_after:
            assert after.start == before.end


@given(source=sources, size=st.integers(12, 70))
def test_no_window_begins_or_ends_inside_a_character(source: Source, size: int) -> None:
    for window in split_windows(source, size):
        assert source.is_boundary(window.start)
        assert source.is_boundary(window.end)


@given(source=sources, size=st.integers(48, 70), data=st.data())
def test_a_protected_range_shorter_than_the_overlap_is_whole_in_a_window(
    source: Source, size: int, data: st.DataObject
) -> None:
    boundaries = [index for index in range(len(source) + 1) if source.is_boundary(index)]
    first = data.draw(st.sampled_from(boundaries))
    near = [place for place in boundaries if first < place <= first + OVERLAP - 6]
    if not near:
        return
    last = data.draw(st.sampled_from(near))
    windows = split_windows(source, size, [(first, last)])
    assert any(window.start <= first and last <= window.end for window in windows)


CUT = [Window(0, 60, False, True), Window(36, 96, True, False)]


def test_mentions_of_windows_are_counted_from_the_start_of_the_text() -> None:
    assert merge([Window(0, 10), Window(10, 20)], [[(1, 3)], [(0, 2), (4, 5)]]) == [
        (1, 3, 0, 0),
        (10, 12, 1, 0),
        (14, 15, 1, 1),
    ]


def test_a_mention_that_both_windows_found_comes_once_from_the_earlier() -> None:
    assert merge(CUT, [[(40, 44)], [(4, 8)]]) == [(40, 44, 0, 0)]


def test_a_mention_that_touches_the_cut_gives_way_even_to_a_shorter_one() -> None:
    assert merge(CUT, [[(50, 60)], [(20, 26)]]) == [(56, 62, 1, 0)]
    assert merge(CUT, [[(34, 38)], [(0, 9)]]) == [(34, 38, 0, 0)]


def test_of_two_whole_mentions_the_longer_wins() -> None:
    assert merge(CUT, [[(40, 44)], [(3, 9)]]) == [(39, 45, 1, 0)]
    assert merge(CUT, [[(39, 45)], [(4, 8)]]) == [(39, 45, 0, 0)]


def test_of_two_whole_mentions_of_one_length_the_earlier_windows_wins() -> None:
    assert merge(CUT, [[(41, 45)], [(4, 8)]]) == [(41, 45, 0, 0)]


def test_of_two_that_touch_the_cut_the_longer_wins() -> None:
    assert merge(CUT, [[(34, 60)], [(0, 5)]]) == [(34, 60, 0, 0)]


def test_touching_a_sentence_end_is_no_fault() -> None:
    windows = [Window(0, 10), Window(10, 20)]
    assert merge(windows, [[(5, 10)], [(0, 4)]]) == [(5, 10, 0, 0), (10, 14, 1, 0)]


def test_a_mention_over_a_cut_is_never_lost() -> None:
    for start in range(36, 60):
        for length in range(1, OVERLAP):
            end = start + length
            if end > 96:
                continue
            first = [(start, min(end, 60))] if start < 60 else []  # the first window sees what lies before the cut
            assert merge(CUT, [first, [(start - 36, end - 36)]])[0][:2] == (start, end)


@given(st.data())
def test_merged_mentions_never_overlap_and_none_goes_without_a_rival(data: st.DataObject) -> None:
    source = data.draw(sources)
    windows = split_windows(source, data.draw(st.integers(2, 60)))
    found: list[list[tuple[int, int]]] = []
    for window in windows:
        places = data.draw(st.lists(st.integers(0, window.end - window.start), unique=True, max_size=8).map(sorted))
        found.append(list(zip(places[::2], places[1::2], strict=False)))
    kept = merge(windows, found)
    assert kept == sorted(kept)
    assert all(one[1] <= other[0] for one, other in pairwise(kept))
    for window, mentions in zip(windows, found, strict=True):
        for first, last in mentions:
            start, end = window.start + first, window.start + last
            assert any(start < other[1] and other[0] < end for other in kept)


@pytest.mark.parametrize(
    "unit",
    ["x", "東", "(", ".", "a ", "A b. ", "\n", "\n \n", "a\n\n", "http://a."],
    ids=["word", "cjk", "brackets", "dots", "words", "sentences", "newlines", "blank-lines", "paragraphs", "urls"],
)
def test_a_large_text_of_any_kind_is_covered_by_windows(unit: str) -> None:
    source = read(unit * (160_000 // len(unit)))
    protected = [(index, index + 2) for index in range(0, len(source), 20)]
    windows = split_windows(source, 128, protected)
    assert {token for window in windows for token in range(window.start, window.end)} == set(range(len(source)))
    found = [[(index, index + 1) for index in range(0, w.end - w.start, 3)] for w in windows]
    assert len(merge(windows, found)) <= sum(map(len, found))


def test_a_word_of_fifty_thousand_characters_is_cut_like_any_text() -> None:
    windows = split_windows(read("a" * 50_000), 128)
    assert windows[-1].end == 50_000
    assert len(windows) == -(-(50_000 - OVERLAP) // (128 - OVERLAP))
