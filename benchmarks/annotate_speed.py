"""What annotation costs: ours beside generation as the reference code works, and beside the floor.

Same model, same windows, same machine, one run; the ways take turns, so that a machine that slows down slows all.

    python benchmarks/annotate_speed.py [--quick] [--pipeline DIR] [--texts FOLDER] [--runs N]

a  token by token through `transformers.generate`, a logits processor for the grammar, hidden states of all layers
   kept, one window at a time
b  the same in batches
c  two models' worth: (a)'s generation without query tokens in batches, then an encoder pass over each mention's window
d  elinker: drafted and verified
e  the floor: one teacher-forced pass over the finished sequences, in batches

(a) and (c) take every fourth window. All ways multiply in bf16 where (d) does. `identical` compares (d) with decoding
token by token in float32. The texts are benchmark files in ELEVANT's format; where they are not at hand, some that the
starter was trained on. The full run also measures how cost grows, the end-to-end rate and the start, and draws
docs/annotate_speed.svg.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from generation import batched, one_at_a_time, teacher_forced, two_models
from rich.console import Console
from rich.table import Table

import elinker
from elinker.corpus.formats.jsonl import JsonlWriter
from elinker.labelled import read_labelled
from elinker.linking.windows import split_windows
from elinker.onegen.decoding import Marking, decode
from elinker.onegen.drafting import Capitalised, Draft, Drafter, PlainCopy, SpansOfTexts
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.onegen.shares import in_shares
from elinker.onegen.source import Source
from elinker.schema import Document

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "annotate_speed.json"
BENCHMARKS = Path(os.environ.get("ELINKER_BENCHMARKS") or ROOT / "../shared/data/benchmarks")
SPEED_ONLY = "aida-conll-test.benchmark.jsonl"
"""Its publishers masked function words, so it is a workload, not a test of quality."""
BATCH = 32


class Meter:
    """Counts rows and tokens that a model reads, padding included."""

    def __init__(self, onegen: OneGen) -> None:
        self.rows = self.tokens = 0
        self._counting = threading.Lock()
        onegen.model.base_model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        ids = arguments[0] if arguments else keywords["input_ids"]
        with self._counting:
            self.rows += len(keywords["rows"].counts) if "rows" in keywords else ids.shape[0]
            self.tokens += ids.numel()

    def measure(self, work: Callable[[], Any]) -> tuple[Any, float, int, int]:
        """What the work gives, its seconds, rows and tokens."""
        self.rows = self.tokens = 0
        start = time.perf_counter()
        result = work()
        return result, time.perf_counter() - start, self.rows, self.tokens


def windows_of(onegen: OneGen, documents: Sequence[Document]) -> list[Source]:
    sources = [onegen.source(document.text) for document in documents]
    return [s.slice(w.start, w.end) for s in sources for w in split_windows(s, onegen.layout.window)]


def every(items: Sequence[Any], number: int) -> list[Any]:
    """At most `number` of the items, evenly spread."""
    return [items[place * len(items) // number] for place in range(min(number, len(items)))]


def by_token(onegen: OneGen, sources: Sequence[Source]) -> list[Marking]:
    """Token-by-token decoding in float32, in batches of like length."""
    order = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
    found: dict[int, Marking] = {}
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            chosen = [sources[number] for number in batch]
            found.update(zip(batch, decode(chosen, onegen.layout, onegen.backbone), strict=True))
    return [found[number] for number in range(len(sources))]


def compare(
    onegen: OneGen, meter: Meter, sources: Sequence[Source], wanted: list[Marking], runs: int
) -> dict[str, Any]:
    """The five ways in turns: for each its row of figures."""
    few = sources[::4]
    ways: dict[str, tuple[Sequence[Source], Callable[[], Any]]] = {
        "a": (few, lambda: one_at_a_time(onegen, few, BATCH)),
        "b": (sources, lambda: batched(onegen, sources, BATCH)),
        "c": (few, lambda: two_models(onegen, few, BATCH)),
        "d": (sources, lambda: onegen.mark(sources, batch_size=BATCH)),
        "e": (sources, lambda: floor(onegen, sources, wanted)),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    rows: dict[str, Any] = {}
    for _ in range(runs):
        for way, (read, work) in ways.items():
            reset_peak()
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=onegen.mixed):
                _, taken, passes, forward = meter.measure(work)
            seconds[way].append(taken)
            rows[way] = {
                "windows": len(read),
                "tokens": sum(map(len, read)),
                "passes_per_window": passes / len(read),
                "forward_tokens_per_window": forward / len(read),
                "peak_memory_mb": peak(),
            }
    for way, row in rows.items():
        row["all_seconds"] = seconds[way]
        row["tokens_per_second"] = row["tokens"] / statistics.median(seconds[way])
        row["windows_per_second"] = row["windows"] / statistics.median(seconds[way])
    for row in rows.values():
        row["throughput_vs_a"] = row["tokens_per_second"] / rows["a"]["tokens_per_second"]
        row["time_vs_floor"] = rows["e"]["tokens_per_second"] / row["tokens_per_second"]
    return rows


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5") if Path("/proc/self/clear_refs").exists() else None


def peak() -> float:
    """Peak resident memory since `reset_peak`, in MB; since the start where the system cannot say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


class Recorded:
    """A drafter that remembers the mentions of its first drafts."""

    def __init__(self, drafter: Drafter, layout: Layout) -> None:
        self.drafter = drafter
        self.layout = layout
        self.reads_states = drafter.reads_states
        self.guesses: dict[int, list[tuple[int, int]]] = {}

    def __call__(self, source: Source, states: torch.Tensor | None) -> Draft:
        draft, state = self.drafter(source, states), self.layout.start(source)[0]
        while allowed := state.allowed():
            state.write(draft.wants(state, allowed))
        self.guesses[id(source)] = state.mentions
        return draft


def drafters(
    onegen: OneGen, meter: Meter, documents: Sequence[Document], sources: Sequence[Source]
) -> dict[str, dict[str, float]]:
    """For each first guess: windows whose draft stood, drafted mentions that stood, passes and tokens a window."""
    labels = {d.text: [(mention.start, mention.end) for mention in d.mentions] for d in documents}
    kinds: dict[str, Drafter] = {
        "draft head": onegen.drafter,
        "labels, as from a perfect tagger": SpansOfTexts(labels),
        "capitals": Capitalised(),
        "plain copy": PlainCopy(),
    }
    rows = {}
    for name, drafter in kinds.items():
        recorded = Recorded(drafter, onegen.layout)
        found, _, passes, tokens = meter.measure(lambda recorded=recorded: onegen.mark(sources, drafter=recorded))
        pairs = [(recorded.guesses[id(s)], list(m.mentions)) for s, m in zip(sources, found, strict=True)]
        drafted = sum(len(guessed) for guessed, _ in pairs)
        rows[name] = {
            "windows_accepted": sum(guessed == marked for guessed, marked in pairs) / len(pairs),
            "mentions_accepted": sum(len({*guessed} & {*marked}) for guessed, marked in pairs) / max(1, drafted),
            "passes_per_window": passes / len(sources),
            "forward_tokens_per_window": tokens / len(sources),
        }
    return rows


def growth(onegen: OneGen, sources: Sequence[Source], meter: Meter) -> dict[str, list[dict[str, float]]]:
    """Seconds and passes of (d) and seconds of (e) for 1 to 64 full windows, and for 0 to 40 mentions a window."""
    longest = sorted(sources, key=len)[-64:]
    by_length = [{"windows": count} | _cost(onegen, longest[-count:], meter) for count in (1, 2, 4, 8, 16, 32, 64)]
    by_mentions = []
    for names in range(6):
        sentence = " and ".join(("Paris", "London", "Berlin", "Madrid", "Rome")[:names]) or "the town"
        text = f"The talks on {sentence} went on today. " * 8
        by_mentions.append(_cost(onegen, [onegen.source(text)] * 16, meter))
    return {"length": by_length, "mentions": by_mentions}


def _cost(onegen: OneGen, sources: Sequence[Source], meter: Meter) -> dict[str, float]:
    runs = [meter.measure(lambda: onegen.mark(sources, batch_size=BATCH)) for _ in range(3)]
    marked, _, passes, _ = runs[0]
    floors = [meter.measure(lambda: floor(onegen, sources, marked)) for _ in range(3)]
    return {
        "seconds": min(run[1] for run in runs),
        "floor_seconds": min(run[1] for run in floors),
        "passes_per_window": passes / len(sources),
        "mentions_per_window": sum(len(marking.mentions) for marking in marked) / len(sources),
    }


def floor(onegen: OneGen, sources: Sequence[Source], markings: Sequence[Marking]) -> None:
    """One teacher-forced pass, shared out to threads as elinker's own work is."""

    def read(share: Sequence[tuple[Source, Marking]], _: Callable[[], bool]) -> Sequence[Any]:
        size = max(1, BATCH * len(share) // len(sources))  # as little padding as in one batch for all threads
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=onegen.mixed):
            teacher_forced(onegen, [source for source, _ in share], [marking for _, marking in share], size)
        return share

    in_shares(read, list(zip(sources, markings, strict=True)))


def filled(documents: Sequence[Document]) -> list[Document]:
    """The documents with a common word of the same length for every masked one, so that they read like texts again."""
    words = Counter(
        word
        for document in read_labelled(ROOT / "kb" / "starter" / "texts.jsonl")
        for word in re.findall(r"\b[a-z]+\b", document.text)
    )
    common: dict[int, list[str]] = {}
    for word, _ in words.most_common():
        if len(found := common.setdefault(len(word), [])) < 20:
            found.append(word)
    turns = {length: cycle(found) for length, found in common.items()}

    def fill(mask: re.Match[str]) -> str:
        length = len(mask.group())
        return next(turns[length]) if length in turns else mask.group()

    return [Document(document.id, re.sub(r"\*+", fill, document.text)) for document in documents]


def end_to_end(linker: elinker.Linker, documents: Sequence[Document]) -> dict[str, Any]:
    """Model, search and writing of documents, without the start."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with (Path(folder) / "out.jsonl").open("wb") as stream:
            writer, mentions = JsonlWriter(stream), 0
            for document in linker.pipe(documents):
                writer.write(document)
                mentions += len(document.mentions)
        seconds = time.perf_counter() - start
    tokens = sum(len(linker.onegen.source(document.text)) for document in documents)
    return {"documents": len(documents), "source_tokens": tokens, "mentions": mentions, "seconds": seconds}


def first_annotation() -> float:
    """Seconds from starting the command on a short text to its end, the better of two: files may be cold at first."""
    command = [sys.executable, "-m", "elinker", "annotate", "-"]
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        subprocess.run(command, input=b"Angela Merkel met Barack Obama.", capture_output=True, check=True, cwd=ROOT)
        taken.append(time.perf_counter() - start)
    return min(taken)


def table(rows: dict[str, Any], windows: int) -> Table:
    shown = Table(title=f"{windows} windows of up to {BATCH} at once")
    for column in ("way", "tokens/s", "windows/s", "passes", "tokens read", "peak MB", "times (a)", "time / (e)"):
        shown.add_column(column, justify="right")
    for way, row in rows.items():
        shown.add_row(
            way,
            f"{row['tokens_per_second']:.0f}",
            f"{row['windows_per_second']:.1f}",
            f"{row['passes_per_window']:.1f}",
            f"{row['forward_tokens_per_window']:.0f}",
            f"{row['peak_memory_mb']:.0f}",
            f"{row['throughput_vs_a']:.1f}",
            f"{row['time_vs_floor']:.2f}",
        )
    return shown


def draft_table(rows: dict[str, dict[str, float]]) -> Table:
    shown = Table(title="first drafts: shares that stood, and what a window took")
    for column in ("drafter", "windows", "mentions", "passes", "tokens read"):
        shown.add_column(column, justify="left" if column == "drafter" else "right")
    for name, row in rows.items():
        shown.add_row(
            name,
            f"{row['windows_accepted']:.0%}",
            f"{row['mentions_accepted']:.0%}",
            f"{row['passes_per_window']:.2f}",
            f"{row['forward_tokens_per_window']:.0f}",
        )
    return shown


def plot(result: dict[str, Any], path: Path) -> None:
    """Throughput of the five ways, and how the time of (d) and (e) grows."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, (bars, length, mentions) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    ways = result["ways"]
    bars.bar(list(ways), [row["tokens_per_second"] for row in ways.values()], color=["#999"] * 3 + ["#2a7", "#ccc"])
    bars.set(title="source tokens a second", xlabel="a–c generation, d elinker, e floor")
    for axis, key, label in ((length, "length", "windows"), (mentions, "mentions", "mentions_per_window")):
        points = result["growth"][key]
        axis.plot([p[label] for p in points], [p["seconds"] for p in points], "o-", color="#2a7", label="d elinker")
        axis.plot(
            [p[label] for p in points], [p["floor_seconds"] for p in points], "o--", color="#999", label="e floor"
        )
        axis.set(ylabel="seconds", ylim=(0, None))
        axis.legend()
    length.set(title="full windows", xlabel="windows")
    mentions.set(title="16 windows full of names", xlabel="mentions a window")
    figure.savefig(path, metadata={"Date": None})


def load_texts(folder: Path, number: int | None) -> list[list[Document]]:
    """Documents of each benchmark file, or of the starter's training texts where there are no such files."""
    paths = sorted(path for path in folder.glob("*.jsonl") if path.name != SPEED_ONLY)
    files = [list(read_labelled(path)) for path in paths or [ROOT / "kb" / "starter" / "newswire.jsonl"]]
    return [every(documents, number or len(documents)) for documents in files]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few texts and one run, under 45 seconds")
    parser.add_argument("--pipeline", default=None)
    parser.add_argument("--texts", type=Path, default=BENCHMARKS, help="folder of benchmark files")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    console = Console()

    linker = elinker.load(options.pipeline)
    onegen = linker.onegen
    meter = Meter(onegen)
    files = load_texts(options.texts, 8 if options.quick else None)
    documents = [document for file in files for document in file]
    sources = windows_of(onegen, documents)
    timed = every(sources, 24 if options.quick else 192)
    wanted = by_token(onegen, timed)
    ways = compare(onegen, meter, timed, wanted, 1 if options.quick else options.runs)
    console.print(table(ways, len(timed)))

    judged = timed if options.quick else sources
    expected = wanted if options.quick else by_token(onegen, sources)
    found, _, passes, _ = meter.measure(lambda: onegen.mark(judged, batch_size=BATCH))
    equal = sum(mine.mentions == theirs.mentions for mine, theirs in zip(found, expected, strict=True))
    console.print(f"{equal} of {len(judged)} windows identical to token-by-token decoding in float32")
    result: dict[str, Any] = {
        "summary": {
            "throughput_vs_reference": ways["d"]["throughput_vs_a"],
            "throughput_vs_batched": ways["d"]["tokens_per_second"] / ways["b"]["tokens_per_second"],
            "time_vs_floor": ways["d"]["time_vs_floor"],
            "passes_per_window": passes / len(judged),
            "identical": equal == len(judged),
        },
        "windows_identical": equal,
        "windows_judged": len(judged),
        "bf16": onegen.mixed,
        "ways": ways,
    }
    if not options.quick:
        result["drafters"] = drafters(onegen, meter, documents, sources)
        console.print(draft_table(result["drafters"]))
        result["growth"] = growth(onegen, sources, meter)
        if (options.texts / SPEED_ONLY).exists():
            masked = [Document(document.id, document.text) for document in read_labelled(options.texts / SPEED_ONLY)]
            for key, articles in (("end_to_end", filled(masked)), ("end_to_end_masked", masked)):
                turns = [end_to_end(linker, articles) for _ in range(options.runs)]
                seconds = [turn["seconds"] for turn in turns]
                result[key] = turns[0] | {"seconds": statistics.median(seconds), "all_seconds": seconds}
                console.print(f"AIDA test articles, {key}:", result[key])
        result["first_annotation_seconds"] = first_annotation()
        console.print(f"a short text by the command, start included: {result['first_annotation_seconds']:.1f} s")
        plot(result, ROOT / "docs" / "annotate_speed.svg")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console.print(result["summary"])
    console.print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
