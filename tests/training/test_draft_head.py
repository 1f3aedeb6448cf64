"""Fitting a draft head: what it is fitted to, and that it learns it."""

import random
from collections.abc import Callable

from elinker.onegen.drafting import PlainCopy
from elinker.onegen.model import OneGen
from elinker.training.config import Config
from elinker.training.draft_head import blanked, fit_draft_head
from elinker.training.labelled import LabelledText, read_texts


def test_a_head_learns_what_the_model_marks_and_changes_nothing_of_it(
    configure: Callable[..., Config], fresh: Callable[..., OneGen]
) -> None:
    config, onegen = configure(data={"join": 0.0}), fresh("bert")  # it marks a lot, at random
    texts = read_texts(config.data.texts)
    said: list[str] = []
    head = fit_draft_head(onegen, texts, config.data, tokens=3000, seed=1, say=said.append)
    losses = [float(line.rpartition(" ")[2]) for line in said if "loss" in line]
    assert losses[-1] < losses[0]
    sources = [onegen.source(text.text) for text in texts]
    plain = onegen.mark(sources, drafter=PlainCopy())
    onegen.draft_head = head
    assert [marking.mentions for marking in onegen.mark(sources)] == [marking.mentions for marking in plain]


def test_fitting_is_repeatable(configure: Callable[..., Config], onegen: OneGen) -> None:
    config = configure()
    texts = read_texts(config.data.texts)
    heads = [fit_draft_head(onegen, texts, config.data, tokens=200, seed=3, say=lambda _: None) for _ in range(2)]
    assert (heads[0].first.weight == heads[1].first.weight).all()


def test_blanking_keeps_offsets_and_mentions() -> None:
    text = LabelledText("1", "the mayor of paris met Anna in the old town", ((13, 18, "Q90"), (23, 27, None)))
    blank = blanked(text, random.Random(0))
    assert len(blank.text) == len(text.text)
    assert blank.text[13:18] == "paris"
    assert blank.text[23:27] == "Anna"
    assert "*" in blank.text
    assert all(old == new or new == "*" for old, new in zip(text.text, blank.text, strict=True))
