"""A large compressed corpus for ten minutes: is the memory flat, is the rate steady, is what is written a valid run?

    python benchmarks/long_run.py [--quick] [--gigabytes G] [--minutes M] [--corpus FILE] [--directory DIR]

Writes a .jsonl.gz of 2 GB (on the disk, that is compressed; about 5 GB of JSON lines): documents of three texts that
the starter was trained on, in ever other combinations, with an id each. `elinker annotate FILE -o OUT/ --shard-size
100 --log-json LOG` works at it for ten minutes while its resident memory is looked at every five seconds, and is then
interrupted (SIGINT) as by Ctrl-C. What it wrote is checked: checksums of the journal, every document once and in order,
no temporary file; then --resume goes on for two more shards, and the first ones must be as they were. The corpus can
be kept with --corpus for another try. The full run writes docs/long_run.svg.
"""

import argparse
import gzip
import hashlib
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from elinker.corpus.runs.journal import JOURNAL, Entry, read_entries

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "long_run.json"
PLOT = ROOT / "docs" / "long_run.svg"
TEXTS = ROOT / "kb" / "starter" / "texts.jsonl"
SHARD = 100
EVERY = 5.0
"""Seconds between two looks at the memory."""
SETTLED = 60.0
"""Seconds until the model is loaded and at work; rates are taken of what follows."""

err = Console(stderr=True)


def make_corpus(path: Path, size: int) -> None:
    """Write documents until the file has `size` bytes."""
    with TEXTS.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    choices = random.Random(0)
    number = 0
    with path.open("wb") as disk, gzip.open(disk, "wb", compresslevel=1) as stream:
        while disk.tell() < size:
            for _ in range(1000):
                text = "\n".join(choices.choices(texts, k=3))
                line = json.dumps({"id": f"w{number}", "text": text}, ensure_ascii=False)
                stream.write(line.encode("utf-8") + b"\n")
                number += 1


def start(corpus: Path, output: Path, log: Path) -> "subprocess.Popen[bytes]":
    arguments = [str(corpus), "-o", f"{output}/", "--shard-size", str(SHARD), "--log-json", str(log), "--resume"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "elinker", "annotate", *arguments]
    # A shell that starts this in the background lets Ctrl-C be ignored, and the child would inherit it.
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, preexec_fn=heed_interrupts)


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop(process: "subprocess.Popen[bytes]") -> str:
    """Interrupt a run and say what it said."""
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode != 128 + signal.SIGINT:
        raise SystemExit(f"the run ended with {process.returncode}: {errors.decode()}")
    return " ".join(errors.decode().split())


def entries(output: Path) -> dict[int, Entry]:
    journal = output / JOURNAL
    return read_entries(journal.read_bytes()) if journal.exists() else {}


def watch(process: "subprocess.Popen[bytes]", output: Path, done: Callable[[float], bool]) -> list[dict[str, Any]]:
    """Memory and finished documents every few seconds until it is done or ends of itself."""
    looked = psutil.Process(process.pid)
    begun = time.perf_counter()
    samples = []
    while process.poll() is None and not done(time.perf_counter() - begun):
        finished = entries(output).values()
        samples.append(
            {
                "seconds": round(time.perf_counter() - begun, 1),
                "resident_bytes": looked.memory_info().rss,
                "documents": sum(entry.documents for entry in finished),
                "tokens": sum(entry.tokens for entry in finished),
                "machine_load": round(os.getloadavg()[0], 2),
            }
        )
        time.sleep(EVERY)
    return samples


def check(output: Path) -> None:
    """Hold what is written against the journal, and the ids against those of the corpus."""
    written = entries(output)
    assert list(written) == list(range(len(written))), "the finished shards are not the first ones"
    for entry in written.values():
        for file in entry.files:
            assert hashlib.sha256((output / file.name).read_bytes()).hexdigest() == file.sha256, file.name
    ids = [json.loads(line)["id"] for path in sorted(output.glob("part-*.jsonl")) for line in path.open("rb")]
    assert ids == [f"w{number}" for number in range(len(written) * SHARD)], "a document is missing or there twice"
    assert not list(output.glob(".*.part")), "a temporary file was left behind"


def settled(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The samples of the time in which nothing but the work goes on."""
    limit = min(SETTLED, samples[-1]["seconds"] / 2)
    return [sample for sample in samples if sample["seconds"] >= limit]


def measures(samples: list[dict[str, Any]]) -> dict[str, Any]:
    later = settled(samples)
    memory = [sample["resident_bytes"] / 2**20 for sample in later]
    rates = rates_by_minute(later)
    return {
        "documents": samples[-1]["documents"],
        "tokens": samples[-1]["tokens"],
        "documents_per_second": round(_rate(later[0], later[-1], "documents"), 1),
        "tokens_per_second": round(_rate(later[0], later[-1], "tokens")),
        "slowest_and_fastest_minute": [round(min(rates), 1), round(max(rates), 1)] if rates else None,
        "resident_mib_after_settling": [round(min(memory), 1), round(max(memory), 1)],
        "resident_mib_a_minute_first_half": round(_slope(samples[: len(samples) // 2]), 1),
        "resident_mib_a_minute_second_half": round(_slope(samples[len(samples) // 2 :]), 1),
        "machine_load": round(statistics.mean(sample["machine_load"] for sample in later), 1),
    }


def rates_by_minute(samples: list[dict[str, Any]]) -> list[float]:
    """Documents a second in each whole minute."""
    step = round(60 / EVERY)
    return [_rate(samples[place], samples[place + step], "documents") for place in range(0, len(samples) - step, step)]


def _slope(samples: list[dict[str, Any]]) -> float:
    """Mebibytes a minute, by least squares, without the time in which the model is loaded."""
    chosen = [sample for sample in samples if sample["documents"]]
    if len(chosen) < 3:
        return 0.0
    minutes = [sample["seconds"] / 60 for sample in chosen]
    return statistics.linear_regression(minutes, [sample["resident_bytes"] / 2**20 for sample in chosen]).slope


def _rate(first: dict[str, Any], last: dict[str, Any], what: str) -> float:
    seconds = last["seconds"] - first["seconds"]
    return (last[what] - first[what]) / seconds if seconds else 0.0


def plot(samples: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, (memory, rate) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    minutes = [sample["seconds"] / 60 for sample in samples]
    memory.plot(minutes, [sample["resident_bytes"] / 2**20 for sample in samples], color="#27a")
    memory.set(title="resident memory, MiB", xlabel="minutes", ylim=(0, None))
    step = round(120 / EVERY)  # long enough that it does not count whether a shard more ended in it
    pairs = list(zip(samples, samples[step:], strict=False))
    rate.plot(
        [(first["seconds"] + last["seconds"]) / 120 for first, last in pairs],
        [_rate(first, last, "tokens") for first, last in pairs],
        color="#2a7",
    )
    rate.set(title="source tokens a second, over two minutes", xlabel="minutes", ylim=(0, None))
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 MB, half a minute; nothing is stored")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the compressed file")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--corpus", type=Path, help="use this file; it is made where it is not there, and kept")
    parser.add_argument("--directory", type=Path, help="where to work; a temporary place without it")
    given = parser.parse_args()
    gigabytes, minutes = (0.005, 0.5) if given.quick else (given.gigabytes, given.minutes)
    with tempfile.TemporaryDirectory(dir=given.directory) as place:
        corpus = given.corpus or Path(place) / "corpus.jsonl.gz"
        output, log = Path(place) / "out", Path(place) / "log.jsonl"
        if not corpus.exists():
            err.print(f"writing {corpus}")
            make_corpus(corpus, round(gigabytes * 10**9))
        err.print(f"{corpus.stat().st_size / 10**9:.3f} GB for {minutes} minutes")
        process = start(corpus, output, log)
        samples = watch(process, output, lambda seconds: seconds >= minutes * 60)
        said = stop(process)
        check(output)
        finished = len(entries(output))
        err.print(f"{said}\nvalid: {finished} shards; going on with two more")
        process = start(corpus, output, log)
        watch(process, output, lambda _: len(entries(output)) >= finished + 2)
        stop(process)
        check(output)
        result = {
            "corpus_bytes": corpus.stat().st_size,
            "minutes": minutes,
            "shard_documents": SHARD,
            **measures(samples),
            "shards_before_and_after_resuming": [finished, len(entries(output))],
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        }
    Console().print_json(json.dumps(result))
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({**result, "samples": samples}, indent=2) + "\n", encoding="utf-8")
        plot(samples, PLOT)


if __name__ == "__main__":
    main()
