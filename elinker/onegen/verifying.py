"""Draft-and-verify decoding: the result of token-by-token decoding at about the price of reading the marked text.

Almost every token of a marked copy is known in advance. The whole copy is drafted, one forward pass scores it under
the copy grammar, and the longest prefix on which the model's own choices agree is kept. The first choice that differs
is corrected, the rest drafted anew from what the same pass said about later positions, and only that is read again,
over the kept part of the KV cache. When nothing differs, every choice was the model's own given exactly the tokens
before it, so the outcome is that of `decoding.decode`, whatever was drafted (the argument of speculative decoding,
Leviathan et al. 2023).

Rows are read without padding (`elinker.onegen.rows`), and a row that is done makes room for the next one at once.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from elinker.onegen.backbone import Backbone
from elinker.onegen.decoding import Marking, initial_state, prompt_length, unit_vectors
from elinker.onegen.drafting import Draft, Drafter
from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.layout import Layout
from elinker.onegen.rows import RowCache
from elinker.onegen.source import Source


@dataclass(frozen=True, slots=True)
class _Step:
    """A drafted action: which were allowed, and the column of the pass whose hidden state decides it."""

    action: Action
    allowed: tuple[Action, ...]
    position: int
    inside: bool
    column: int
    query: int | None
    """Column of the query token that the action writes."""
    end: int
    """Column behind the action's last token."""


@dataclass(slots=True)
class _Row:
    index: int
    state: CopyState
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
    sources: Sequence[Source], layout: Layout, backbone: Backbone, drafter: Drafter, *, batch_size: int = 32
) -> list[Marking]:
    """Rewrite each source with its mentions marked. See the module; `decoding.decode` gives the same, slower.

    Args:
        sources: texts that fit the model.
        layout: the settings' token sequences.
        backbone: the model.
        drafter: first guesses; they decide how many passes it takes, never what comes out.
        batch_size: rows a forward pass.
    """
    waiting = deque(enumerate(sources))
    markings: list[Marking | None] = [None] * len(sources)
    rows: list[_Row] = []
    while rows or waiting:
        while waiting and len(rows) < batch_size:
            rows.append(_begin(*waiting.popleft(), layout, drafter))
        for row in rows:
            if row.draft is not None:
                _write_draft(row, row.draft, layout)
        hidden = backbone.read_rows([row.cache for row in rows], [row.ids for row in rows], [row.types for row in rows])
        states = torch.split(hidden, [len(row.ids) for row in rows])
        gains = _gains(rows, states, layout, backbone)
        for row, row_states, row_gains in zip(rows, states, gains, strict=True):
            if row.draft is None:
                _draft_from_states(row, row_states, layout, drafter)
            else:
                _verify(row, row.draft, row_states, row_gains, layout)
            if row.finished:
                vectors = unit_vectors(row.vectors, backbone.dim)
                markings[row.index] = Marking(tuple(row.state.mentions), vectors, row.margin)
        rows = [row for row in rows if not row.finished]
    return [marking for marking in markings if marking is not None]


def _begin(index: int, source: Source, layout: Layout, drafter: Drafter) -> _Row:
    ids, types = layout.prompt(source)
    cache = RowCache(len(ids) + 2 * len(source) + len(layout.end))
    row = _Row(index, initial_state(source, layout), cache, list(ids), list(types), prompt_length(source, layout))
    if not drafter.reads_states:
        row.draft = Draft(source, drafter(source, None))
    return row


def _draft_from_states(row: _Row, states: Tensor, layout: Layout, drafter: Drafter) -> None:
    """Draft from what the pass over the prompt left; its last token decides the first action, so it is read again."""
    source = row.state.source
    start = len(layout.prompt_prefix)
    row.draft = Draft(source, drafter(source, states[start : start + len(source)]))
    row.cache.length = len(row.ids) - 1
    row.ids, row.types, row.known = row.ids[-1:], row.types[-1:], 1


def _write_draft(row: _Row, draft: Draft, layout: Layout) -> None:
    """Append the drafted continuation to the certain tokens, noting which column decides which action."""
    state = row.state.copy()
    row.steps = []
    while allowed := state.allowed():
        action = draft.wants(state, allowed)
        column, position, inside = len(row.ids) - 1, state.position, state.opened is not None
        query = write(action, state, row.ids, row.types, layout)
        row.steps.append(_Step(action, allowed, position, inside, column, query, len(row.ids)))


def write(action: Action, state: CopyState, ids: list[int], types: list[int], layout: Layout) -> int | None:
    """Apply an action and append its tokens; the column of the query token where it closes a mention."""
    source, position = state.source, state.position
    state.apply(action)
    if action is Action.COPY:
        ids.append(source.ids[position])
        types.append(source.types[position])
        return None
    tokens = layout.open if action is Action.OPEN else (*layout.close, *layout.after_close)
    ids.extend(tokens)
    types.extend([0] * len(tokens))
    return None if action is Action.OPEN else len(ids) - len(layout.after_close)


def _gains(
    rows: Sequence[_Row], hidden: Sequence[Tensor], layout: Layout, backbone: Backbone
) -> list[list[tuple[float, float]]]:
    """For every drafted step of every row, by how much the model prefers to open, and to close, over to copy there."""
    deciding = [
        states[[step.column for step in row.steps]] for row, states in zip(rows, hidden, strict=True) if row.steps
    ]
    if not deciding:
        return [[] for _ in rows]
    copies = [row.state.source.ids[min(step.position, len(row.state.source) - 1)] for row in rows for step in row.steps]
    tokens = [[copy, layout.open[0], layout.close[0]] for copy in copies]
    scores = backbone.score(torch.cat(deciding), torch.tensor(tokens, device=deciding[0].device)).float()
    gains = iter((scores[:, 1:] - scores[:, :1]).tolist())
    return [[tuple(next(gains)) for _ in row.steps] for row in rows]


def _verify(row: _Row, draft: Draft, states: Tensor, gains: Sequence[tuple[float, float]], layout: Layout) -> None:
    """Accept the agreeing prefix of a row's draft, correct what follows."""
    if row.first_query is not None:
        row.vectors.append(states[row.first_query])
    accepted = row.known
    opens: dict[int, bool] = {}
    closes: dict[int, bool] = {}
    wrong: Action | None = None
    for step, (opening, closing) in zip(row.steps, gains, strict=True):
        if wrong is not None:
            opens[step.position] = opening > 0
            if step.inside:
                closes[step.position] = closing > 0
            continue
        choice = step.allowed[0]
        if len(step.allowed) == 2:
            gain = opening if step.allowed[1] is Action.OPEN else closing
            row.margin = min(row.margin, abs(gain))
            if gain > 0:
                choice = step.allowed[1]
        if choice is not step.action:
            wrong = choice
            continue
        row.state.apply(step.action)
        accepted = step.end
        if step.query is not None:
            row.vectors.append(states[step.query])
    row.cache.length += accepted
    row.ids, row.types, row.first_query = [], [], None
    if wrong is None:
        row.finished = True
        return
    draft.correct(row.state, wrong, opens, closes)
    row.first_query = write(wrong, row.state, row.ids, row.types, layout)
    row.known = len(row.ids)
