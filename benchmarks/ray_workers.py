"""One corpus linked by this process, by one worker of Ray and by two, and by two of which one is killed: rates, bytes.

    python benchmarks/ray_workers.py [--quick] [--documents N] [--rounds N]

The documents are texts of the newswire kind that the starter was trained on, in shards of 10. Everybody links the same
shards with the starter and one thread a process; the ways take turns, and the median of their rates is given. Rates
count from the moment when all models are loaded, which is measured beside it. A digest of all results says whether they
are the same. In the last run a worker is killed (SIGKILL) after a third of the shards. When two workers link, /proc
tells how much of the base is in the memory of each, and how much of that is shared. It also tells the processor time of
those who link: other programs of the machine change it less than they change the rates.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from elinker.cluster.engine import RayEngine
from elinker.cluster.session import ClusterSettings, connected
from elinker.corpus import Located
from elinker.corpus.formats.jsonl import encode
from elinker.corpus.records import BadRecord
from elinker.corpus.runs.engine import Engine, LinkedShard, LocalEngine, Shard
from elinker.schema import Document

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "ray_workers.json"
TEXTS = ROOT / "kb" / "starter" / "newswire.jsonl"
SHARD = 10

err = Console(stderr=True)


def make_shards(documents: int) -> list[Shard]:
    with TEXTS.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    records = [
        Located(Document(f"n{number}", text), TEXTS.name, number)
        for number, text in enumerate(islice(cycle(texts), documents))
    ]
    return [Shard(start // SHARD, tuple(records[start : start + SHARD])) for start in range(0, documents, SHARD)]


def load(pids: str) -> Any:
    """The starter, with one thread; the process leaves its number in a folder."""
    import torch

    import elinker

    torch.set_num_threads(1)
    linker = elinker.load()
    (Path(pids) / str(os.getpid())).touch()
    return linker


def run(engine: Engine, shards: list[Shard], on_shard: Callable[[int], None]) -> tuple[str, float]:
    """Link all shards; a digest of what came out, and seconds."""
    digest = hashlib.sha256()
    start = time.perf_counter()
    for number, linked in enumerate(engine.run(iter(shards))):
        for line in lines(linked):
            digest.update(line)
        on_shard(number)
    return digest.hexdigest(), time.perf_counter() - start


def lines(linked: LinkedShard) -> Iterator[bytes]:
    for record in linked.records:
        yield encode(record.to_json() if isinstance(record, BadRecord) else record.document.to_json()) + b"\n"


def wait_for(pids: Path, number: int) -> None:
    while len(list(pids.iterdir())) < number:
        time.sleep(0.05)


def processor_seconds(pids: Path) -> float:
    """Time that the processes of a folder have computed; those that are gone count nothing."""
    ticks = 0
    for path in pids.iterdir():
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{path.name}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def base_in_memory(pid: int) -> dict[str, int]:
    """Kilobytes of the base's mapped files in a process: resident, its share of them, and changed by itself."""
    text = Path(f"/proc/{pid}/smaps").read_text()
    found = {"Rss": 0, "Pss": 0, "Private_Dirty": 0}
    inside = False
    for line in text.splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = "/onegen_linker/kb/" in line
        elif inside and (name := line.split(":")[0]) in found:
            found[name] += int(line.split()[1])
    return {name.lower() + "_kb": value for name, value in found.items()}


def measure(workers: int, shards: list[Shard], *, kill: bool = False) -> dict[str, Any]:
    """One way once; 0 workers are this process."""
    with tempfile.TemporaryDirectory() as folder:
        pids = Path(folder)
        memory: list[dict[str, int]] = []

        def on_shard(number: int) -> None:
            if workers == 2 and number == len(shards) // 3:
                memory.extend(base_in_memory(int(path.name)) for path in pids.iterdir())
                if kill:
                    os.kill(int(next(pids.iterdir()).name), signal.SIGKILL)

        start = time.perf_counter()
        settings = ClusterSettings(workers=max(1, workers))
        with connected(settings) if workers else nullcontext():
            cluster = RayEngine(partial(load, folder), settings, keep_nil=True) if workers else None
            with cluster or nullcontext():
                engine: Engine = cluster or LocalEngine(load(folder), keep_nil=True)
                wait_for(pids, max(1, workers))
                loaded = time.perf_counter() - start
                before = processor_seconds(pids)
                digest, seconds = run(engine, shards, on_shard)
                computed = processor_seconds(pids) - before
        lost = len(list(pids.iterdir())) - max(1, workers) if kill else 0
    return {
        "digest": digest,
        "seconds": seconds,
        "processor_seconds": None if kill else computed,
        "loading_seconds": loaded,
        "base": memory,
        "replaced": lost,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few documents, one round; nothing is written")
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    documents, rounds = (60, 1) if given.quick else (given.documents, given.rounds)
    shards = make_shards(documents)
    measured: dict[int, list[dict[str, Any]]] = {0: [], 1: [], 2: []}
    for number in range(rounds):
        for workers, runs in measured.items():
            err.print(f"round {number + 1} of {rounds}: {name_of(workers)}")
            runs.append(measure(workers, shards))
    err.print("two workers, one of them killed")
    killed = measure(2, shards, kill=True)
    result = summary(documents, measured, killed)
    show(result)
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if not result["identical"] or killed["replaced"] != 1:
        raise SystemExit("the results differ, or no worker was replaced")


def name_of(workers: int) -> str:
    return ("this process", "1 worker", "2 workers")[workers]


def summary(documents: int, measured: dict[int, list[dict[str, Any]]], killed: dict[str, Any]) -> dict[str, Any]:
    rates = {workers: [documents / run["seconds"] for run in runs] for workers, runs in measured.items()}
    local = statistics.median(rates[0])
    digests = {run["digest"] for runs in measured.values() for run in runs} | {killed["digest"]}
    rows = [
        {
            "who": name_of(workers),
            "documents_per_second": round(statistics.median(rates[workers]), 2),
            "all_rounds": [round(rate, 2) for rate in rates[workers]],
            "ratio": round(statistics.median(rates[workers]) / local, 2),
            "processor_seconds_per_document": round(
                statistics.median(run["processor_seconds"] for run in runs) / documents, 3
            ),
            "seconds_until_loaded": round(statistics.median(run["loading_seconds"] for run in runs), 1),
        }
        for workers, runs in measured.items()
    ]
    rate = documents / killed["seconds"]
    rows.append(
        {
            "who": "2 workers, one killed",
            "documents_per_second": round(rate, 2),
            "all_rounds": [round(rate, 2)],
            "ratio": round(rate / local, 2),
            "seconds_until_loaded": round(killed["loading_seconds"], 1),
        }
    )
    return {
        "documents": documents,
        "shard_documents": SHARD,
        "identical": len(digests) == 1,
        "sha256_of_results": sorted(digests),
        "workers_replaced": killed["replaced"],
        "base_files_in_each_of_two_workers": measured[2][-1]["base"],
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "ways": rows,
    }


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['documents']} documents in shards of {result['shard_documents']}")
    for column in ("who", "documents/s", "ratio", "processor seconds a document", "seconds until loaded"):
        table.add_column(column, justify="left" if column == "who" else "right")
    for row in result["ways"]:
        table.add_row(
            row["who"],
            f"{row['documents_per_second']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row.get('processor_seconds_per_document', '')}",
            f"{row['seconds_until_loaded']:.1f}",
        )
    console = Console()
    console.print(table)
    console.print_json(json.dumps({name: value for name, value in result.items() if name != "ways"}))


if __name__ == "__main__":
    main()
