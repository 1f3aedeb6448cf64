"""Draft-and-verify decoding: the result of token-by-token decoding at about the price of reading the marked text.

Almost every token of a marked copy is known in advance. The whole copy is drafted, one forward pass scores it under
the copy grammar, and the longest prefix on which the model's own choices agree is kept. The first choice that differs
is corrected, the rest drafted anew from what the same pass said about later positions, and only that is read again,
over the kept part of the KV cache. Where too little is known of a choice, a draft ends before it.

When nothing differs, every choice was the model's own given exactly the tokens before it, so the outcome is that of
`decoding.decode`, whatever was drafted (the argument of speculative decoding, Leviathan et al. 2023).

Rows are read without padding (`elinker.onegen.rows`), and a row that is done makes room for the next one at once.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from elinker.onegen.backbone import Backbone
from elinker.onegen.decoding import Marking, unit_vectors
from elinker.onegen.drafting import Draft, Drafter
from elinker.onegen.grammar import Action
from elinker.onegen.layout import Layout
from elinker.onegen.rewriting import Rewriting
from elinker.onegen.rows import RowCache
from elinker.onegen.source import Source

_SHARED = 8
"""Tokens that a common beginning of prompts has at least where it is read once for all rows."""
_WASTE = 12
"""Tokens that are expected to be read in vain, from which on a draft leaves a choice open."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A drafted action, or None where the draft ends with an open choice.

    `choice` are the ids that stand for copying and the one for the other action (`Rewriting.choice`), None where there
    is no other. The hidden state at `column` decides. `query` is the column of the query token that the action writes,
    `end` the one behind its last token.
    """

    action: Action | None
    allowed: tuple[Action, ...]
    choice: tuple[tuple[int, ...], int] | None
    position: int
    column: int
    query: int | None
    end: int


@dataclass(slots=True)
class _Row:
    index: int
    state: Rewriting
    cache: RowCache
    ids: list[int]
    types: list[int]
    known: int
    """Tokens at the front of `ids` that are certain: the prompt, or a corrected action."""
    draft: Draft | None = None
    steps: list[_Step] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    first_query: int | None = None
    """Column of a query token among the certain ones."""
    margin: float = float("inf")
    finished: bool = False


def decode_by_drafts(
    sources: Sequence[Source],
    layout: Layout,
    backbone: Backbone,
    drafter: Drafter,
    *,
    batch_size: int = 32,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Marking]:
    """Rewrite each source with its mentions marked. See the module; `decoding.decode` gives the same, slower.

    Args:
        sources: texts that fit the model.
        layout: the settings' token sequences.
        backbone: the model.
        drafter: first guesses; they decide how many passes it takes, never what comes out.
        batch_size: rows a forward pass.
        stopped: asked before each pass whether nobody waits for the result any more; then it lacks sources.
    """
    prefix = _read_prefix(layout, backbone) if len(sources) > 1 else None
    waiting = deque(enumerate(sources))
    markings: list[Marking | None] = [None] * len(sources)
    rows: list[_Row] = []
    while (rows or waiting) and not stopped():
        while waiting and len(rows) < batch_size:
            rows.append(_begin(*waiting.popleft(), layout, drafter, prefix))
        for row in rows:
            if row.draft is not None:
                _write_draft(row, row.draft, layout)
        hidden = backbone.read_rows([row.cache for row in rows], [row.ids for row in rows], [row.types for row in rows])
        states = torch.split(hidden, [len(row.ids) for row in rows])
        gains = _gains(rows, states, backbone)
        for row, row_states in zip(rows, states, strict=True):
            if row.draft is None:
                _draft_from_states(row, row_states, layout, drafter)
            else:
                _verify(row, row.draft, row_states, gains, layout)
            if row.finished:
                vectors = unit_vectors(row.vectors, backbone.dim)
                markings[row.index] = Marking(tuple(row.state.mentions), vectors, row.margin)
        rows = [row for row in rows if not row.finished]
    return [marking for marking in markings if marking is not None]


def _read_prefix(layout: Layout, backbone: Backbone) -> RowCache | None:
    """The cache of what all prompts begin with; None where it is too short to be worth a pass."""
    ids = layout.prompt_prefix
    if len(ids) < _SHARED:
        return None
    cache = RowCache(len(ids))
    backbone.read_rows([cache], [ids], [(0,) * len(ids)])
    cache.length = len(ids)
    return cache


def _begin(index: int, source: Source, layout: Layout, drafter: Drafter, prefix: RowCache | None) -> _Row:
    state, ids, types = layout.start(source)
    cache = RowCache(len(ids) + 2 * len(source) + len(layout.end))
    if prefix is not None and ids[: prefix.length] == layout.prompt_prefix:
        cache.begin_with(prefix)
    known = len(ids) - cache.length
    row = _Row(index, state, cache, list(ids[cache.length :]), list(types[cache.length :]), known)
    if not drafter.reads_states:
        row.draft = drafter(source, None)
    return row


def _draft_from_states(row: _Row, states: Tensor, layout: Layout, drafter: Drafter) -> None:
    """Draft from what the pass over the prompt left; its last token decides the first action, so it is read again."""
    source = row.state.source
    row.draft = drafter(source, states[[column - row.cache.length for column in layout.columns(source)]])
    row.cache.length += len(row.ids) - 1
    row.ids, row.types, row.known = row.ids[-1:], row.types[-1:], 1


def _write_draft(row: _Row, draft: Draft, layout: Layout) -> None:
    """Append the drafted continuation to the certain tokens, noting which column decides which action.

    It ends before the first choice of which so little is known that reading on is likely to be in vain.
    """
    state = row.state.copy()
    row.steps = []
    while allowed := state.allowed():
        position, column = state.position, len(row.ids) - 1
        choice = state.choice() if len(allowed) > 1 else None
        if choice is not None and draft.doubt(state) * (len(state.source) - position) > _WASTE:
            row.steps.append(_Step(None, allowed, choice, position, column, None, len(row.ids)))
            return
        action = draft.wants(state, allowed)
        query = write(action, state, row.ids, row.types, layout)
        row.steps.append(_Step(action, allowed, choice, position, column, query, len(row.ids)))


def write(action: Action, state: Rewriting, ids: list[int], types: list[int], layout: Layout) -> int | None:
    """Apply an action and append its tokens; the column of the query token where it closes a mention."""
    start = len(ids)
    tokens, kind = state.write(action)
    ids.extend(tokens)
    types.extend([kind] * len(tokens))
    return start + tokens.index(layout.query) if action is Action.CLOSE else None


def _gains(rows: Sequence[_Row], states: Sequence[Tensor], backbone: Backbone) -> Iterator[float]:
    """By how much the model prefers the other action to copying, for each step of each row that leaves a choice."""
    deciding: list[Tensor] = []
    tokens: list[tuple[int, ...]] = []
    for row, row_states in zip(rows, states, strict=True):
        choices = [(step.column, step.choice) for step in row.steps if step.choice is not None]
        deciding.append(row_states[[column for column, _ in choices]])
        tokens.extend((mark, *copies) for _, (copies, mark) in choices)
    if not tokens:
        return iter(())
    width = max(map(len, tokens))
    padded = torch.tensor([(*row, *row[-1:] * (width - len(row))) for row in tokens], device=states[0].device)
    scores = backbone.score(torch.cat(deciding), padded).float()
    return iter((scores[:, 0] - scores[:, 1:].amax(dim=1)).tolist())


def _verify(row: _Row, draft: Draft, states: Tensor, gains: Iterator[float], layout: Layout) -> None:
    """Accept the agreeing prefix of a row's draft, correct what follows, and learn what it says of the rest."""
    if row.first_query is not None:
        row.vectors.append(states[row.first_query])
    accepted = row.known
    wrong: Action | None = None
    for step in row.steps:
        gain = 0.0 if step.choice is None else next(gains)
        if wrong is not None:
            if step.choice is not None:
                wishes = draft.opens if step.allowed[1] is Action.OPEN else draft.closes
                wishes[step.position] = gain
            continue
        choice = step.allowed[-1] if step.choice is None or gain > 0 else step.allowed[0]
        if step.choice is not None:
            row.margin = min(row.margin, abs(gain))
        if choice is not step.action:
            wrong = choice
            continue
        row.state.write(step.action)
        accepted = step.end
        if step.query is not None:
            row.vectors.append(states[step.query])
    if wrong is None:
        row.finished = True
        return
    last, kind = row.ids[accepted - 1], row.types[accepted - 1]
    row.ids, row.types = [], []
    row.first_query = write(wrong, row.state, row.ids, row.types, layout)
    if not row.ids:  # an action may write nothing: then what was read last decides the next one too
        accepted -= 1
        row.ids, row.types = [last], [kind]
    row.cache.length += accepted
    row.known = len(row.ids)
