"""What annotation costs: ours beside generation as the reference code works, and beside the floor.

Same model, same windows, same machine, one run; the ways take turns, so that a machine that slows down slows all.

    python benchmarks/annotate_speed.py [--quick] [--pipeline DIR] [--texts FILE.jsonl] [--runs N]

a  token by token through `transformers.generate`, a logits processor for the grammar, hidden states of all layers
   kept, one window at a time
b  the same in batches
c  two models' worth: (a)'s generation without query tokens in batches, then an encoder pass over each mention's window
d  elinker: drafted and verified
e  the floor: one teacher-forced pass over the finished sequences, in batches
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import LogitsProcessor

import elinker
from elinker.linking.windows import split_windows
from elinker.onegen.decoding import Marking, decode, initial_state, pad, unit_vectors
from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.onegen.source import Source

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "annotate_speed.json"
BATCH = 32


class CopyGrammar(LogitsProcessor):
    """The copy grammar as `transformers.generate` takes it: -inf for every token but the allowed ones."""

    def __init__(self, sources: Sequence[Source], layout: Layout, *, query: bool) -> None:
        self.layout = layout
        self.states = [initial_state(source, layout) for source in sources]
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

    def _take(self, row: int, state: CopyState, action: Action) -> None:
        if action is Action.COPY:
            self.types[row] = state.source.types[state.position]
        elif action is Action.OPEN:
            self.forced[row] = list(self.layout.open[1:])
        else:
            self.forced[row] = [*self.layout.close[1:], *self.after_close]
        state.apply(action)
        self.choices[row] = {}

    def _allowed(self, row: int, state: CopyState) -> list[int]:
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
    """Token by token, as the reference code does it, vectors picked from all hidden states of all steps."""
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


def batches(sources: Sequence[Source], size: int) -> list[list[Source]]:
    ordered = sorted(sources, key=len, reverse=True)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def one_at_a_time(onegen: OneGen, sources: Sequence[Source]) -> dict[int, Marking]:
    return {id(source): generate(onegen, [source])[0] for source in sources}


def batched(onegen: OneGen, sources: Sequence[Source]) -> dict[int, Marking]:
    found: dict[int, Marking] = {}
    for batch in batches(sources, BATCH):
        found.update(zip(map(id, batch), generate(onegen, batch), strict=True))
    return found


def two_models(onegen: OneGen, sources: Sequence[Source]) -> dict[int, Marking]:
    found: dict[int, Marking] = {}
    for batch in batches(sources, BATCH):
        markings = generate(onegen, batch, query=False)
        pairs = [(source, mention) for source, m in zip(batch, markings, strict=True) for mention in m.mentions]
        vectors = onegen.read([s for s, _ in pairs], [[m] for _, m in pairs], batch_size=BATCH) if pairs else []
        rows = iter(vectors)
        for source, marking in zip(batch, markings, strict=True):
            own = [next(rows)[0] for _ in marking.mentions]
            stacked = np.stack(own) if own else unit_vectors((), onegen.dim)
            found[id(source)] = Marking(marking.mentions, stacked)
    return found


def ours(onegen: OneGen, sources: Sequence[Source]) -> dict[int, Marking]:
    return dict(zip(map(id, sources), onegen.mark(sources, batch_size=BATCH), strict=True))


def floor(onegen: OneGen, sources: Sequence[Source], markings: dict[int, Marking]) -> dict[int, Marking]:
    onegen.read(sources, [markings[id(source)].mentions for source in sources], batch_size=BATCH)
    return markings


class Meter:
    """Counts forward calls and tokens of a model."""

    def __init__(self, onegen: OneGen) -> None:
        self.calls = self.tokens = self.rows = 0
        onegen.model.base_model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        ids = arguments[0] if arguments else keywords["input_ids"]
        self.calls += 1
        self.rows += ids.shape[0]
        self.tokens += ids.numel()

    def reset(self) -> None:
        self.calls = self.tokens = self.rows = 0


def windows_of(onegen: OneGen, texts: Sequence[str]) -> list[Source]:
    sources = [onegen.source(text) for text in texts]
    return [s.slice(w.start, w.end) for s in sources for w in split_windows(s, onegen.layout.window)]


def same(one: dict[int, Marking], other: dict[int, Marking]) -> bool:
    return all(one[key].mentions == other[key].mentions for key in other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few texts and one run, under 45 seconds")
    parser.add_argument("--pipeline", default=None)
    parser.add_argument("--texts", type=Path, default=ROOT / "kb" / "starter" / "texts.jsonl")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    documents, runs = (16, 1) if options.quick else (options.documents, options.runs)

    onegen = elinker.load(options.pipeline).onegen
    with options.texts.open(encoding="utf-8") as lines:
        every = [json.loads(line)["text"] for line in lines]
    texts = every[:: max(1, len(every) // documents)][:documents]
    sources = windows_of(onegen, texts)
    meter = Meter(onegen)
    reference: dict[int, Marking] = {}
    with torch.inference_mode():
        for batch in batches(sources, BATCH):
            reference.update(zip(map(id, batch), decode(batch, onegen.layout, onegen.backbone), strict=True))
    ways: dict[str, Callable[[], dict[int, Marking]]] = {
        "a": lambda: one_at_a_time(onegen, sources),
        "b": lambda: batched(onegen, sources),
        "c": lambda: two_models(onegen, sources),
        "d": lambda: ours(onegen, sources),
        "e": lambda: floor(onegen, sources, reference),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    counts: dict[str, tuple[int, int, int]] = {}
    identical: dict[str, bool] = {}
    for _ in range(runs):
        for way, work in ways.items():
            meter.reset()
            start = time.perf_counter()
            with torch.inference_mode():
                found = work()
            seconds[way].append(time.perf_counter() - start)
            counts[way] = meter.calls, meter.rows, meter.tokens
            identical[way] = same(found, reference)
    report(sources, len(texts), seconds, counts, identical)


def report(
    sources: Sequence[Source],
    documents: int,
    seconds: dict[str, list[float]],
    counts: dict[str, tuple[int, int, int]],
    identical: dict[str, bool],
) -> None:
    tokens = sum(map(len, sources))
    median = {way: statistics.median(values) for way, values in seconds.items()}
    table = Table(
        title=f"{documents} documents, {len(sources)} windows, {tokens} source tokens; passes and tokens read a window"
    )
    for column in (
        "way",
        "seconds",
        "tokens/s",
        "docs/s",
        "passes/window",
        "tokens/window",
        "a / it",
        "it / e",
        "same",
    ):
        table.add_column(column, justify="right")
    rows = {}
    for way, time_taken in median.items():
        _, passes, forward = counts[way]
        rows[way] = {
            "seconds": time_taken,
            "tokens_per_second": tokens / time_taken,
            "documents_per_second": documents / time_taken,
            "passes_per_window": passes / len(sources),
            "forward_tokens_per_window": forward / len(sources),
            "speedup_over_a": median["a"] / time_taken,
            "time_vs_floor": time_taken / median["e"],
            "identical": identical[way],
            "all_seconds": seconds[way],
        }
        table.add_row(
            way,
            f"{time_taken:.2f}",
            f"{tokens / time_taken:.0f}",
            f"{documents / time_taken:.1f}",
            f"{passes / len(sources):.1f}",
            f"{forward / len(sources):.0f}",
            f"{median['a'] / time_taken:.1f}",
            f"{time_taken / median['e']:.2f}",
            "yes" if identical[way] else "no",
        )
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    summary = {
        "throughput_vs_reference": median["a"] / median["d"],
        "throughput_vs_batched": median["b"] / median["d"],
        "time_vs_floor": median["d"] / median["e"],
        "passes_per_window": counts["d"][1] / len(sources),
        "identical": identical["d"],
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    value = {"summary": summary, "ways": rows, "windows": len(sources), "tokens": tokens, "peak_memory_mb": peak}
    RESULTS.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    Console().print(f"peak memory {peak:.0f} MB; written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
