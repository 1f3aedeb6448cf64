"""A rewriting as token ids: what each step of the copy grammar writes, and which tokens tell its choices apart.

Where the markers are tokens of their own (`TokenRewriting`), a step writes the next token of the source or a marker.

Where they are plain text (`TextRewriting`), a token may reach over the border between text and marker: Llama 2 reads
`Inc.</MENTION>` as `Inc`, `.</`, `MENT`, `ION`, `>`, and `Steve` behind `<MENTION>` not as `▁Steve`. A model that was
trained on such texts expects exactly these tokens. So the copy is spelt as the tokenizer reads the marked text, and a
choice is made where the two texts that it leads to first differ in a token, be it before the border or behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.spelling import Run, Spelling


@dataclass(slots=True)
class TokenRewriting(CopyState):
    """A rewriting whose markers are tokens: `open`, and `close` with the tokens that follow it."""

    open: tuple[int, ...] = field(kw_only=True)
    close: tuple[int, ...] = field(kw_only=True)

    def choice(self) -> tuple[tuple[int, ...], int]:
        """Where two actions are allowed: ids that stand for copying, and the one that stands for the other action.

        The other action is taken where its id outscores all those for copying.
        """
        return (self.source.ids[self.position],), self.open[0] if self.opened is None else self.close[0]

    def write(self, action: Action) -> tuple[Sequence[int], int]:
        """Take one step: the ids that it writes, and the token type of all of them."""
        position = self.position
        self.apply(action)
        if action is Action.COPY:
            return (self.source.ids[position],), self.source.types[position]
        return self.open if action is Action.OPEN else self.close, 0


@dataclass(slots=True)
class TextRewriting(CopyState):
    """A rewriting whose markers are plain text.

    `run` is the stretch of the copy that is being written, `sent` how many of its ids are. Ids are written as soon as
    no choice that is still to be made could change them, so that a step writes several, one or none.
    """

    spelling: Spelling = field(kw_only=True)
    run: Run = field(kw_only=True)
    sent: int = field(kw_only=True)

    def choice(self) -> tuple[tuple[int, ...], int]:
        """See `TokenRewriting.choice`."""
        return self.run.choice(self.position)

    def write(self, action: Action) -> tuple[Sequence[int], int]:
        """See `TokenRewriting.write`."""
        budget, position = self.budget, self.position
        if action is Action.COPY:
            ids = self._copy(position)
        elif action is Action.OPEN:
            ids = [*self.run.marked(position)[self.sent :]]
            self._enter(self.spelling.behind_open(position), position, ids)
        else:
            ids = [*self.run.marked(position)[self.sent :], *self.spelling.after_close]
            self._enter(self.spelling.behind_close(position), position, ids)
        self.apply(action)
        self.budget = budget - len(ids)
        return ids, 0

    def _copy(self, position: int) -> list[int]:
        ids: list[int] = []
        inside = self.opened is not None
        if position == self.run.end:  # of a mention that might have been closed there
            ids += self.run.ids[self.sent :]
            self._enter(self.spelling.space(position, inside=inside), position + 1, ids)
        else:
            self._send(position + 1, ids)
        if not inside and position + 1 == self.run.end < len(self.source):
            self._enter(self.spelling.space(position + 1, inside=inside), position + 1, ids)
        return ids

    def _enter(self, run: Run, position: int, ids: list[int]) -> None:
        self.run, self.sent = run, 0
        self._send(position, ids)

    def _send(self, position: int, ids: list[int]) -> None:
        """Append what no choice from `position` on can change."""
        certain = max(self.sent, self.run.certain(position))
        ids += self.run.ids[self.sent : certain]
        self.sent = certain

    def _mark_fits(self) -> bool:
        return self.budget + self.sent >= self.run.length(self.position)


Rewriting = TokenRewriting | TextRewriting
