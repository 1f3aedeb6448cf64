"""Labelled texts: read from JSON lines, split into a part to train on and a held-out one."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elinker.errors import InputError


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its mentions as (start, end, entity id or None), in order, not overlapping."""

    id: str
    text: str
    mentions: tuple[tuple[int, int, str | None], ...]


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
