"""The copy grammar, without a model: what may come next, and what it can never lead to."""

from hypothesis import given
from hypothesis import strategies as st

from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.source import Source

COPY, OPEN, CLOSE = Action.COPY, Action.OPEN, Action.CLOSE
COST = 4


def source_of(*pieces: tuple[str, int]) -> Source:
    """A source of pieces (characters, tokens that share them)."""
    text, starts, ends = "", [], []
    for characters, tokens in pieces:
        starts += [len(text)] * tokens
        text += characters
        ends += [len(text)] * tokens
    return Source(text, tuple(range(len(starts))), tuple(starts), tuple(ends), (0,) * len(starts))


WORDS = source_of(("東", 1), ("京", 1), ("都", 1))


def state_of(source: Source, budget: int = 100, taken: tuple[Action, ...] = ()) -> CopyState:
    state = CopyState(source, budget, COST)
    for action in taken:
        assert action in state.allowed()
        state.apply(action)
    return state


def test_outside_a_mention_a_token_is_copied_or_a_mention_opened() -> None:
    assert state_of(WORDS).allowed() == (COPY, OPEN)


def test_an_open_mention_takes_a_token_before_it_may_close() -> None:
    assert state_of(WORDS, taken=(OPEN,)).allowed() == (COPY,)
    assert state_of(WORDS, taken=(OPEN, COPY)).allowed() == (COPY, CLOSE)


def test_a_mention_may_open_right_after_another_closed() -> None:
    assert state_of(WORDS, taken=(OPEN, COPY, CLOSE)).allowed() == (COPY, OPEN)


def test_an_open_mention_must_close_at_the_end_of_the_text() -> None:
    state = state_of(WORDS, taken=(COPY, COPY, OPEN, COPY))
    assert state.allowed() == (CLOSE,)
    state.apply(CLOSE)
    assert state.finished
    assert state.allowed() == ()
    assert state.mentions == [(2, 3)]


def test_nothing_opens_at_the_end_of_the_text() -> None:
    state = state_of(WORDS, taken=(COPY, COPY, COPY))
    assert state.finished
    assert state.allowed() == ()


def test_an_empty_text_is_finished_at_once() -> None:
    assert state_of(source_of()).finished
    assert state_of(source_of()).allowed() == ()


def test_no_mention_opens_or_closes_inside_a_character() -> None:
    emoji = source_of(("😀", 4), ("b", 1))
    inside = state_of(emoji, taken=(COPY,))
    assert inside.allowed() == (COPY,)
    opened = state_of(emoji, taken=(OPEN, COPY, COPY, COPY))
    assert opened.allowed() == (COPY,)
    opened.apply(COPY)
    assert opened.allowed() == (COPY, CLOSE)


def test_no_mention_opens_or_closes_inside_a_word_of_letters_with_case() -> None:
    pieces = source_of(("Cl", 1), ("endenin", 1), ("7", 1), ("’", 1), ("s", 1))
    opened = state_of(pieces, taken=(OPEN, COPY))
    assert opened.allowed() == (COPY,)
    opened.apply(COPY)
    assert opened.allowed() == (COPY,)
    opened.apply(COPY)
    assert opened.allowed() == (COPY, CLOSE)
    assert state_of(pieces, taken=(COPY,)).allowed() == (COPY,)


def test_no_mention_opens_at_white_space_but_one_may_go_on_over_it() -> None:
    spaced = source_of(("a", 1), (" ", 1), ("b", 1))
    assert state_of(spaced, taken=(COPY,)).allowed() == (COPY,)
    assert state_of(spaced, taken=(OPEN, COPY)).allowed() == (COPY, CLOSE)


def test_a_mention_opens_only_where_its_markup_and_the_rest_still_fit() -> None:
    enough = len(WORDS) + COST + 1
    assert state_of(WORDS, budget=enough).allowed() == (COPY, OPEN)
    assert state_of(WORDS, budget=enough - 1).allowed() == (COPY,)


def test_markup_is_paid_for_when_the_mention_opens() -> None:
    two = len(WORDS) + 2 * COST + 1
    assert state_of(WORDS, budget=two, taken=(OPEN, COPY, CLOSE)).allowed() == (COPY, OPEN)
    assert state_of(WORDS, budget=two - 1, taken=(OPEN, COPY, CLOSE)).allowed() == (COPY,)


@given(
    pieces=st.lists(st.tuples(st.sampled_from(["a", "bc", " ", "\u200b"]), st.integers(1, 4)), max_size=12),
    spare=st.integers(0, 30),
    choices=st.randoms(use_true_random=False),
)
def test_whatever_is_chosen_the_text_is_copied_whole_within_the_budget(pieces, spare, choices) -> None:
    source = source_of(*pieces)
    budget = len(source) + 1 + spare
    state, copied, written = CopyState(source, budget, COST), 0, 0
    while allowed := state.allowed():
        action = choices.choice(allowed)
        copied += action is COPY
        written += 1 if action is COPY else COST if action is OPEN else 0
        state.apply(action)
    assert state.finished
    assert copied == len(source)
    assert written + 1 <= budget
    previous = 0
    for start, end in state.mentions:
        assert previous <= start < end <= len(source)
        assert source.is_boundary(start)
        assert source.is_boundary(end)
        first, last = source.span(start, end)
        assert source.text[first:last].strip() == source.text[first:last] != ""
        previous = end
