"""OneGen through `transformers.generate`, as the reference code runs it: what `annotate_speed.py` compares with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from elinker.onegen.decoding import Marking, pad, unit_vectors
from elinker.onegen.grammar import Action
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.onegen.source import Source


class CopyGrammar(LogitsProcessor):
    """The copy grammar as `transformers.generate` takes it: -inf for every token but the allowed ones."""

    def __init__(self, sources: Sequence[Source], layout: Layout, *, query: bool) -> None:
        self.layout = layout
        self.states = [layout.start(source)[0] for source in sources]
        self.forced: list[list[int]] = [[] for _ in sources]
        self.choices: list[dict[int, Action]] = [{} for _ in sources]
        self.types = [0] * len(sources)
        self.after_close = layout.after_close if query else ()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        kept = torch.full_like(scores, float("-inf"))
        for row, state in enumerate(self.states):
            token = int(input_ids[row, -1])
            self.types[row] = 0
            if self.choices[row]:
                self._take(row, state, self.choices[row].get(token, Action.COPY))
            allowed = self._allowed(row, state)
            kept[row, allowed] = scores[row, allowed]
        return kept

    def _take(self, row: int, state: Any, action: Action) -> None:
        if action is Action.COPY:
            self.types[row] = state.source.types[state.position]
        elif action is Action.OPEN:
            self.forced[row] = list(self.layout.open[1:])
        else:
            self.forced[row] = [*self.layout.close[1:], *self.after_close]
        state.apply(action)
        self.choices[row] = {}

    def _allowed(self, row: int, state: Any) -> list[int]:
        if self.forced[row]:
            return [self.forced[row].pop(0)]
        actions = state.allowed()
        if not actions:
            return [self.layout.end[0]]
        first = {Action.OPEN: self.layout.open[0], Action.CLOSE: self.layout.close[0]}
        self.choices[row] = {
            first.get(action, state.source.ids[min(state.position, len(state.source) - 1)]): action
            for action in reversed(actions)
        }
        return list(self.choices[row])


def generate(onegen: OneGen, sources: Sequence[Source], *, query: bool = True) -> list[Marking]:
    """Token by token; vectors are picked from the kept hidden states of all layers and steps.

    Args:
        onegen: a model whose markers are tokens of their own.
        sources: one batch.
        query: whether query tokens are written; without them there are no vectors.
    """
    layout = onegen.layout
    prompts = [layout.prompt(source) for source in sources]
    grammar = CopyGrammar(sources, layout, query=query)
    ids = pad([ids for ids, _ in prompts], layout.pad, onegen.device, left=True)
    prompt_types = pad([types for _, types in prompts], 0, onegen.device, left=True)

    def give_types(_: Any, arguments: Any, keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        first = (arguments[0] if arguments else keywords["input_ids"]).shape[1] > 1
        types = prompt_types if first else torch.tensor(grammar.types, device=onegen.device)[:, None]
        return arguments, keywords | ({"token_type_ids": types} if onegen.backbone.token_types else {})

    hook = onegen.model.base_model.register_forward_pre_hook(give_types, with_kwargs=True)
    try:
        output = onegen.model.generate(
            ids,
            attention_mask=pad([[1] * len(ids) for ids, _ in prompts], 0, onegen.device, left=True),
            logits_processor=[grammar],
            max_length=ids.shape[1] + max(state.budget for state in grammar.states),
            do_sample=False,
            eos_token_id=layout.end[0],
            pad_token_id=layout.pad,
            output_hidden_states=True,
            return_dict_in_generate=True,
        )
    finally:
        hook.remove()
    vectors: list[list[torch.Tensor]] = [[] for _ in sources]
    written = output.sequences[:, ids.shape[1] :]
    for step, hidden in enumerate(output.hidden_states[1:]):  # the step after the one that chose token `step` reads it
        for row in range(len(sources)):
            if written[row, step] == layout.query:
                vectors[row].append(hidden[-1][row, -1])
    return [
        Marking(tuple(state.mentions), unit_vectors(found, onegen.dim))
        for state, found in zip(grammar.states, vectors, strict=True)
    ]


def one_at_a_time(onegen: OneGen, sources: Sequence[Source], _: int) -> list[Marking]:
    """`generate` for each source by itself."""
    return [marking for source in sources for marking in generate(onegen, [source])]


def batched(onegen: OneGen, sources: Sequence[Source], size: int, *, query: bool = True) -> list[Marking]:
    """`generate` in batches of like length."""
    order = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
    found: dict[int, Marking] = {}
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        found.update(zip(batch, generate(onegen, [sources[number] for number in batch], query=query), strict=True))
    return [found[number] for number in range(len(sources))]


def two_models(onegen: OneGen, sources: Sequence[Source], size: int) -> list[Marking]:
    """What a generator and an encoder of its size cost: `batched` without vectors, then a pass for each mention."""
    markings = batched(onegen, sources, size, query=False)
    pairs = [(source, mention) for source, found in zip(sources, markings, strict=True) for mention in found.mentions]
    vectors = iter(onegen.read([s for s, _ in pairs], [[mention] for _, mention in pairs], batch_size=size))
    return [
        Marking(
            found.mentions, np.concatenate([unit_vectors((), onegen.dim), *(next(vectors) for _ in found.mentions)])
        )
        for found in markings
    ]


def teacher_forced(onegen: OneGen, sources: Sequence[Source], markings: Sequence[Marking], size: int) -> None:
    """The floor: the finished sequences once through the model as transformers runs it, in batches of like length."""
    sequences = [onegen.layout.marked(source, found.mentions) for source, found in zip(sources, markings, strict=True)]
    sequences.sort(key=lambda sequence: -len(sequence))
    for start in range(0, len(sequences), size):
        batch = sequences[start : start + size]
        # Padding on the right needs no mask under causal attention: nothing real looks at it.
        hidden = onegen.backbone(
            pad([sequence.ids for sequence in batch], onegen.layout.pad, onegen.device),
            types=pad([sequence.types for sequence in batch], 0, onegen.device),
        )
        for states, sequence in zip(hidden, batch, strict=True):
            unit_vectors([states[position] for position in sequence.retrieval], onegen.dim)
