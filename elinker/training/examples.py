"""Training texts: read, split off the held-out part, join to windows, vary the case. Sequences come from the layout."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elinker.errors import InputError
from elinker.onegen.layout import Layout, TokenSequence
from elinker.training.config import DataConfig


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its mentions as (start, end, entity id or None), in order, not overlapping."""

    id: str
    text: str
    mentions: tuple[tuple[int, int, str | None], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence to train on; `entities` and `surfaces` belong to its retrieval tokens, one each."""

    sequence: TokenSequence
    entities: tuple[str | None, ...]
    surfaces: tuple[str, ...]


def read_texts(paths: Sequence[Path]) -> list[LabelledText]:
    """Read JSON lines with `text` and `mentions`, as elinker's own output has them.

    Raises:
        InputError: a line is broken, or a mention's offsets do not select its text; file and line are named.
    """
    texts: list[LabelledText] = []
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    texts.append(_labelled(json.loads(line), f"{path.name}:{number}"))
                except (KeyError, TypeError, ValueError) as error:
                    raise InputError(f"{path}:{number}: not a labelled text: {error!r}") from None
    return texts


def split_heldout(
    texts: Sequence[LabelledText], share: float, seed: int
) -> tuple[list[LabelledText], list[LabelledText]]:
    """Training and held-out texts, the latter drawn at random; the order is kept."""
    chosen = set(random.Random(seed).sample(range(len(texts)), round(share * len(texts))))
    return (
        [text for index, text in enumerate(texts) if index not in chosen],
        [text for index, text in enumerate(texts) if index in chosen],
    )


def examples_of_epoch(
    texts: Sequence[LabelledText], layout: Layout, config: DataConfig, generator: random.Random
) -> Iterator[Example]:
    """All texts once, in random order, joined and varied as the config says."""
    order = list(texts)
    generator.shuffle(order)
    position = 0
    while position < len(order):
        limit = generator.randint(1, config.max_tokens) if generator.random() < config.join else 1
        joined = order[position]
        position += 1
        while position < len(order) and _tokens(joined.text) + _tokens(order[position].text) <= limit:
            joined = join(joined, order[position], generator.choice((" ", " ", "\n", "\n\n")))
            position += 1
        yield make_example(vary_case(joined, config, generator), layout, config.max_tokens)


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


def make_example(text: LabelledText, layout: Layout, max_tokens: int) -> Example:
    """The teacher-forced sequence of a text, cut to `max_tokens` source tokens; mentions that no token covers go."""
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
    return Example(layout.marked(source, ranges), tuple(entities), tuple(surfaces))


def _labelled(value: dict[str, object], where: str) -> LabelledText:
    text, mentions = value["text"], value["mentions"]
    if not isinstance(text, str) or not isinstance(mentions, list):
        raise TypeError("text or mentions")
    spans: list[tuple[int, int, str | None]] = []
    for mention in sorted(mentions, key=lambda mention: int(mention["start"])):
        start, end = int(mention["start"]), int(mention["end"])
        if text[start:end] != mention.get("text", text[start:end]) or not text[start:end].strip():
            raise ValueError(f"mention at {start}:{end} is not its text")
        if not spans or start >= spans[-1][1]:
            spans.append((start, end, mention["entity_id"]))
    return LabelledText(str(value.get("id", where)), text, tuple(spans))


def _tokens(text: str) -> int:
    return len(text) // 4  # near enough to plan a window; the example is cut exactly
