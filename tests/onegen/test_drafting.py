"""First guesses of mentions: capitalised runs. What is made of them is the business of test_decoding.py."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from elinker.onegen.drafting import Capitalised, Drafter, PlainCopy, SpansOfTexts
from elinker.onegen.grammar import CopyState
from elinker.onegen.source import Source, read_source

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen


def spans(drafter: Drafter, source: Source) -> list[tuple[int, int]]:
    """The mentions that a draft leads to when nothing corrects it."""
    state, draft = CopyState(source, budget=1000, mention_cost=3), drafter(source, None)
    while allowed := state.allowed():
        state.apply(draft.wants(state, allowed))
    return state.mentions


def guesses(drafter: Drafter, source: Source) -> list[str]:
    return [source.text[slice(*source.span(*span))] for span in spans(drafter, source)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("the former CEO of Apple and Steve Jobs", ["CEO", "Apple", "Steve Jobs"]),
        ("Yesterday it rained. Nobody came", []),
        ("Steve Jobs left. Angela Merkel stayed", ["Steve Jobs", "Angela Merkel"]),
        ("the end", []),
        ("", []),
    ],
)
def test_runs_of_capitalised_words_are_guessed_but_for_a_lone_one_at_a_sentence_start(
    onegens: "Mapping[str, OneGen]", text: str, names: list[str]
) -> None:
    assert guesses(Capitalised(), onegens["bert"].source(text)) == names


def test_guesses_are_in_order_and_never_cut_a_word(onegen: "OneGen") -> None:
    source = onegen.source("In Washington, D.C. the Chancellor met FRANCE and 東京 👩‍👩‍👧 O'Neil. ÉLAN")
    previous = 0
    for start, end in spans(Capitalised(), source):
        assert previous <= start < end <= len(source)
        assert end == len(source) or not source.continues_word(end)
        previous = end


def test_a_part_of_a_long_text_is_guessed_like_the_whole(onegens: "Mapping[str, OneGen]") -> None:
    source = onegens["bert"].source("it rained. Nobody saw Steve Jobs in Paris")
    whole = spans(Capitalised(), source)
    cut = spans(Capitalised(), source.slice(2, len(source)))
    assert [(start + 2, end + 2) for start, end in cut] == whole


def test_tokens_without_characters_are_no_trouble(tokenizer_for: Callable[[str], Any]) -> None:
    trimming = copy.deepcopy(tokenizer_for("qwen2"))
    parts = json.loads(trimming.backend_tokenizer.to_str())
    parts["post_processor"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    trimming._tokenizer = Tokenizer.from_str(json.dumps(parts))
    assert guesses(Capitalised(), read_source("in  Paris ", trimming, ())) == ["Paris"]


def test_no_guess_at_all_is_a_guess(onegens: "Mapping[str, OneGen]") -> None:
    assert guesses(PlainCopy(), onegens["bert"].source("Steve Jobs")) == []


def test_known_spans_become_those_of_the_window_that_is_drafted(onegens: "Mapping[str, OneGen]") -> None:
    text = "it rained. Steve Jobs was in Paris"
    source = onegens["bert"].source(text)
    part = source.slice(source.tokens_of(11, 16)[0], len(source))
    drafter = SpansOfTexts({text: [(0, 2), (11, 21), (17, 21), (29, 34)]})
    assert guesses(drafter, part) == ["Steve Jobs", "Paris"]
    assert guesses(drafter, onegens["bert"].source("another text")) == []


def test_a_mention_that_was_not_drafted_ends_with_its_run_of_capitals_or_its_word(
    onegens: "Mapping[str, OneGen]",
) -> None:
    source = onegens["bert"].source("it rained when Steve Jobs left")
    draft = PlainCopy()(source, None)
    for word in ("rained", "Steve"):
        draft.opens[source.tokens_of(source.text.index(word), source.text.index(word) + 1)[0]] = 1.0
    assert guesses(lambda *_: draft, source) == ["rained", "Steve Jobs"]
