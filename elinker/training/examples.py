"""Training texts: read, split off the held-out part, join to windows, vary the case. Sequences come from the layout."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elinker.errors import ConfigError, InputError
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
        InputError: a file cannot be read, a line is broken, or a mention's offsets do not select its text; file and
            line are named.
    """
    return [text for path in paths for text in _read(path)]


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
        limit = generator.randint(1, config.max_tokens) if generator.random() < config.join else 0
        joined = order[position]
        position += 1
        while limit and position < len(order) and _tokens(joined.text) + _tokens(order[position].text) <= limit:
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
    """The teacher-forced sequence of a text, cut to `max_tokens` source tokens; mentions that no token covers go.

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
    sequence = layout.marked(source, ranges)
    if len(sequence) > layout.settings.max_length:
        raise ConfigError(
            f"data.max_tokens: text {text.id!r} of {len(source)} tokens with {len(ranges)} mentions needs "
            f"{len(sequence)} positions, settings.max_length is {layout.settings.max_length}",
            hint="lower data.max_tokens",
        )
    return Example(sequence, tuple(entities), tuple(surfaces))


def _read(path: Path) -> Iterator[LabelledText]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    yield _labelled(json.loads(line.decode("utf-8")), f"{path.name}:{number}")
                except KeyError as error:
                    raise InputError(f"{path}:{number}: field {error.args[0]!r} is missing") from None
                except (TypeError, ValueError) as error:
                    raise InputError(f"{path}:{number}: not a labelled text: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _labelled(value: Any, where: str) -> LabelledText:
    if not isinstance(value, dict):
        raise TypeError("the line is not an object")
    text, mentions = value["text"], value["mentions"]
    if not isinstance(text, str) or not isinstance(mentions, list):
        raise TypeError("text must be a string, mentions a list")
    spans: list[tuple[int, int, str | None]] = []
    for mention in sorted(mentions, key=lambda mention: int(mention["start"])):
        start, end, entity = int(mention["start"]), int(mention["end"]), mention["entity_id"]
        piece = text[start:end] if 0 <= start < end <= len(text) else ""
        if not piece.strip() or piece != mention.get("text", piece):
            raise ValueError(f"mention at {start}:{end} is not its text")
        if entity is not None and not isinstance(entity, str):
            raise TypeError(f"entity_id of the mention at {start}:{end} is neither a string nor null")
        if not spans or start >= spans[-1][1]:
            spans.append((start, end, entity))
    return LabelledText(str(value.get("id", where)), text, tuple(spans))


def _tokens(text: str) -> int:
    return len(text) // 4  # near enough to plan a window; the example is cut exactly
