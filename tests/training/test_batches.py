"""The stream of batches: reproducible, complete, within its budget."""

import itertools
from collections.abc import Sequence

import pytest

from elinker.onegen.layout import Layout
from elinker.training.batches import batches, by_length, labelled_epoch
from elinker.training.config import DataConfig
from elinker.training.examples import Example, make_example
from elinker.training.labelled import LabelledText

CONFIG = DataConfig.model_validate({"entities": "e", "texts": ["t"], "max_tokens": 60})


def first(
    count: int, texts: Sequence[LabelledText], layout: Layout, *, seed: int, join: float = 0.5
) -> list[list[Example]]:
    config = CONFIG.model_copy(update={"join": join, "lower": 0.2})
    return list(itertools.islice(batches(labelled_epoch(texts, layout, config), batch_tokens=300, seed=seed), count))


def test_the_same_seed_gives_the_same_batches(layout: Layout, texts: tuple[LabelledText, ...]) -> None:
    assert first(30, texts, layout, seed=1) == first(30, texts, layout, seed=1)


def test_another_seed_gives_other_batches(layout: Layout, texts: tuple[LabelledText, ...]) -> None:
    assert first(5, texts, layout, seed=1) != first(5, texts, layout, seed=2)


def test_an_epoch_has_every_text_once_and_the_next_another_order(
    layout: Layout, texts: tuple[LabelledText, ...]
) -> None:
    stream = itertools.chain.from_iterable(first(200, texts, layout, seed=1, join=0.0))
    plain = CONFIG.model_copy(update={"lower": 0.0})
    flat = itertools.chain.from_iterable(batches(labelled_epoch(texts, layout, plain), batch_tokens=300, seed=1))
    epochs = [list(itertools.islice(flat, len(texts))) for _ in range(2)]
    expected = sorted(make_example(text, layout, 60).sequence.ids for text in texts)
    assert [sorted(example.sequence.ids for example in epoch) for epoch in epochs] == [expected, expected]
    assert epochs[0] != epochs[1]
    assert sum(1 for _ in stream) > len(texts)


@pytest.mark.parametrize("budget", [60, 200, 1000])
def test_padded_size_stays_within_the_budget_and_nothing_is_lost(
    budget: int, layout: Layout, texts: tuple[LabelledText, ...]
) -> None:
    examples = [make_example(text, layout, 60) for text in texts]
    grouped = list(by_length(examples, budget))
    assert all(len(group) * max(len(example.sequence) for example in group) <= budget for group in grouped)
    assert sorted(e.sequence.ids for group in grouped for e in group) == sorted(e.sequence.ids for e in examples)


def test_a_text_above_the_budget_is_a_batch_of_its_own(layout: Layout, texts: tuple[LabelledText, ...]) -> None:
    examples = [make_example(text, layout, 60) for text in texts[:3]]
    assert [len(group) for group in by_length(examples, 1)] == [1, 1, 1]
