"""A conversation over one cache gives what reading the whole conversation anew would, and forgets its oldest turns."""

from typing import TYPE_CHECKING, Any

import pytest

from elinker.errors import InputError

if TYPE_CHECKING:
    from elinker.rag.chat import Chat
    from elinker.rag.rag import Rag

QUESTIONS = ["Who is Steve?", "Who is Apple?", "Who is Merkel?"]


@pytest.fixture
def chat(rag: "Rag") -> "Chat":
    from elinker.rag.chat import Chat
    from elinker.rag.rag import Rag
    from elinker.rag.settings import RagSettings

    return Chat(Rag(rag.onegen, rag.index, RagSettings(max_tokens=12, max_hops=1)))


def anew(chat: "Chat") -> Any:
    """A chat that knows the same turns but has read none of them."""
    from elinker.onegen.rows import RowCache
    from elinker.rag.chat import Chat

    copy = Chat(chat.rag)
    copy._turns = [list(turn) for turn in chat._turns]
    copy._cache, copy._unread = RowCache(0), [token for turn in chat._turns for token in turn]
    return copy


def gist(answer: Any) -> Any:
    return answer.text, answer.stop, [[found.passage.id for found in step.passages] for step in answer.steps]


def test_a_turn_over_the_cache_is_the_turn_that_reading_everything_again_gives(chat: "Chat") -> None:
    for question in QUESTIONS:
        copy = anew(chat)
        assert gist(chat.ask(question)) == gist(copy.ask(question))
        assert chat._turns == copy._turns
        assert chat._cache.length == sum(map(len, chat._turns)) - len(chat._unread)


def test_the_first_turn_is_the_answer_without_a_conversation(chat: "Chat") -> None:
    for question in QUESTIONS:
        chat.reset()
        assert gist(chat.ask(question)) == gist(chat.rag.answer(question))


def test_what_was_read_before_is_not_read_again(chat: "Chat") -> None:
    chat.ask(QUESTIONS[0])
    known = sum(map(len, chat._turns))
    answer = chat.ask(QUESTIONS[1])
    assert answer.tokens_read + answer.tokens_written <= sum(map(len, chat._turns)) - known + 2


def test_a_turn_ends_in_the_end_token_and_the_next_begins_behind_it(chat: "Chat") -> None:
    for question in QUESTIONS[:2]:
        chat.ask(question)
    layout = chat.rag.layout
    assert [turn[-1] for turn in chat._turns] == [layout.end] * 2
    start = list(layout.prompt(QUESTIONS[1], after=layout.settings.end))
    assert chat._turns[1][: len(start)] == start


def test_the_oldest_turns_are_forgotten_before_the_positions_run_out(chat: "Chat") -> None:
    for number in range(12):
        answer = chat.ask(f"Who is Steve {number}?")
        assert answer.stop in ("answer", "max_hops", "budget", "end")
        assert sum(map(len, chat._turns)) <= chat.rag.layout.max_length + 2
    assert 0 < chat.remembered < 12
    assert len(chat.answers) == 12


def test_a_turn_that_nobody_followed_to_its_end_leaves_nothing_behind(chat: "Chat") -> None:
    chat.ask(QUESTIONS[0])
    copy = anew(chat)
    next(chat.stream(QUESTIONS[1]))
    assert gist(chat.ask(QUESTIONS[2])) == gist(copy.ask(QUESTIONS[2]))


def test_sources_are_the_passages_of_the_last_answer_and_reset_forgets_them(chat: "Chat") -> None:
    assert chat.sources == []
    for question in QUESTIONS:
        answer = chat.ask(question)
        assert chat.sources == [found.passage for step in answer.steps for found in step.passages]
    chat.reset()
    assert (chat.sources, chat.answers, chat.remembered) == ([], [], 0)


def test_a_question_that_cannot_be_asked_leaves_the_conversation_as_it_was(chat: "Chat") -> None:
    chat.ask(QUESTIONS[0])
    copy = anew(chat)
    with pytest.raises(InputError, match="positions"):
        chat.ask("Who is Steve? " * 300)
    assert gist(chat.ask(QUESTIONS[1])) == gist(copy.ask(QUESTIONS[1]))
