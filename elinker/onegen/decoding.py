"""Constrained greedy decoding, token by token: the reference that every faster decoder must equal.

Rows of a batch advance together over one KV cache, padded on the left; a row feeds one token a step, reads its query
vector when that token is the query token, and leaves the batch when its text is copied.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from elinker.onegen.backbone import Backbone
from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.layout import Layout
from elinker.onegen.source import Source


@dataclass(frozen=True, slots=True)
class Marking:
    """What one pass wrote over a source.

    `mentions` are token ranges of the source in order; `vectors`, shape (mentions, dim), float32 and of length 1, are
    the hidden states at their query tokens. `margin` is the least difference of scores that decided between copying and
    a marker: where it is small, rounding could have decided otherwise.
    """

    mentions: tuple[tuple[int, int], ...]
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    margin: float = float("inf")


@dataclass(slots=True)
class _Row:
    index: int
    state: CopyState
    length: int
    pending: deque[tuple[int, int]] = field(default_factory=deque)
    vectors: list[Tensor] = field(default_factory=list)


def decode(sources: Sequence[Source], layout: Layout, backbone: Backbone) -> list[Marking]:
    """Rewrite each source with its mentions marked, the model's own scores deciding among what the grammar allows."""
    device = next(backbone.parameters()).device
    rows = [
        _Row(index, initial_state(source, layout), prompt_length(source, layout))
        for index, source in enumerate(sources)
    ]
    done: list[_Row] = []
    cache = DynamicCache()
    mask, hidden = _read_prompts(sources, layout, backbone, cache, device)
    while True:
        _decide(rows, hidden, layout, backbone)
        keep = [number for number, row in enumerate(rows) if row.pending]
        if len(keep) < len(rows):
            done.extend(row for row in rows if not row.pending)
            rows = [rows[number] for number in keep]
            selected = torch.tensor(keep, dtype=torch.long, device=device)
            cache.batch_select_indices(selected)
            mask = mask[selected]
        if not rows:
            break
        tokens = [row.pending.popleft() for row in rows]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        hidden = backbone(
            torch.tensor([[token] for token, _ in tokens], device=device),
            types=torch.tensor([[kind] for _, kind in tokens], device=device),
            positions=torch.tensor([[row.length] for row in rows], device=device),
            mask=mask,
            cache=cache,
        )[:, -1]
        for row, (token, _), vector in zip(rows, tokens, hidden, strict=True):
            row.length += 1
            if token == layout.query:
                row.vectors.append(vector)
    done.sort(key=lambda row: row.index)
    return [Marking(tuple(row.state.mentions), unit_vectors(row.vectors, backbone.dim)) for row in done]


def unit_vectors(vectors: Sequence[Tensor], dim: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Hidden states as float32 rows of length 1, shape (len(vectors), dim)."""
    if not vectors:
        return np.zeros((0, dim), dtype=np.float32)
    stacked = torch.nn.functional.normalize(torch.stack(list(vectors)).float(), dim=-1)
    return np.asarray(stacked.cpu().numpy(), dtype=np.float32)


def pad(rows: Sequence[Sequence[int]], value: int, device: torch.device, *, left: bool = False) -> Tensor:
    """Integer rows as one tensor, shape (rows, longest), filled up with `value`."""
    width = max(len(row) for row in rows)
    filled = [
        [value] * (width - len(row)) + list(row) if left else list(row) + [value] * (width - len(row)) for row in rows
    ]
    return torch.tensor(filled, dtype=torch.long, device=device)


def initial_state(source: Source, layout: Layout) -> CopyState:
    """The state before the first token of the rewritten text."""
    budget = layout.settings.max_length - prompt_length(source, layout)
    return CopyState(source, budget, layout.mention_cost, len(layout.end))


def prompt_length(source: Source, layout: Layout) -> int:
    """Tokens of the prompt with `source` in it."""
    return len(layout.prompt_prefix) + len(source) + len(layout.prompt_suffix)


def _read_prompts(
    sources: Sequence[Source], layout: Layout, backbone: Backbone, cache: DynamicCache, device: torch.device
) -> tuple[Tensor, Tensor]:
    prompts = [layout.prompt(source) for source in sources]
    mask = pad([[1] * len(ids) for ids, _ in prompts], 0, device, left=True)
    hidden = backbone(
        pad([ids for ids, _ in prompts], layout.pad, device, left=True),
        types=pad([types for _, types in prompts], 0, device, left=True),
        positions=(mask.cumsum(dim=1) - 1).clamp(min=0),
        mask=mask,
        cache=cache,
    )
    return mask, hidden[:, -1]


def _decide(rows: Sequence[_Row], hidden: Tensor, layout: Layout, backbone: Backbone) -> None:
    """Give every row that has nothing pending its next step; a finished row is left with nothing pending."""
    choosing: list[tuple[int, tuple[Action, ...]]] = []
    for number, row in enumerate(rows):
        if row.pending:
            continue
        allowed = row.state.allowed()
        if len(allowed) == 1:
            _take(row, allowed[0], layout)
        elif allowed:
            choosing.append((number, allowed))
    if not choosing:
        return
    choices = torch.tensor(
        [[_first_token(rows[number], action, layout) for action in allowed] for number, allowed in choosing],
        device=hidden.device,
    )
    scores = backbone.score(hidden[[number for number, _ in choosing]], choices)
    for (number, allowed), best in zip(choosing, scores.argmax(dim=1).tolist(), strict=True):
        _take(rows[number], allowed[best], layout)


def _first_token(row: _Row, action: Action, layout: Layout) -> int:
    if action is Action.COPY:
        return row.state.source.ids[row.state.position]
    return layout.open[0] if action is Action.OPEN else layout.close[0]


def _take(row: _Row, action: Action, layout: Layout) -> None:
    source, position = row.state.source, row.state.position
    if action is Action.COPY:
        row.pending.append((source.ids[position], source.types[position]))
    elif action is Action.OPEN:
        row.pending.extend((token, 0) for token in layout.open)
    else:
        row.pending.extend((token, 0) for token in (*layout.close, *layout.after_close))
    row.state.apply(action)
