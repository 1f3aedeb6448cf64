"""Noise changes what is copied, never where mentions are or what they link to."""

import random
from collections.abc import Callable

import pytest

from elinker.onegen.layout import Layout
from elinker.training.examples import make_example
from elinker.training.labelled import LabelledText
from elinker.training.noise import RandomWords, typographic

Marked = Callable[..., LabelledText]


def test_typographic_signs_keep_every_offset() -> None:
    text = "He said: \"Paris isn't far\" - or 'near' - from \"O'Neil\"."
    start = text.index("O'Neil")
    changed = typographic(LabelledText("t", text, ((start, start + 6, "Q1"),)))
    assert changed.text == "He said: “Paris isn’t far” – or ‘near’ – from “O’Neil”."
    assert changed.text[start : start + 6] == "O’Neil"
    assert changed.mentions == ((start, start + 6, "Q1"),)


@pytest.fixture
def text() -> LabelledText:
    words = "in the city of paris a man whom nobody knew saw steve " * 3
    paris, steve = words.index("paris"), words.index("steve")
    return LabelledText("t", words, ((paris, paris + 5, "Q90"), (steve, steve + 5, None)))


def test_linked_names_are_never_replaced(layout: Layout, text: LabelledText) -> None:
    noise = RandomWords(layout, random.Random(3))
    plain = make_example(text, layout, 100)
    for _ in range(20):
        noisy = make_example(text, layout, 100, noise)
        assert noisy.entities == plain.entities
        assert noisy.sequence.retrieval == plain.sequence.retrieval
        assert noisy.sequence.roles == plain.sequence.roles
        first = plain.sequence.retrieval[0]
        assert noisy.sequence.ids[first - 2 : first] == plain.sequence.ids[first - 2 : first]


def test_prompt_and_copy_hold_the_same_random_words(layout: Layout, text: LabelledText) -> None:
    source = layout.source(text.text)
    noisy = RandomWords(layout, random.Random(3))(source, [], [])
    assert noisy.ids != source.ids
    assert (noisy.starts, noisy.ends, noisy.types) == (source.starts, source.ends, source.types)
    prompt, _ = layout.prompt(noisy)
    sequence = layout.marked(noisy, ())
    assert sequence.ids[len(prompt) : len(prompt) + len(noisy)] == noisy.ids


def test_random_words_are_never_control_tokens(layout: Layout, text: LabelledText) -> None:
    source = layout.source(text.text)
    noise = RandomWords(layout, random.Random(5))
    drawn = {token for _ in range(200) for token in noise(source, [], []).ids} - set(source.ids)
    assert drawn
    assert drawn.isdisjoint(layout.tokenizer.get_added_vocab().values())
