"""`elinker serve` under load: 64 clients that ask without pause, with batching and without, then each limit.

    python benchmarks/serve_load.py [--quick] [--seconds N] [--clients N] [--pipeline DIR]

Starts the real service on a free port of 127.0.0.1 and talks to nothing else. Every client sends one document at a
time and waits for its answer; the documents are sentences and news texts of kb/starter, one in ten of them several news
texts joined. Batching off is `--batch-characters 1`, each document alone, for a fifth of the time. Answers under load
are compared with those of a service that has nothing else to do. At the end a service with a token and small limits is
asked for everything that it must refuse. Documents a CPU second of the service compare where a machine is shared.
"""

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "serve_load.json"
MOST_REQUESTS = 500_000
COMPARED = 200
TOKEN = "a-token-of-the-benchmark"
JSON = {"Content-Type": "application/json"}


@dataclass
class Load:
    """What the clients saw."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    resident: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """Requests with the status 200."""
        return self.statuses["200"]


def texts(number: int, seed: int = 0) -> list[str]:
    """Six sentences, three news texts and one of four news texts joined in every ten, shuffled."""
    chance = random.Random(seed)
    sentences, news = (
        [json.loads(line)["text"] for line in (ROOT / "kb" / "starter" / name).open(encoding="utf-8")]
        for name in ("texts.jsonl", "newswire.jsonl")
    )
    kinds = (
        *(lambda: chance.choice(sentences),) * 6,
        *(lambda: chance.choice(news),) * 3,
        lambda: "\n\n".join(chance.sample(news, 4)),
    )
    return [chance.choice(kinds)() for _ in range(number)]


@contextmanager
def service(*options: str) -> Iterator[str]:
    """A service in a process of its own; its address."""
    command = [sys.executable, "-m", "elinker", "serve", "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, cwd=ROOT, stderr=log) as process:
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(120)


def _address(process: subprocess.Popen[bytes], log: Any) -> str:
    while process.poll() is None:
        log.seek(0)
        if found := re.search(r"ready on (http://127\.0\.0\.1:\d+)", log.read()):
            return found[1]
        time.sleep(0.1)
    log.seek(0)
    sys.exit(f"the service did not start:\n{log.read()}")


async def put_under_load(address: str, given: Sequence[str], clients: int, seconds: float) -> Load:
    """`clients` clients, each asking for a document at a time until the time is over."""
    load = Load()
    start = time.perf_counter()
    pending = iter(range(MOST_REQUESTS))

    async def client(http: httpx.AsyncClient) -> None:
        while time.perf_counter() - start < seconds:
            if (number := next(pending, None)) is None:
                return
            text = given[number % len(given)]
            sent = time.perf_counter()
            try:
                answer = await http.post("/annotate", json={"text": text, "keep_nil": True})
                status = str(answer.status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__
            load.latencies.append(time.perf_counter() - sent)
            load.statuses[status] += 1
            load.characters += len(text)
            if status == "200" and len(load.answers) < COMPARED:
                load.answers[text] = answer.json()

    async def watch(http: httpx.AsyncClient) -> None:
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            resident = samples((await http.get("/metrics")).text)["process_resident_memory_bytes"]
            load.resident.append(round(resident / 1e6))

    limits = httpx.Limits(max_connections=clients + 1, max_keepalive_connections=clients + 1)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=120) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)), watch(http))
    load.seconds = time.perf_counter() - start
    return load


def samples(page: str) -> dict[str, float]:
    """The samples of /metrics that have no labels."""
    lines = page.splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if re.match(r"\w+ ", line))}


def measure(address: str, given: Sequence[str], clients: int, seconds: float) -> tuple[dict[str, Any], Load]:
    """The figures of one run."""
    before = samples(httpx.get(f"{address}/metrics", timeout=60).text)
    load = asyncio.run(put_under_load(address, given, clients, seconds))
    after = samples(httpx.get(f"{address}/metrics", timeout=60).text)
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    cuts = statistics.quantiles(load.latencies, n=100, method="inclusive")
    number = len(load.latencies)
    return {
        "clients": clients,
        "seconds": round(load.seconds, 1),
        "requests": number,
        "statuses": dict(load.statuses),
        "errors": number - load.answered,
        "documents_per_second": round(load.answered / load.seconds, 1),
        "documents_per_cpu_second": round(load.answered / grown["process_cpu_seconds_total"], 1),
        "tokens_per_second": round(grown["elinker_tokens_total"] / load.seconds),
        "mean_characters": round(load.characters / number),
        "latency_ms": {
            **{f"p{cut}": round(1000 * cuts[cut - 1]) for cut in (50, 90, 95, 99)},
            "max": round(1000 * max(load.latencies)),
        },
        "mean_batch": round(grown["elinker_batch_jobs_sum"] / grown["elinker_batch_jobs_count"], 2),
        "resident_mb": load.resident,
    }, load


def different(address: str, answers: dict[str, Any]) -> int:
    """How many answers under load are not those that the service gives when it is asked alone."""
    with httpx.Client(base_url=address, timeout=120) as http:
        return sum(
            http.post("/annotate", json={"text": text, "keep_nil": True}).json() != answer
            for text, answer in answers.items()
        )


def probe(address: str, strict: str) -> list[tuple[str, int, int]]:
    """What is asked, the status that is expected, and the one that came: of the usual limits, then of small ones."""
    long = {"text": "Apple is in Berlin. " * 1_100}
    spans = [{"start": 0, "end": 5}]
    asked: list[tuple[str, int, Any]] = [
        ("body larger than the limit", 413, {"content": b"x" * 5_000_000, "headers": JSON}),
        ("the same without Content-Length", 413, {"content": _chunks(5_000_000), "headers": JSON}),
        ("text too long", 413, {"json": long}),
        ("too many documents", 413, {"json": {"documents": ["a"] * 257}}),
        ("too many spans", 413, {"path": "/disambiguate", "json": {"text": "Apple", "mentions": spans * 2_001}}),
        ("too many nested spans", 413, {"path": "/disambiguate", "json": {"text": "Apple", "mentions": spans * 17}}),
        ("span outside of the text", 422, {"path": "/disambiguate", "json": {"text": "App", "mentions": spans}}),
        ("malformed JSON", 400, {"content": b'{"text": ', "headers": JSON}),
        ("not UTF-8", 400, {"content": b'{"text": "\xff"}', "headers": JSON}),
        ("lone surrogate", 400, {"content": b'{"text": "\\ud800"}', "headers": JSON}),
        ("nested 100,000 deep", 400, {"content": b"[" * 100_000, "headers": JSON}),
        ("NUL in the text", 200, {"json": {"text": "a\0b"}}),
        ("missing field", 422, {"json": {}}),
        ("unknown field", 422, {"json": {"text": "a", "path": "/etc/passwd"}}),
        ("another content type", 415, {"content": b'{"text": "a"}', "headers": {"Content-Type": "text/plain"}}),
        ("compressed body", 415, {"content": b"", "headers": {**JSON, "Content-Encoding": "gzip"}}),
        ("unknown address", 404, {"method": "GET", "path": "/nothing"}),
        ("wrong method", 405, {"method": "GET"}),
        ("search for more than 100", 422, {"method": "GET", "path": "/search", "params": {"text": "a", "k": 101}}),
    ]
    rows = [(what, expected, asyncio.run(_status(address, request))) for what, expected, request in asked]
    rows.append(("no token", 401, httpx.get(f"{strict}/version").status_code))
    rows.append(("body that does not arrive in time", 408, _stalled(strict)))
    return rows + asyncio.run(_overloaded(strict))


async def _status(address: str, request: dict[str, Any]) -> int:
    request = {"method": "POST", "path": "/annotate", **request}
    method, path = request.pop("method"), request.pop("path")
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        return (await http.request(method, path, **request)).status_code


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 10_000):
        yield b"x" * 10_000


def _stalled(address: str) -> int:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /annotate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        return int(connection.recv(100).split()[1])


async def _overloaded(address: str) -> list[tuple[str, int, int]]:
    """Four requests that take longer than they may, and what one more gets meanwhile."""
    body = {"documents": ["Apple is in Berlin. " * 1_000]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as http:

        async def ask(documents: int) -> int:
            return (await http.post("/annotate", json={"documents": body["documents"] * documents})).status_code

        slow = asyncio.create_task(ask(4))
        await asyncio.sleep(0.3)
        rows = [("queue full", 503, await ask(4))]
        others = [asyncio.create_task(ask(1)) for _ in range(3)]
        await asyncio.sleep(0.2)
        rows.append(("too many requests at once", 503, await ask(1)))
        rows.append(("answer not ready in time", 504, await slow))
        await asyncio.gather(*others)
    return rows


def show(runs: dict[str, dict[str, Any]], rows: Sequence[tuple[str, int, int]], console: Console) -> None:
    table = Table("figure", *runs)
    for name in next(iter(runs.values())):
        table.add_row(name.replace("_", " "), *(str(run.get(name, "")).replace("'", "") for run in runs.values()))
    console.print(table)
    table = Table("request", "expected", "status")
    for what, expected, status in rows:
        table.add_row(what, str(expected), str(status) if status == expected else f"[red]{status}[/]")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="15 seconds")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--pipeline", default="en_starter")
    arguments = parser.parse_args()
    seconds = 15.0 if arguments.quick else arguments.seconds
    console = Console(width=110)
    before = os.getloadavg()[0]
    console.print(f"load of the machine before: {before:.1f} on {os.cpu_count()} cores")
    given = texts(5_000)
    pipeline = ("--pipeline", arguments.pipeline)
    runs: dict[str, dict[str, Any]] = {}
    with service(*pipeline) as address:
        runs["batching"], load = measure(address, given, arguments.clients, seconds)
        runs["batching"]["answers_compared"] = len(load.answers)
        runs["batching"]["answers_different"] = different(address, load.answers)
        runs["one client"], _ = measure(address, given, 1, max(10.0, seconds / 10))
    with service(*pipeline, "--batch-characters", "1") as address:
        runs["batching off"], _ = measure(address, given, arguments.clients, max(10.0, seconds / 5))
    with tempfile.TemporaryDirectory() as directory:
        token = Path(directory) / "token"
        token.write_text(TOKEN)
        small = ("--max-queue", "4", "--max-documents", "4", "--max-requests", "4", "--timeout", "2")
        with service(*pipeline) as usual, service(*pipeline, *small, "--token-file", str(token)) as strict:
            rows = probe(usual, strict)
    gain = {
        per: round(runs["batching"][per] / runs["batching off"][per], 2)
        for per in ("documents_per_second", "documents_per_cpu_second")
    }
    show(runs, rows, console)
    console.print(f"gain of batching: {gain}")
    wrong = [row for row in rows if row[1] != row[2]]
    result = {
        "runs": runs,
        "gain": gain,
        "limits": [dict(zip(("request", "expected", "status"), row, strict=True)) for row in rows],
        "load_before": round(before, 1),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    errors = sum(run["errors"] for run in runs.values()) + runs["batching"]["answers_different"]
    sys.exit(1 if errors or wrong else 0)


if __name__ == "__main__":
    main()
