"""Passes over many questions at once: each reads what it needs next, whatever it is about, and none waits for another.

In one forward pass (`elinker.onegen.rows`) one row reads its prompt, another writes a word of its third sub-question, a
third reads the passage that its last query found. A query's vector is the hidden state at its token in the pass that
read it. A row that is done makes room for the next question at once.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elinker.onegen.model import OneGen
from elinker.rag.answer import Retrieved
from elinker.rag.events import Event
from elinker.rag.rows import Row


class Retriever(Protocol):
    """Where passages come from; `PassageIndex.retrieve` says what is given and returned."""

    def retrieve(
        self, queries: NDArray[np.float32], k: int, entities: Sequence[str] = ()
    ) -> list[tuple[Retrieved, ...]]:
        """The `k` nearest passages to each query, best first."""
        ...


class Writer:
    """Runs rows to their ends.

    Args:
        onegen: a model that answers questions.
        index: the passages.
        batch_size: rows in one forward pass.
    """

    def __init__(self, onegen: OneGen, index: Retriever, *, batch_size: int) -> None:
        self._onegen = onegen
        self._index = index
        self._batch_size = batch_size
        size = onegen.model.get_output_embeddings().weight.shape[0]
        known = len(onegen.tokenizer)
        blocked = [*onegen.answering.forbidden, onegen.pad, *range(known, size)]
        self._blocked = torch.tensor(
            sorted(set(blocked) - {onegen.answering.end}), dtype=torch.long, device=onegen.device
        )

    def run(self, rows: Iterator[Row]) -> Iterator[tuple[int, Event]]:
        """What happens, with the number of the row that it happens to, until all rows are done.

        Rows are taken as there is room for them, so that there may be any number.
        """
        active: list[Row] = []
        while True:
            while len(active) < self._batch_size and (row := next(rows, None)) is not None:
                active.append(row)
            if not active:
                return
            with torch.inference_mode():
                self._advance(active)
            left: list[Row] = []
            for row in active:
                yield from ((row.number, event) for event in row.events)
                row.events.clear()
                left += [*row.children, *(() if row.done else (row,))]
                row.children = []
            active = left

    def _advance(self, rows: Sequence[Row]) -> None:
        """One pass: read what each row wants read, then retrieve for those that ask and choose a token for the rest."""
        states = read_feeds(self._onegen, rows)
        asking = [place for place, row in enumerate(rows) if row.asking]
        self._retrieve([rows[place] for place in asking], states[asking])
        writing = [place for place, row in enumerate(rows) if place not in asking]
        if writing:
            self._choose([rows[place] for place in writing], states[writing])

    def _retrieve(self, rows: Sequence[Row], states: Tensor) -> None:
        groups: dict[tuple[tuple[str, ...], int], list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            groups[row.query.entities, row.top_k].append(place)
        vectors = states.float().cpu().numpy().astype(np.float32)
        for (entities, top_k), places in groups.items():
            found = self._index.retrieve(vectors[places], top_k, entities)
            for place, passages in zip(places, found, strict=True):
                rows[place].found(passages)

    def _choose(self, rows: Sequence[Row], states: Tensor) -> None:
        logits = self._onegen.backbone.logits(states).float()
        logits[:, self._blocked] = -torch.inf
        for place, row in enumerate(rows):
            if blocked := row.blocked():
                logits[place, list(blocked)] = -torch.inf
        for row, token, scores in zip(rows, logits.argmax(dim=1).tolist(), logits, strict=True):
            row.take(token, scores)


def read_feeds(onegen: OneGen, rows: Sequence[Row]) -> Tensor:
    """Read what each row wants read; the hidden state of its last token. *Shape:* (rows, dim)."""
    feeds = [row.feed for row in rows]
    with torch.autocast(onegen.device.type, enabled=False):
        hidden = onegen.backbone.read_rows([row.cache for row in rows], feeds, [(0,) * len(feed) for feed in feeds])
    for row in rows:
        row.passed()
    return hidden[[end - 1 for end in accumulate(map(len, feeds))]]
