"""What a format could not hold: counted by writers as they write, and said in one line at the end."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Protocol, runtime_checkable

from elinker.schema import Document


class Loss(Enum):
    """A kind of loss: what happened, and what is counted."""

    OVERLAPS = "overlapping mentions dropped", "mention"
    MOVED = "moved to token boundaries", "mention"
    BLANK = "mentions of nothing but whitespace dropped", "mention"
    TYPES = "types changed to names that the format allows", "mention"
    LABELS = "labels dropped", "mention"
    SCORES = "scores dropped", "mention"
    CANDIDATES = "candidates dropped", "mention"
    META = "meta dropped", "document"
    IDS = "document ids changed", "document"
    TEXT = "texts dropped, only mentions written", "document"
    CHARACTERS = "characters that the format cannot hold replaced by U+FFFD", "character"
    NEUTRALISED = "cells that a spreadsheet would run begin with an apostrophe", "row"


class Losses(Counter[Loss]):
    """How often each kind of loss happened."""

    def of(self, document: Document, kinds: Iterable[Loss]) -> None:
        """Count what a document has of the kinds that a format never holds."""
        for kind in kinds:
            self[kind] += _has(document, kind)

    def __str__(self) -> str:
        return "; ".join(
            f"{kind.value[0]} ({count:,} {kind.value[1]}{'' if count == 1 else 's'})"
            for kind in Loss
            if (count := self[kind])
        )


def _has(document: Document, kind: Loss) -> int:
    mentions = document.mentions
    match kind:
        case Loss.LABELS:
            return sum(mention.label is not None for mention in mentions)
        case Loss.SCORES:
            return sum(mention.score != 0 for mention in mentions)
        case Loss.CANDIDATES:
            return sum(bool(mention.candidates) for mention in mentions)
        case Loss.META:
            return int(bool(document.meta))
        case Loss.TEXT:
            return 1
        case _:
            raise ValueError(f"{kind} is not told by the document alone")


@runtime_checkable
class _Lossy(Protocol):
    losses: Losses


def losses_of(writer: object) -> Losses:
    """What a writer, or an output with a writer, has lost so far; nothing where it does not count."""
    return writer.losses if isinstance(writer, _Lossy) else Losses()
