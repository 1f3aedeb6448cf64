"""Examples from labelled texts: joined to windows, varied, cut. Sequences come from the layout."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from elinker.errors import ConfigError
from elinker.onegen.layout import Layout, TokenSequence
from elinker.training.config import DataConfig
from elinker.training.labelled import Choice, LabelledText
from elinker.training.noise import RandomWords, typographic


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence to train on. All but it has an entry for each of its retrieval tokens, or is empty.

    `entities` are what they are trained towards, `alternatives` all ids that would be right, `negatives` ids that the
    data name as wrong.
    """

    sequence: TokenSequence
    entities: tuple[str | None, ...]
    surfaces: tuple[str, ...]
    negatives: tuple[tuple[str, ...], ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()


def examples_of_epoch(
    texts: Sequence[LabelledText], layout: Layout, config: DataConfig, generator: random.Random
) -> Iterator[Example]:
    """Examples of `varied_texts`."""
    for text, noise in varied_texts(texts, layout, config, generator):
        yield make_example(text, layout, config.max_tokens, noise)


def varied_texts(
    texts: Sequence[LabelledText], layout: Layout, config: DataConfig, generator: random.Random
) -> Iterator[tuple[LabelledText, RandomWords | None]]:
    """All texts once, in random order, joined and varied as the config says, and what to put noise into them with."""
    order = list(texts)
    generator.shuffle(order)
    noise = RandomWords(layout, generator)
    position = 0
    while position < len(order):
        limit = generator.randint(1, config.max_tokens) if generator.random() < config.join else 0
        joined = order[position]
        position += 1
        while limit and position < len(order) and _tokens(joined.text) + _tokens(order[position].text) <= limit:
            joined = join(joined, order[position], generator.choice((" ", " ", "\n", "\n\n")))
            position += 1
        varied = vary_case(joined, config, generator)
        if generator.random() < config.typographic:
            varied = typographic(varied)
        yield varied, noise if generator.random() < config.noise else None


def join(first: LabelledText, second: LabelledText, between: str) -> LabelledText:
    """Two texts as one."""
    offset = len(first.text) + len(between)
    moved = tuple((start + offset, end + offset, entity) for start, end, entity in second.mentions)
    choices = _choices(first) + _choices(second) if first.choices or second.choices else ()
    return LabelledText(first.id, first.text + between + second.text, first.mentions + moved, choices)


def vary_case(text: LabelledText, config: DataConfig, generator: random.Random) -> LabelledText:
    """The text as it is, or all in lower case or capitals where that keeps every offset."""
    draw = generator.random()
    changed = text.text
    if draw < config.lower:
        changed = text.text.lower()
    elif draw < config.lower + config.upper:
        changed = text.text.upper()
    return replace(text, text=changed) if len(changed) == len(text.text) else text


def make_example(text: LabelledText, layout: Layout, max_tokens: int, noise: RandomWords | None = None) -> Example:
    """The teacher-forced sequence of a text, cut to `max_tokens` source tokens; mentions that no token covers go.

    Args:
        text: the text.
        layout: how sequences are made.
        max_tokens: where the source is cut.
        noise: puts random words into the source, where given.

    Raises:
        ConfigError: it has more mentions than the model has positions for.
    """
    source = layout.source(text.text).slice(0, max_tokens)
    ranges: list[tuple[int, int]] = []
    entities: list[str | None] = []
    surfaces: list[str] = []
    choices: list[Choice] = []
    for (start, end, entity), choice in zip(text.mentions, _choices(text), strict=True):
        if not len(source) or end > source.ends[-1]:
            break
        tokens = source.tokens_of(start, end)
        if tokens is None or (ranges and tokens[0] < ranges[-1][1]):
            continue
        ranges.append(tokens)
        entities.append(entity)
        surfaces.append(text.text[start:end])
        choices.append(choice)
    if noise is not None:
        source = noise(source, ranges, entities)
    sequence = layout.marked(source, ranges)
    if len(sequence) > layout.settings.max_length:
        raise ConfigError(
            f"data.max_tokens: text {text.id!r} of {len(source)} tokens with {len(ranges)} mentions needs "
            f"{len(sequence)} positions, settings.max_length is {layout.settings.max_length}",
            hint="lower data.max_tokens",
        )
    if not text.choices:
        return Example(sequence, tuple(entities), tuple(surfaces))
    wrong, right = tuple(choice.wrong for choice in choices), tuple(choice.right for choice in choices)
    return Example(sequence, tuple(entities), tuple(surfaces), wrong, right)


def _choices(text: LabelledText) -> tuple[Choice, ...]:
    return text.choices or (Choice(),) * len(text.mentions)


def _tokens(text: str) -> int:
    return len(text) // 4  # near enough to plan a window; the example is cut exactly
