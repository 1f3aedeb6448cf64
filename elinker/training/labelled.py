"""Labelled texts as training sees them: mentions that do not overlap; a part to train on and a held-out one.

Reading the formats that such texts come in is `elinker.labelled`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from elinker.labelled import read_labelled
from elinker.labelled.onegen import NEGATIVES, POSITIVES
from elinker.schema import Document

Text = TypeVar("Text")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the data say about the entity of a mention: all ids that are right, and ids that are easily mistaken."""

    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its mentions as (start, end, entity id or None), in order, not overlapping.

    `choices` has an entry for each mention, or none at all.
    """

    id: str
    text: str
    mentions: tuple[tuple[int, int, str | None], ...]
    choices: tuple[Choice, ...] = ()


def read_texts(paths: Sequence[Path], format: str | None = None) -> list[LabelledText]:
    """All texts of files in a format of `elinker.labelled.FORMATS`, guessed for each file where none is given.

    Raises:
        InputError: a file cannot be read, or a document is broken; file and line are named.
    """
    return [flat(document) for path in paths for document in read_labelled(path, format=format)]


def flat(document: Document) -> LabelledText:
    """The document without mentions that overlap an earlier one (of two that start together, the longer is earlier)."""
    kept: list[int] = []
    for number, mention in enumerate(document.mentions):
        if not kept or mention.start >= document.mentions[kept[-1]].end:
            kept.append(number)
    mentions = [document.mentions[number] for number in kept]
    right, wrong = document.meta.get(POSITIVES), document.meta.get(NEGATIVES)
    choices: tuple[Choice, ...] = ()
    if right is not None and wrong is not None:
        choices = tuple(Choice(tuple(right[number]), tuple(wrong[number])) for number in kept)
    spans = tuple((mention.start, mention.end, mention.entity_id) for mention in mentions)
    return LabelledText(document.id, document.text, spans, choices)


def split_heldout(texts: Sequence[Text], share: float, seed: int) -> tuple[list[Text], list[Text]]:
    """Training and held-out texts, the latter drawn at random; the order is kept."""
    chosen = set(random.Random(seed).sample(range(len(texts)), round(share * len(texts))))
    return (
        [text for index, text in enumerate(texts) if index not in chosen],
        [text for index, text in enumerate(texts) if index in chosen],
    )
