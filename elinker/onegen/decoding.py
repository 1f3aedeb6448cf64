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
from elinker.onegen.grammar import Action
from elinker.onegen.layout import Layout
from elinker.onegen.rewriting import Rewriting
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
    state: Rewriting
    length: int
    pending: deque[tuple[int, int]] = field(default_factory=deque)
    vectors: list[Tensor] = field(default_factory=list)


def decode(sources: Sequence[Source], layout: Layout, backbone: Backbone) -> list[Marking]:
    """Rewrite each source with its mentions marked, the model's own scores deciding among what the grammar allows."""
    device = next(backbone.parameters()).device
    starts = [layout.start(source) for source in sources]
    rows = [_Row(index, state, len(ids)) for index, (state, ids, _) in enumerate(starts)]
    done: list[_Row] = []
    cache = DynamicCache()
    mask, hidden = _read_prompts([(ids, types) for _, ids, types in starts], layout, backbone, cache, device)
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


def _read_prompts(
    prompts: Sequence[tuple[Sequence[int], Sequence[int]]],
    layout: Layout,
    backbone: Backbone,
    cache: DynamicCache,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
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
    """Give every row that has nothing pending its next steps; a finished row is left with nothing pending."""
    while choosing := _next_choices(rows):
        width = max(len(copies) for _, copies, _ in choosing)
        candidates = [[*copies, *copies[:1] * (width - len(copies)), mark] for _, copies, mark in choosing]
        numbers = [number for number, _, _ in choosing]
        scores = backbone.score(hidden[numbers], torch.tensor(candidates, device=hidden.device))
        for number, best in zip(numbers, scores.argmax(dim=1).tolist(), strict=True):
            _take(rows[number], rows[number].state.allowed()[best == width])


def _next_choices(rows: Sequence[_Row]) -> list[tuple[int, tuple[int, ...], int]]:
    """Of every row that has nothing pending, its number and `choice` once all steps before it are taken."""
    choosing: list[tuple[int, tuple[int, ...], int]] = []
    for number, row in enumerate(rows):
        while not row.pending and (allowed := row.state.allowed()):
            if len(allowed) > 1:
                choosing.append((number, *row.state.choice()))
                break
            _take(row, allowed[0])
    return choosing


def _take(row: _Row, action: Action) -> None:
    tokens, kind = row.state.write(action)
    row.pending.extend((token, kind) for token in tokens)
