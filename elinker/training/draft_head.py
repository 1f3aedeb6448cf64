"""Fitting a model's draft head to what the model marks: texts of the training, varied as in it, decoded once."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor, nn

from elinker.onegen.draft_head import DraftHead
from elinker.onegen.drafting import Draft, draft_of, token_ranges
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.onegen.source import Source
from elinker.training.config import DataConfig
from elinker.training.examples import varied_texts
from elinker.training.labelled import LabelledText

_EPOCHS = 4
_BATCH = 32
_RATE = 1e-3
_BLANKED = 0.15
"""Share of the texts with blanked words."""


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A source as the head sees it; `targets` say where mentions open and close, `asked` where that is asked."""

    states: Tensor
    targets: Tensor
    asked: Tensor


class _Recorder:
    """Drafts the labels, which are nearly what the model will mark, and keeps the states that a head would see."""

    reads_states = True

    def __init__(self, labels: Sequence[tuple[Source, Sequence[tuple[int, int]]]]) -> None:
        self._labels = {id(source): spans for source, spans in labels}
        self.states: dict[int, Tensor] = {}

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        assert states is not None
        self.states[id(source)] = states.to(torch.bfloat16)
        return draft_of(source, self._labels[id(source)])


def fit_draft_head(
    onegen: OneGen,
    texts: Sequence[LabelledText],
    config: DataConfig,
    *,
    tokens: int,
    seed: int,
    say: Callable[[str], None],
) -> DraftHead:
    """A head for the model, fitted to its own choices.

    Args:
        onegen: the trained model.
        texts: labelled texts; the labels are only first drafts.
        config: how the texts are varied.
        tokens: source tokens to fit on.
        seed: of the variation and of the fitting.
        say: hears what is being done.
    """
    say(f"marking {tokens} tokens for the draft head")
    lessons = list(_lessons(onegen, texts, config, tokens, random.Random(f"draft-{seed}")))
    torch.manual_seed(seed)
    head = DraftHead(onegen.dim)
    steps = _EPOCHS * -(-len(lessons) // _BATCH)
    optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    generator = random.Random(seed)
    for epoch in range(_EPOCHS):
        generator.shuffle(lessons)
        losses = []
        for start in range(0, len(lessons), _BATCH):
            batch = lessons[start : start + _BATCH]
            scores = torch.cat([head(lesson.states) for lesson in batch])
            asked = torch.cat([lesson.asked for lesson in batch])
            targets = torch.cat([lesson.targets for lesson in batch])
            loss = nn.functional.binary_cross_entropy_with_logits(scores[asked], targets[asked])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        say(f"draft head, epoch {epoch + 1} of {_EPOCHS}: loss {sum(losses) / len(losses):.4f}")
    return head.eval()


def _lessons(
    onegen: OneGen, texts: Sequence[LabelledText], config: DataConfig, tokens: int, generator: random.Random
) -> Iterator[_Lesson]:
    read = 0
    while read < tokens:
        labelled = _labelled(onegen.layout, texts, config, generator)
        while batch := list(islice(labelled, 8 * _BATCH)):
            sources = [source for source, _ in batch]
            recorder = _Recorder(batch)
            for source, marking in zip(sources, onegen.mark(sources, drafter=recorder), strict=True):
                yield _lesson(source, recorder.states[id(source)], marking.mentions)
            read += sum(map(len, sources))
            if read >= tokens:
                return


def _labelled(
    layout: Layout, texts: Sequence[LabelledText], config: DataConfig, generator: random.Random
) -> Iterator[tuple[Source, Sequence[tuple[int, int]]]]:
    """Varied texts, cut to a window, with the token ranges of their labels."""
    for text, noise in varied_texts(texts, layout, config, generator):
        if generator.random() < _BLANKED:
            text = blanked(text, generator)
        source = layout.source(text.text).slice(0, layout.window)
        if not len(source):
            continue
        spans = token_ranges(source, [(start, end) for start, end, _ in text.mentions])
        yield source if noise is None else noise(source, spans, [None] * len(spans)), spans


def blanked(text: LabelledText, generator: random.Random) -> LabelledText:
    """The text with about half of its lower-case words outside mentions as asterisks, as texts are published whose
    words may not be; every offset stays."""
    inside = {place for start, end, _ in text.mentions for place in range(start, end)}

    def blank(word: re.Match[str]) -> str:
        kept = word.start() in inside or generator.random() < 0.5
        return word.group() if kept else "*" * len(word.group())

    return replace(text, text=re.sub(r"\b[a-z]+\b", blank, text.text))


def _lesson(source: Source, states: Tensor, mentions: Sequence[tuple[int, int]]) -> _Lesson:
    targets = torch.zeros(len(source) + 1, 2)
    asked = torch.zeros(len(source) + 1, 2, dtype=torch.bool)
    asked[:-1, 0] = True
    for start, end in mentions:
        targets[start, 0] = targets[end, 1] = 1
        asked[start + 1 : end, 0] = False
        asked[start + 1 : end + 1, 1] = True
    edges = torch.tensor([source.is_edge(index) for index in range(len(source) + 1)])
    return _Lesson(states, targets, asked & edges[:, None])
