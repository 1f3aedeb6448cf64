"""What importing costs: `elinker kb import wikidata` on generated dumps, and the other kinds on files of theirs.

    python benchmarks/wikidata_import.py [--quick]

The dump flows through a pipe from a generator (`wikidata_dump.py`) into the command, so that nothing large is stored;
compressed ones are written to a temporary directory first. Memory is the command's peak, the rate is entities read per
second of the command's own CPU time, which a busy machine changes little, and per second by the clock.

A child's peak counts what its parent had in memory when it was started, so this script imports elinker last.
"""

import argparse
import bz2
import gzip
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from wikidata_dump import dump

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "wikidata_import.json"
MEGABYTE = 1_000_000
ARTICLE = "It is the measure of something that was found long ago in a place by a lake and is still used today. " * 12


def kilt_lines(size: int) -> Iterator[bytes]:
    """Articles of about 6 KB, the mean of KILT's knowledge source (37 GB, 5.9 million)."""
    record = {
        "_id": "@@",
        "wikipedia_id": "@@",
        "wikipedia_title": "Article @@",
        "text": ["Article @@\n", *[ARTICLE + "\n"] * 4],
        "anchors": [],
        "wikidata_info": {"wikidata_id": "Q@@", "wikidata_label": "article @@", "aliases": ["a @@", "b @@"]},
    }
    return numbered(record, size)


def blink_lines(size: int) -> Iterator[bytes]:
    """Articles of about 1 KB, as in BLINK's entity.jsonl."""
    title = "Article @@"
    idx = "https://en.wikipedia.org/wiki?curid=@@"
    return numbered({"text": ARTICLE[:900], "idx": idx, "title": title, "entity": title}, size)


def refined_lines(size: int) -> Iterator[bytes]:
    record = {"label": "name @@", "aliases": ["a @@"], "description": "one of many", "entity_types": ["Q5"]}
    return numbered(record | {"id": "A@@"}, size)


def numbered(record: dict[str, Any], size: int) -> Iterator[bytes]:
    template, written, number = json.dumps(record).encode() + b"\n", 0, 0
    while written < size:
        number += 1
        line = template.replace(b"@@", b"%d" % number)
        written += len(line)
        yield line


def feed(path: Path, lines: Callable[[int], Iterator[bytes]], size: int) -> None:
    with path.open("wb") as pipe:
        for line in lines(size):
            pipe.write(line)


def measured(kind: str, source: Path, *options: str) -> dict[str, Any]:
    """Run the command on a source; its clock and CPU seconds, its peak memory, and what it wrote."""
    output = source.parent / "out.jsonl"
    command = [sys.executable, "-m", "elinker", "kb", "import", kind, str(source), "-o", str(output), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    child = os.posix_spawn(sys.executable, [*command, "--overwrite"], environment)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "written": sum(1 for _ in output.open("rb")),
    }


def piped(
    directory: Path, kind: str, lines: Callable[[int], Iterator[bytes]], size: int, *options: str
) -> dict[str, Any]:
    """The command reads from a pipe what another process generates."""
    pipe = directory / "pipe"
    os.mkfifo(pipe)
    process = multiprocessing.get_context("spawn").Process(target=feed, args=(pipe, lines, size))
    process.start()
    try:
        found = measured(kind, pipe, *options)
    finally:
        process.join()
        pipe.unlink()
    return {"kind": kind, "form": "plain", "options": " ".join(options), "mb": size / MEGABYTE} | found


def packed(directory: Path, opened: Callable[..., Any], suffix: str, size: int) -> dict[str, Any]:
    """The command reads a compressed dump from a file."""
    path = directory / f"dump.json.{suffix}"
    with opened(path, "wb", compresslevel=9) as file:
        for line in dump(size):
            file.write(line)
    found = measured("wikidata", path)
    shown = {"kind": "wikidata", "form": suffix, "options": "", "mb": size / MEGABYTE}
    return shown | {"packed_mb": path.stat().st_size / MEGABYTE} | found


def reader_rates(size: int) -> dict[str, float]:
    """Entities a second of CPU through the reader alone, with the standard library's parser and with orjson."""
    import orjson

    from elinker.kb.importers import records
    from elinker.kb.importers.wikidata import WikidataReader

    reader, lines, rates = WikidataReader(), [line.strip() for line in dump(size)], dict[str, float]()
    for parser, loads in (("json", json.loads), ("orjson", orjson.loads)):
        records._loads = loads
        start = time.process_time()
        for line in lines:
            reader(line)
        rates[parser] = len(lines) / (time.process_time() - start)
    return rates


def entities_in(lines: Callable[[int], Iterator[bytes]], size: int) -> int:
    return sum(1 for _ in lines(size)) - (2 if lines is dump else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small dumps, under 45 seconds")
    quick = parser.parse_args().quick
    small, large, archive, other = (20, 100, 10, 20) if quick else (200, 2000, 100, 400)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        runs: list[tuple[str, Callable[[int], Iterator[bytes]], int, tuple[str, ...]]] = [
            ("wikidata", dump, small, ()),
            ("wikidata", dump, large, ()),
            ("wikidata", dump, small, ("--wikipedia", "en")),
            ("kilt", kilt_lines, other, ()),
            ("blink", blink_lines, other, ()),
            ("refined", refined_lines, other // 10, ()),
        ]
        for kind, lines, megabytes, options in runs:
            row = piped(directory, kind, lines, megabytes * MEGABYTE, *options)
            rows.append(row | {"read": entities_in(lines, megabytes * MEGABYTE)})
        for suffix, opened in (("gz", gzip.open), ("bz2", bz2.open)):
            row = packed(directory, opened, suffix, archive * MEGABYTE)
            rows.append(row | {"read": entities_in(dump, archive * MEGABYTE)})
    rates = reader_rates(archive * MEGABYTE)
    report(rows, rates, quick)


def report(rows: list[dict[str, Any]], rates: dict[str, float], quick: bool) -> None:
    table = Table(title="elinker kb import")
    columns = ("kind", "form", "MB", "read", "written", "seconds", "CPU s", "MB/s CPU", "entities/s CPU", "peak MB")
    for column in columns:
        table.add_column(column, justify="left" if column in ("kind", "form") else "right")
    for row in rows:
        row["entities_per_cpu_second"] = row["read"] / row["cpu_seconds"]
        row["entities_per_second"] = row["read"] / row["seconds"]
        table.add_row(
            f"{row['kind']} {row['options']}".strip(),
            row["form"],
            f"{row['mb']:.0f}",
            f"{row['read']:,}",
            f"{row['written']:,}",
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['mb'] / row['cpu_seconds']:.0f}",
            f"{row['entities_per_cpu_second']:,.0f}",
            f"{row['peak_mb']:.0f}",
        )
    Console(width=130).print(table)
    Console().print(f"reader alone, entities/s CPU: json {rates['json']:,.0f}, orjson {rates['orjson']:,.0f}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    value = {
        "quick": quick,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "runs": rows,
        "reader_entities_per_cpu_second": rates,
    }
    RESULTS.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    Console().print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
