"""A run that is killed at random moments again and again, beside one that is left alone: is the output the same?

    python benchmarks/resume_kills.py [--quick] [--documents N] [--kills N] [--seed N] [--directory DIR]

20,000 short documents, beginnings of the texts that the starter was trained on, with an id and a number of their own,
and a broken line after every 97 of them. `elinker annotate` first runs through. Then the same command with --resume is
started and killed (SIGKILL) 20 times, after a time drawn from zero to what lets the run go on by a twentieth or so, be
it while the model is loaded, while a shard is linked or while one is written; the 21st call is left alone. Compared
are the bytes of all parts, documents and bad ones, and the ids: each once, in order.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from elinker.corpus.runs.journal import JOURNAL, read_entries

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "resume_kills.json"
TEXTS = ROOT / "kb" / "starter" / "texts.jsonl"
LENGTH = 45
"""Characters of a document, up to the end of a word."""
BROKEN_EVERY = 97
SHARD = 100

err = Console(stderr=True)


def make_corpus(path: Path, number: int) -> list[str]:
    """Write the documents; their ids."""
    with TEXTS.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    ids = []
    with path.open("w", encoding="utf-8") as file:
        for place, text in enumerate(islice(cycle(texts), number)):
            short = text[:LENGTH].rsplit(" ", 1)[0]
            ids.append(f"k{place}")
            file.write(json.dumps({"id": ids[-1], "text": f"{short} ({place})"}, ensure_ascii=False) + "\n")
            if place % BROKEN_EVERY == BROKEN_EVERY - 1:
                file.write('{"id": "torn", "te\n')
    return ids


def start(corpus: Path, output: Path) -> "subprocess.Popen[bytes]":
    arguments = ["annotate", str(corpus), "-o", f"{output}/", "--resume", "--shard-size", str(SHARD), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "elinker", *arguments], env=environment, stderr=subprocess.PIPE)


def wait(process: "subprocess.Popen[bytes]") -> None:
    _, errors = process.communicate()
    if process.returncode != 1:  # broken lines were listed
        raise SystemExit(f"the run ended with {process.returncode}: {errors.decode()}")


def shards(output: Path) -> int:
    journal = output / JOURNAL
    return len(read_entries(journal.read_bytes())) if journal.exists() else 0


def run_through(corpus: Path, output: Path) -> tuple[float, float]:
    """Seconds until the first shard was linked and written, and until the end."""
    begun = time.perf_counter()
    process = start(corpus, output)
    while shards(output) == 0 and process.poll() is None:
        time.sleep(0.05)
    first = time.perf_counter() - begun
    wait(process)
    return first, time.perf_counter() - begun


def run_with_kills(corpus: Path, output: Path, kills: int, longest: float, seed: int) -> list[dict[str, Any]]:
    moments = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(1, kills + 1):
        before = shards(output)
        process = start(corpus, output)
        moment = moments.uniform(0, longest)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        rows.append(
            {
                "kill": number,
                "seconds": round(moment, 2),
                "killed": process.returncode == -signal.SIGKILL,
                "begun": (output / "run.json").exists(),
                "shards_before": before,
                "shards_after": shards(output),
                "temporary_files": len(list(output.glob(".*.part"))),
            }
        )
        err.print(f"kill {number}/{kills}: {rows[-1]['shards_after']} shards", highlight=False)
    process = start(corpus, output)
    wait(process)
    return rows


def digest(output: Path, pattern: str) -> str:
    """SHA-256 of the files of a pattern one after the other, names included."""
    total = hashlib.sha256()
    for path in sorted(output.glob(pattern)):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def ids_in(output: Path) -> list[str]:
    parts = (path for path in sorted(output.glob("part-*.jsonl")) if not path.name.endswith(".errors.jsonl"))
    return [json.loads(line)["id"] for part in parts for line in part.read_bytes().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="800 documents, 4 kills, nothing is stored")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--directory", type=Path, help="where to work; a temporary place without it")
    given = parser.parse_args()
    number, kills = (800, 4) if given.quick else (given.documents, given.kills)
    with tempfile.TemporaryDirectory(dir=given.directory) as place:
        corpus, whole, pieces = (Path(place) / name for name in ("corpus.jsonl", "whole", "pieces"))
        ids = make_corpus(corpus, number)
        err.print(f"{number:,} documents without a kill")
        first, seconds = run_through(corpus, whole)
        begun = time.perf_counter()
        rows = run_with_kills(corpus, pieces, kills, first + 1.5 * (seconds - first) / kills, given.seed)
        result = {
            "documents": number,
            "broken_lines": number // BROKEN_EVERY,
            "shards": shards(whole),
            "kills": sum(row["killed"] for row in rows),
            "identical_documents": digest(whole, "part-*") == digest(pieces, "part-*"),
            "each_id_once_in_order": ids_in(pieces) == ids,
            "left_behind": [path.name for path in pieces.glob(".*.part")],
            "sha256_of_parts": digest(pieces, "part-*"),
            "seconds_without_kills": round(seconds, 1),
            "seconds_until_first_shard": round(first, 1),
            "seconds_with_kills": round(time.perf_counter() - begun, 1),
            "seed": given.seed,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "calls": rows,
        }
    show(result)
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if not result["identical_documents"] or not result["each_id_once_in_order"]:
        raise SystemExit("the outputs differ")


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['documents']:,} documents in {result['shards']} shards")
    for column in ("kill", "after seconds", "shards before", "shards after", "temporary files left"):
        table.add_column(column, justify="right")
    for row in result["calls"]:
        after = str(row["shards_after"]) if row["begun"] else "not begun"
        table.add_row(
            str(row["kill"]), f"{row['seconds']:.1f}", str(row["shards_before"]), after, str(row["temporary_files"])
        )
    Console().print(table)
    verdict = {name: value for name, value in result.items() if name != "calls"}
    Console().print_json(json.dumps(verdict))


if __name__ == "__main__":
    main()
