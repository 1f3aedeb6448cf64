"""The retrieval tokens of a batch that are trained: where they stand, and what is right and wrong for them."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from elinker.training.examples import Example


@dataclass(frozen=True, slots=True)
class Anchor:
    """A retrieval token of an example.

    `positive` is its row in the bank, None for NIL; `right` are all rows that answer it, `negatives` those that the
    data name as wrong.
    """

    example: int
    position: int
    surface: str
    positive: int | None
    right: frozenset[int]
    negatives: tuple[int, ...] = ()

    @property
    def known(self) -> int:
        """The positive of an anchor that has one."""
        if self.positive is None:
            raise ValueError("an anchor of NIL has no positive")
        return self.positive


def anchors_of(
    examples: Sequence[Example],
    row_of: Mapping[str, int],
    knows: Callable[[str], bool],
    limit: int,
    generator: random.Random,
) -> list[Anchor]:
    """All anchors of a batch, in order; of an example at most `limit` (0: all), drawn at random.

    A mention without an entity that bears a name of the bank is left out: its entity may be there, unmarked.

    Args:
        examples: the batch.
        row_of: the bank's rows by id.
        knows: whether a text is a name of the bank.
        limit: most anchors of an example.
        generator: source of the draws.
    """
    found: list[Anchor] = []
    for number, example in enumerate(examples):
        own = _anchors(number, example, row_of, knows)
        if limit and len(own) > limit:
            own = [own[index] for index in sorted(generator.sample(range(len(own)), limit))]
        found.extend(own)
    return found


def _anchors(number: int, example: Example, row_of: Mapping[str, int], knows: Callable[[str], bool]) -> list[Anchor]:
    found = []
    for index, position in enumerate(example.sequence.retrieval):
        entity, surface = example.entities[index], example.surfaces[index]
        positive = None if entity is None else row_of.get(entity)
        if positive is None and knows(surface):
            continue
        right = {positive} if positive is not None else set()
        if example.alternatives:
            right |= {row_of[one] for one in example.alternatives[index] if one in row_of}
        named = example.negatives[index] if example.negatives else ()
        negatives = dict.fromkeys(row_of[one] for one in named if one in row_of)
        wrong = tuple(row for row in negatives if row not in right)
        found.append(Anchor(number, position, surface, positive, frozenset(right), wrong))
    return found
