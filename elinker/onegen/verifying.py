"""Draft-and-verify decoding: the result of token-by-token decoding at about the price of reading the marked text.

Almost every token of a marked copy is known in advance. The whole copy is drafted, one forward pass scores it under
the copy grammar, and the longest prefix on which the model's own choices agree is kept. The first choice that differs
is corrected, the rest drafted anew from what the same pass said about later positions, and only that is read again,
over the kept part of the KV cache. When nothing differs, every choice was the model's own given exactly the tokens
before it, so the outcome is that of `decoding.decode`, whatever was drafted (the argument of speculative decoding,
Leviathan et al. 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DynamicCache

from elinker.onegen.backbone import Backbone
from elinker.onegen.decoding import Marking, initial_state, pad, prompt_length, unit_vectors
from elinker.onegen.drafting import Draft, Drafter, capitalised
from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.layout import Layout
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
    draft: Draft
    cached: int = 0
    ids: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    steps: list[_Step] = field(default_factory=list)
    vectors: list[Tensor] = field(default_factory=list)
    known: int = 0
    """Tokens at the front of `ids` that are certain: the prompt, or a corrected action."""
    first_query: int | None = None
    """Column of a query token among the certain ones."""
    finished: bool = False


def decode_by_drafts(
    sources: Sequence[Source], layout: Layout, backbone: Backbone, drafter: Drafter = capitalised
) -> list[Marking]:
    """Rewrite each source with its mentions marked. See the module; `decoding.decode` gives the same, slower."""
    device = next(backbone.parameters()).device
    rows = [
        _Row(index, initial_state(source, layout), Draft(source, drafter(source)))
        for index, source in enumerate(sources)
    ]
    for row, source in zip(rows, sources, strict=True):
        ids, types = layout.prompt(source)
        row.ids, row.types, row.known = list(ids), list(types), prompt_length(source, layout)
    cache = DynamicCache()
    mask = torch.zeros((len(rows), 0), dtype=torch.long, device=device)
    markings: list[Marking | None] = [None] * len(rows)
    while rows:
        for row in rows:
            _write_draft(row, layout)
        lengths = [len(row.ids) for row in rows]
        mask = torch.cat([mask, pad([[1] * length for length in lengths], 0, device)], dim=1)
        hidden = backbone(
            pad([row.ids for row in rows], layout.pad, device),
            types=pad([row.types for row in rows], 0, device),
            positions=pad([range(row.cached, row.cached + len(row.ids)) for row in rows], 0, device),
            mask=mask,
            cache=cache,
        )
        choices = _choices(rows, hidden, layout, backbone)
        kept = [_verify(row, hidden[number], choices[number], layout) for number, row in enumerate(rows)]
        for row in rows:
            if row.finished:
                markings[row.index] = Marking(tuple(row.state.mentions), unit_vectors(row.vectors, backbone.dim))
        going = [number for number, row in enumerate(rows) if not row.finished]
        width = hidden.shape[1]
        for number in going:
            mask[number, mask.shape[1] - width + kept[number] :] = 0
        rows = [rows[number] for number in going]
        mask = _compact(cache, mask, going)
    return [marking for marking in markings if marking is not None]


def _write_draft(row: _Row, layout: Layout) -> None:
    """Append the drafted continuation to the certain tokens, noting which column decides which action."""
    state = row.state.copy()
    row.steps = []
    while allowed := state.allowed():
        action = row.draft.wants(state, allowed)
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


def _choices(rows: Sequence[_Row], hidden: Tensor, layout: Layout, backbone: Backbone) -> list[list[tuple[bool, bool]]]:
    """For every drafted step of every row, whether the model would open, and would close, rather than copy there."""
    numbers = [number for number, row in enumerate(rows) for _ in row.steps]
    columns = [step.column for row in rows for step in row.steps]
    copies = [row.state.source.ids[min(step.position, len(row.state.source) - 1)] for row in rows for step in row.steps]
    if not columns:
        return [[] for _ in rows]
    tokens = torch.tensor(
        [[copy, layout.open[0], layout.close[0]] for copy in copies], dtype=torch.long, device=hidden.device
    )
    scores = backbone.score(hidden[numbers, columns], tokens)
    preferred = iter((scores[:, 1:] > scores[:, :1]).tolist())
    return [[tuple(next(preferred)) for _ in row.steps] for row in rows]


def _verify(row: _Row, hidden: Tensor, choices: Sequence[tuple[bool, bool]], layout: Layout) -> int:
    """Accept the agreeing prefix of a row's draft, correct what follows; the number of columns that stay valid."""
    if row.first_query is not None:
        row.vectors.append(hidden[row.first_query])
    accepted = row.known
    opens: dict[int, bool] = {}
    closes: dict[int, bool] = {}
    wrong: tuple[int, Action] | None = None
    for number, (step, (opening, closing)) in enumerate(zip(row.steps, choices, strict=True)):
        choice = step.allowed[0]
        if len(step.allowed) == 2 and (opening if step.allowed[1] is Action.OPEN else closing):
            choice = step.allowed[1]
        if wrong is None and choice is step.action:
            row.state.apply(step.action)
            accepted = step.end
            if step.query is not None:
                row.vectors.append(hidden[step.query])
        elif wrong is None:
            wrong = number, choice
        else:
            opens[step.position] = opening
            if step.inside:
                closes[step.position] = closing
    row.cached += accepted
    row.ids, row.types, row.first_query = [], [], None
    if wrong is None:
        row.finished = True
        return accepted
    _, action = wrong
    row.draft.correct(row.state, action, opens, closes)
    row.first_query = write(action, row.state, row.ids, row.types, layout)
    row.known = len(row.ids)
    return accepted


def _compact(cache: DynamicCache, mask: Tensor, rows: Sequence[int]) -> Tensor:
    """Keep the given rows of the cache and their valid entries, padded on the left; the new mask."""
    if not rows:
        return mask[:0]
    mask = mask[torch.tensor(rows, device=mask.device)]
    width = int(mask.sum(dim=1).max())
    # A stable sort of the mask puts the valid entries last, in their order.
    order = mask.argsort(dim=1, stable=True)[:, -width:]
    for layer in cache.layers:
        index = order[:, None, :, None].expand(-1, layer.keys.shape[1], -1, layer.keys.shape[3])
        layer.keys = layer.keys[rows].gather(2, index)
        layer.values = layer.values[rows].gather(2, index)
    return mask.gather(1, order)
