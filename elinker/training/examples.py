"""Examples from labelled texts: joined to windows, varied, cut. Sequences come from the layout."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elinker.errors import ConfigError
from elinker.onegen.layout import Layout, TokenSequence
from elinker.training.config import DataConfig
from elinker.training.labelled import LabelledText
from elinker.training.noise import RandomWords, typographic


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence to train on; `entities` and `surfaces` belong to its retrieval tokens, one each."""

    sequence: TokenSequence
    entities: tuple[str | None, ...]
    surfaces: tuple[str, ...]


def examples_of_epoch(
    texts: Sequence[LabelledText], layout: Layout, config: DataConfig, generator: random.Random
) -> Iterator[Example]:
    """All texts once, in random order, joined and varied as the config says."""
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
        yield make_example(varied, layout, config.max_tokens, noise if generator.random() < config.noise else None)


def join(first: LabelledText, second: LabelledText, between: str) -> LabelledText:
    """Two texts as one."""
    offset = len(first.text) + len(between)
    moved = tuple((start + offset, end + offset, entity) for start, end, entity in second.mentions)
    return LabelledText(first.id, first.text + between + second.text, first.mentions + moved)


def vary_case(text: LabelledText, config: DataConfig, generator: random.Random) -> LabelledText:
    """The text as it is, or all in lower case or capitals where that keeps every offset."""
    draw = generator.random()
    changed = text.text
    if draw < config.lower:
        changed = text.text.lower()
    elif draw < config.lower + config.upper:
        changed = text.text.upper()
    return LabelledText(text.id, changed, text.mentions) if len(changed) == len(text.text) else text


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
    for start, end, entity in text.mentions:
        if not len(source) or end > source.ends[-1]:
            break
        tokens = source.tokens_of(start, end)
        if tokens is None or (ranges and tokens[0] < ranges[-1][1]):
            continue
        ranges.append(tokens)
        entities.append(entity)
        surfaces.append(text.text[start:end])
    if noise is not None:
        source = noise(source, ranges, entities)
    sequence = layout.marked(source, ranges)
    if len(sequence) > layout.settings.max_length:
        raise ConfigError(
            f"data.max_tokens: text {text.id!r} of {len(source)} tokens with {len(ranges)} mentions needs "
            f"{len(sequence)} positions, settings.max_length is {layout.settings.max_length}",
            hint="lower data.max_tokens",
        )
    return Example(sequence, tuple(entities), tuple(surfaces))


def _tokens(text: str) -> int:
    return len(text) // 4  # near enough to plan a window; the example is cut exactly
