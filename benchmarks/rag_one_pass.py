"""What answering with retrieval costs: one pass with one cache beside pipelines that read things again.

Same model size, same tokens, same machine, one run; the ways take turns, so that a machine that slows down slows all.

    python benchmarks/rag_one_pass.py [--quick] [--runs N]

a  pipeline: a generator, and a retriever of the same size with weights of its own. At every hop the retriever encodes
   the query, and the generator reads question, earlier queries and passages again
b  two passes: one model for both, as GritLM, with a pass of its own for the query; no cache outlives a pass, so that
   the context is read again as in (a)
k  as (b), but the generator keeps its cache from hop to hop; only the query is read twice
c  elinker: the query's vector falls out of the pass that wrote it, and the passage goes into the same cache behind it

A question is read; at every hop a query is written token by token, a passage is searched by its vector among 10,000 and
read; at the end an answer is written. What is written and found is given: weights are random, and the tokens that a
model would choose are computed and then replaced. So every way handles exactly the same texts, of any length, and only
what is computed differs. All ways run on the same code (rows without padding, `elinker.onegen.rows`) in float32, with
the layers and width of the starter and positions for long texts; in (a) and (b) a generation has a cache within itself.

The full run also measures how cost grows with the number of hops, and with the length of a question that is the query
itself: no query is written, (a) and (b) encode the question and read it again with the passage, (k) is then (b). It
draws docs/rag_one_pass.svg. Peak memory is measured in a process of its own for each way.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import BertConfig, BertLMHeadModel

from elinker.onegen.backbone import Backbone
from elinker.onegen.rows import RowCache

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "rag_one_pass.json"
CONFIG = ROOT / "pipelines" / "en_starter" / "onegen_linker" / "model" / "config.json"
POSITIONS = 2048
PASSAGES = 10_000
BATCH = 8

Ids = list[list[int]]
"""Token ids of each question."""


@dataclass(frozen=True)
class Workload:
    """How many questions, and how many tokens each part has. The last token of a query is the one that retrieves."""

    questions: int
    hops: int = 3
    question: int = 32
    query: int = 16
    passage: int = 128
    answer: int = 8


@dataclass(frozen=True)
class Texts:
    """The tokens of a workload: questions and answers, queries and passages of each hop."""

    questions: Ids
    queries: list[Ids]
    passages: list[Ids]
    answers: Ids

    @classmethod
    def of(cls, work: Workload, vocabulary: int) -> "Texts":
        generator = np.random.default_rng(0)

        def ids(length: int) -> Ids:
            return generator.integers(5, vocabulary, size=(work.questions, length)).tolist()  # type: ignore[no-any-return]

        queries = [ids(work.query) for _ in range(work.hops)]
        passages = [ids(work.passage) for _ in range(work.hops)]
        return cls(ids(work.question), queries, passages, ids(work.answer))

    def batches(self, size: int) -> list["Texts"]:
        def cut(ids: Ids, start: int) -> Ids:
            return ids[start : start + size]

        return [
            Texts(
                cut(self.questions, start),
                [cut(ids, start) for ids in self.queries],
                [cut(ids, start) for ids in self.passages],
                cut(self.answers, start),
            )
            for start in range(0, len(self.questions), size)
        ]


class Reader:
    """A model that reads tokens behind what a cache holds, and counts them."""

    def __init__(self, seed: int) -> None:
        config = BertConfig(**json.loads(CONFIG.read_text(encoding="utf-8")) | {"max_position_embeddings": POSITIONS})
        torch.manual_seed(seed)
        self.model = BertLMHeadModel(config).eval()
        self.backbone = Backbone(self.model, token_types=True)
        self.tokens = 0

    def read(self, caches: Sequence[RowCache], ids: Ids) -> torch.Tensor:
        """The last hidden state of each row, shape (rows, dim)."""
        hidden = self.backbone.read_rows(caches, ids, [[0] * len(row) for row in ids])
        for cache, row in zip(caches, ids, strict=True):
            cache.length += len(row)
        self.tokens += sum(map(len, ids))
        ends = np.cumsum([len(row) for row in ids]) - 1
        return hidden[ends]

    def write(self, caches: Sequence[RowCache], last: torch.Tensor, ids: Ids) -> torch.Tensor:
        """Write given tokens one by one behind the state `last`; the state behind the last but one of them."""
        for step in range(len(ids[0])):
            if step:
                last = self.read(caches, [[row[step - 1]] for row in ids])
            self.backbone.logits(last).argmax(dim=1)  # what a model chooses; here the given token takes its place
        return last


class Search:
    """Exact search among random vectors; what it finds is not looked at, the passages are given."""

    def __init__(self, dim: int) -> None:
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        vectors = np.random.default_rng(1).standard_normal((PASSAGES, dim), dtype=np.float32)
        self.index = faiss.IndexFlatIP(dim)
        self.index.add(vectors)

    def __call__(self, states: torch.Tensor) -> None:
        self.index.search(torch.nn.functional.normalize(states, dim=1).numpy(), 1)


def caches_for(ids: Ids) -> list[RowCache]:
    return [RowCache(256) for _ in ids]


def last_tokens(ids: Ids) -> Ids:
    return [row[-1:] for row in ids]


def joined(*parts: Ids) -> Ids:
    return [[token for part in rows for token in part] for rows in zip(*parts, strict=True)]


def reading_again(generator: Reader, encoder: Reader, search: Search, texts: Texts) -> None:
    """(a) with two models, (b) with one."""
    history = texts.questions
    for query, passage in zip(texts.queries, texts.passages, strict=True):
        caches = caches_for(history)
        generator.write(caches, generator.read(caches, history), query)
        search(encoder.read(caches_for(query), query))
        history = joined(history, query, passage)
    caches = caches_for(history)
    generator.write(caches, generator.read(caches, history), texts.answers)


def asked_directly(generator: Reader, encoder: Reader, search: Search, texts: Texts) -> None:
    """(a), (b) and (k) where the question is the query: it is encoded, and read by the generator with the passage."""
    [query], [passage] = texts.queries, texts.passages
    encoded = joined(texts.questions, query)
    search(encoder.read(caches_for(encoded), encoded))
    prompt = joined(texts.questions, passage)
    caches = caches_for(prompt)
    generator.write(caches, generator.read(caches, prompt), texts.answers)


def keeping_the_cache(reader: Reader, search: Search, texts: Texts) -> None:
    """(k): the query token is read with the passage, since its state is not needed before."""
    caches = caches_for(texts.questions)
    last = reader.read(caches, texts.questions)
    for query, passage in zip(texts.queries, texts.passages, strict=True):
        reader.write(caches, last, query)
        search(reader.read(caches_for(query), query))
        last = reader.read(caches, joined(last_tokens(query), passage))
    reader.write(caches, last, texts.answers)


def one_pass(reader: Reader, search: Search, texts: Texts) -> None:
    """(c)."""
    caches = caches_for(texts.questions)
    last = reader.read(caches, texts.questions)
    for query, passage in zip(texts.queries, texts.passages, strict=True):
        reader.write(caches, last, query)
        search(reader.read(caches, last_tokens(query)))
        last = reader.read(caches, passage)
    reader.write(caches, last, texts.answers)


WAYS = {"a": "pipeline", "b": "two passes", "k": "two passes, cache kept", "c": "elinker"}


class Bench:
    """The models of some ways, and the ways as functions of texts; `direct` has the question as the query."""

    def __init__(self, names: Sequence[str], *, direct: bool = False) -> None:
        self.one = Reader(0)
        self.other = Reader(1) if "a" in names else self.one
        self.search = Search(self.one.backbone.dim)
        ways: dict[str, Callable[[Texts], None]] = {
            "a": lambda texts: reading_again(self.one, self.other, self.search, texts),
            "b": lambda texts: reading_again(self.one, self.one, self.search, texts),
            "k": lambda texts: keeping_the_cache(self.one, self.search, texts),
            "c": lambda texts: one_pass(self.one, self.search, texts),
        }
        if direct:
            ways |= {
                "a": lambda texts: asked_directly(self.one, self.other, self.search, texts),
                "b": lambda texts: asked_directly(self.one, self.one, self.search, texts),
            }
        self.ways = {name: ways[name] for name in names}

    def measure(self, name: str, texts: Texts, batch: int) -> tuple[float, float]:
        """Seconds and tokens read a question."""
        parts = texts.batches(batch)
        self.one.tokens = self.other.tokens = 0
        start = time.perf_counter()
        with torch.inference_mode():
            for part in parts:
                self.ways[name](part)
        seconds = time.perf_counter() - start
        read = self.one.tokens + (self.other.tokens if self.other is not self.one else 0)
        return seconds / len(texts.questions), read / len(texts.questions)

    def compare(self, work: Workload, batch: int, runs: int) -> dict[str, dict[str, Any]]:
        """The ways in turns: for each its median seconds and its tokens, a question."""
        texts = Texts.of(work, self.one.model.config.vocab_size)
        rows: dict[str, dict[str, Any]] = {name: {"all_seconds": []} for name in self.ways}
        for _ in range(runs):
            for name, row in rows.items():
                seconds, row["forward_tokens"] = self.measure(name, texts, batch)
                row["all_seconds"].append(seconds)
        for row in rows.values():
            row["seconds"] = statistics.median(row["all_seconds"])
        return rows


def peak_memory(name: str, work: Workload) -> float:
    """Peak resident memory of a process that answers a batch in one way, in MB."""
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        return pool.apply(_peak, (name, work))


def _peak(name: str, work: Workload) -> float:
    torch.set_num_threads(1)  # a forked process has none of its parent's threads
    bench = Bench([name])
    bench.measure(name, Texts.of(work, bench.one.model.config.vocab_size), BATCH)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ratios(rows: dict[str, dict[str, Any]], key: str) -> dict[str, float]:
    return {name: rows["c"][key] / rows[name][key] for name in rows if name != "c"}


def table(result: dict[str, Any]) -> Table:
    work = result["workload"]
    shown = Table(title=f"{work['hops']} hops, a question; {work['questions']} at once")
    for column in ("way", "tokens read", "ms", "ms, one at a time", "peak MB", "tokens (c) / it", "time (c) / it"):
        shown.add_column(column, justify="left" if column == "way" else "right")
    for name, title in WAYS.items():
        row, alone = result["ways"][name], result["one_at_a_time"][name]
        shown.add_row(
            f"{name}  {title}",
            f"{row['forward_tokens']:.0f}",
            f"{1000 * row['seconds']:.0f}",
            f"{1000 * alone['seconds']:.0f}",
            f"{row['peak_memory_mb']:.0f}",
            f"{result['ways']['c']['forward_tokens'] / row['forward_tokens']:.2f}",
            f"{result['ways']['c']['seconds'] / row['seconds']:.2f}",
        )
    return shown


def growth_table(title: str, points: Sequence[dict[str, Any]], label: str) -> Table:
    shown = Table(title=title)
    names = list(points[0]["ways"])
    for column in (label, *(f"tokens {name}" for name in names), *(f"ms {name}" for name in names)):
        shown.add_column(column, justify="right")
    for point in points:
        ways = point["ways"]
        shown.add_row(
            str(point[label]),
            *(f"{ways[name]['forward_tokens']:.0f}" for name in names),
            *(f"{1000 * ways[name]['seconds']:.0f}" for name in names),
        )
    return shown


def plot(result: dict[str, Any], path: Path) -> None:
    """Tokens and time of the ways by hops and by length of the question."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    styles = {"a": ("#c55", "o-"), "b": ("#d90", "s--"), "k": ("#777", "^-"), "c": ("#2a7", "o-")}
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained")
    places = (("hops", "hops", "hops"), ("length", "question", "tokens of the question"))
    for row, (key, field, label) in enumerate(places):
        for column, (measure, unit) in enumerate((("forward_tokens", "tokens read"), ("seconds", "seconds"))):
            axis = axes[2 * row + column]
            for name in result["growth"][key][0]["ways"]:
                points = [(point[field], point["ways"][name][measure]) for point in result["growth"][key]]
                color, style = styles[name]
                axis.plot(*zip(*points, strict=True), style, color=color, label=f"{name} {WAYS[name]}", markersize=4)
            axis.set(xlabel=label, title=f"{unit} a question", ylim=(0, None))
    axes[0].legend()
    plt.rcParams["svg.hashsalt"] = "elinker"
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few questions and one run, under 45 seconds")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    runs = 1 if options.quick else options.runs
    console = Console(width=110)

    work = Workload(2 if options.quick else BATCH)
    few = replace(work, questions=1 if options.quick else 2)
    peaks = {name: peak_memory(name, few if options.quick else work) for name in WAYS}
    bench = Bench(list(WAYS))
    bench.compare(replace(work, questions=1), 1, 1)  # the first calls of a library are slow
    ways = bench.compare(work, BATCH, runs)
    alone = bench.compare(replace(work, questions=1 if options.quick else 2), 1, runs)
    for name, row in ways.items():
        row["peak_memory_mb"] = peaks[name]
    result: dict[str, Any] = {
        "summary": {
            "forward_tokens_vs_pipeline": ratios(ways, "forward_tokens")["a"],
            "time_vs_pipeline": ratios(ways, "seconds")["a"],
            "forward_tokens_vs_two_pass": ratios(ways, "forward_tokens")["b"],
            "time_vs_two_pass": ratios(ways, "seconds")["b"],
            "forward_tokens_vs_kept_cache": ratios(ways, "forward_tokens")["k"],
            "time_vs_kept_cache": ratios(ways, "seconds")["k"],
        },
        "workload": asdict(work),
        "batch": BATCH,
        "threads": torch.get_num_threads(),
        "ways": ways,
        "one_at_a_time": alone,
    }
    console.print(table(result))
    hops = (1, 2) if options.quick else range(1, 7)
    lengths = (16, 512) if options.quick else (16, 32, 64, 128, 256, 512, 1024)
    by_hops = [{"hops": n, "ways": bench.compare(replace(few, hops=n), BATCH, runs)} for n in hops]
    bench = Bench("abc", direct=True)
    direct = replace(few, hops=1, query=1)
    bench.compare(direct, BATCH, 1)
    by_length = [{"question": n, "ways": bench.compare(replace(direct, question=n), BATCH, runs)} for n in lengths]
    result["growth"] = {
        "hops": by_hops,
        "length": by_length,
    }
    console.print(growth_table("by hops", result["growth"]["hops"], "hops"))
    console.print(growth_table("by length of the question, one hop", result["growth"]["length"], "question"))
    if not options.quick:
        plot(result, ROOT / "docs" / "rag_one_pass.svg")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console.print(result["summary"])
    console.print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
