"""The copy grammar: which of copy, open, close may come next while a source text is rewritten with marked mentions.

It knows token positions only, no model and no tensors. Mentions are well-formed, not nested, not empty, never begin or
end inside a character, and the rewritten text never outgrows the positions left.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

from elinker.onegen.source import Source


class Action(IntEnum):
    """A step of the rewriting: take the next source token, open a mention, close it."""

    COPY = 0
    OPEN = 1
    CLOSE = 2


@dataclass(slots=True)
class CopyState:
    """Progress of one rewriting.

    Args:
        source: the tokens to copy.
        budget: tokens that may still be written, the end included.
        mention_cost: tokens that markers, query and forced tokens of one mention take.
        end_cost: tokens that the end takes.

    `position` is the next source token, `opened` where the open mention began, `mentions` the finished token ranges.
    """

    source: Source
    budget: int
    mention_cost: int
    end_cost: int = 1
    position: int = 0
    opened: int | None = None
    mentions: list[tuple[int, int]] = field(default_factory=list)

    def copy(self) -> Self:
        """A state that can be advanced without this one."""
        return replace(self, mentions=list(self.mentions))

    @property
    def finished(self) -> bool:
        """Everything is copied and no mention is open."""
        return self.position == len(self.source) and self.opened is None

    def allowed(self) -> tuple[Action, ...]:
        """The actions that keep the rewriting well-formed, COPY first; empty when it is finished."""
        position, source = self.position, self.source
        if position == len(source):
            return () if self.opened is None else (Action.CLOSE,)
        if self.opened is None:
            return (Action.COPY, Action.OPEN) if self._may_open() else (Action.COPY,)
        if position > self.opened and source.is_edge(position) and self._mark_fits():
            return (Action.COPY, Action.CLOSE)
        return (Action.COPY,)

    def apply(self, action: Action) -> None:
        """Take one step; the caller passes an allowed action."""
        if action is Action.COPY:
            self.position += 1
            self.budget -= 1
        elif action is Action.OPEN:
            self.opened = self.position
            self.budget -= self.mention_cost  # all of the mention's markup is paid for when it opens
        else:
            assert self.opened is not None
            self.mentions.append((self.opened, self.position))
            self.opened = None

    def _may_open(self) -> bool:
        source, position = self.source, self.position
        return source.is_edge(position) and source.may_begin(position) and self._mark_fits()

    def _mark_fits(self) -> bool:
        """Whether all can still be written where a marker comes next; what closes a mention is paid for already."""
        rest = len(self.source) - self.position
        return self.opened is not None or self.budget >= rest + self.mention_cost + self.end_cost
