"""A fuzz campaign over everything that reads bytes: mutated files of tests/fuzz/fuzz_targets.py, a process a target.

    python benchmarks/fuzz.py --minutes 8 --targets 'read-*' 'unpack*'

With atheris installed its coverage guides the mutations; without it they are drawn at random. A case that breaks a
promise is made smaller and stored under tests/fuzz/cases/TARGET/, where the tests replay it. A table is printed, and
`--results FILE` adds its rows to a JSON file.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests" / "fuzz"
SECONDS_A_CASE = 10
MEGABYTES_A_CASE = 1000
GRACE = 60


class HangError(BaseException):
    """A case took longer than it may; not an Exception, so that nobody takes it for a complaint about the file."""


def mutate(content: bytes, others: list[bytes], words: tuple[bytes, ...], random: random.Random) -> bytes:
    """A file that was changed in one to a few places."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        size = len(changed)
        at, length = random.randint(0, size), random.choice((1, 1, 2, 4, 8, 64, 500))
        kind = random.randrange(9)
        if kind == 0 and size:
            changed[at % size] ^= 1 << random.randrange(8)
        elif kind == 1 and size:
            changed[at % size] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        elif kind == 2:
            changed[at:at] = random.choice(words)
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            changed[at:at] = changed[at : at + length] * random.choice((1, 2, 20))
        elif kind == 5:
            other = random.choice(others)
            start = random.randint(0, len(other))
            changed[at : at + random.choice((0, length))] = other[start : start + 8 * length]
        elif kind == 6:
            del changed[at:]
        elif kind == 7:
            numbers = [match.span() for match in re.finditer(rb"-?\d+", changed)]
            if numbers:
                start, end = random.choice(numbers)
                number = random.choice((b"-1", b"0", b"1", b"99", b"4294967296", b"1.5", b'"1"', b"9" * 25, b"null"))
                changed[start:end] = number
        else:
            strings = [match.span() for match in re.finditer(rb'"[^"\\]{0,40}"|[\t\n][^\t\n]{1,40}', changed)]
            if strings:
                start, end = random.choice(strings)
                changed[start:end] = random.choice((b"null", b"1", b"[]", b"{}", b'""', b"\t", random.choice(words)))
    return bytes(changed[: 1 << 17])


class Worker:
    """Runs cases of one target, and stores those that break a promise."""

    def __init__(self, target: Any, cases: Path, work: Path) -> None:
        self.target, self.cases, self.work = target, cases, work
        self.executions = 0
        self.crashes: dict[str, str] = {}
        self.started = self.told = time.monotonic()

    def attempt(self, content: bytes) -> str | None:
        """Run a case; what went wrong, as a name for all that went wrong in the same place."""
        folder = self.work / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_A_CASE)
        try:
            self.target.run(content, folder)
        except (Exception, HangError) as error:
            return place_of(error)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        return f"memory: {grown} MB" if grown > MEGABYTES_A_CASE else None

    def run(self, content: bytes) -> None:
        """Run a case, and keep it where it is the first that goes wrong so."""
        (self.work / "current").write_bytes(content)
        problem = self.attempt(content)
        self.executions += 1
        if problem is not None and problem not in self.crashes:
            small = content if problem.startswith(("HangError", "memory")) else self._smaller(content, problem)
            self.crashes[problem] = store(self.cases, self.target.name, small)
        if time.monotonic() - self.told > 0.5:
            self.tell()

    def tell(self) -> None:
        """Write down how far it is; whoever started this process may have to do without it."""
        self.told = time.monotonic()
        state = {
            "executions": self.executions,
            "seconds": self.told - self.started,
            "crashes": self.crashes,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        temporary = self.work / "state.partial"
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self.work / "state.json")

    def _smaller(self, content: bytes, problem: str) -> bytes:
        step = len(content) // 2
        budget = 300
        while step and budget:
            at = 0
            while at < len(content) and budget:
                shorter = content[:at] + content[at + step :]
                budget -= 1
                if self.attempt(shorter) == problem:
                    content = shorter
                else:
                    at += step
            step //= 2
        return content


def place_of(error: BaseException) -> str:
    """The kind of an exception and the last line of elinker that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/elinker/" in frame.filename]
    frames = frames or list(traceback.extract_tb(error.__traceback__))
    last = frames[-1]
    message = re.sub(r"/[^ ]*/case", "case", " ".join(str(error).split()))[:120]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {re.sub('[0-9]+', '0', message)}"


def store(cases: Path, target: str, content: bytes) -> str:
    """Keep a case; its file's name."""
    folder = cases / target
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(content).hexdigest()[:12]}.bin"
    (folder / name).write_bytes(content)
    return name


def work(options: argparse.Namespace) -> None:
    """The process of one target."""
    sys.path.insert(0, str(TESTS))
    if options.engine == "atheris":
        import atheris

        with atheris.instrument_imports(include=["elinker"]):
            import fuzz_targets
    else:
        import fuzz_targets
    target = fuzz_targets.TARGETS[options.worker]
    folder = Path(options.work)
    worker = Worker(target, Path(options.cases), folder)
    signal.signal(signal.SIGVTALRM, _hang)
    seeds = fuzz_targets.seeds_of(target)
    stored = [file.read_bytes() for file in sorted((TESTS / "cases" / target.name).glob("*.bin"))]
    random_ = random.Random(options.seed)
    worker.started = time.monotonic()
    for seed in [*seeds, *stored]:
        worker.run(seed)
    if options.engine == "atheris":
        _guided(worker, seeds, fuzz_targets.WORDS, options.seconds, options.seed)
    while time.monotonic() - worker.started < options.seconds:
        worker.run(mutate(random_.choice(seeds), seeds, fuzz_targets.WORDS, random_))
    worker.tell()


def _hang(number: int, frame: Any) -> None:
    raise HangError(f"more than {SECONDS_A_CASE} s")


def _guided(worker: Worker, seeds: list[bytes], words: tuple[bytes, ...], seconds: float, seed: int) -> None:
    """libFuzzer with half of its mutations ours; it ends the process."""
    import atheris

    corpus = worker.work / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds):
        (corpus / str(number)).write_bytes(content)

    def mutated(content: bytes, longest: int, number: int) -> bytes:
        random_ = random.Random(number)
        if random_.random() < 0.5:
            return bytes(atheris.Mutate(content, longest))
        return mutate(content, seeds, words, random_)[:longest]

    flags = [f"-max_total_time={max(1, round(seconds))}", "-max_len=65536", f"-seed={seed + 1}", "-rss_limit_mb=0"]
    atheris.Setup(
        ["fuzz", *flags, "-handle_segv=0", "-verbosity=0", "-print_final_stats=0", str(corpus)],
        worker.run,
        custom_mutator=mutated,
    )
    atheris.Fuzz()


def campaign(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every target for its share of the time, and say how it went."""
    sys.path.insert(0, str(TESTS))
    import fuzz_targets

    names = [name for name in fuzz_targets.TARGETS if any(fnmatch.fnmatch(name, one) for one in options.targets)]
    share = options.minutes * 60 / max(1, len(names))
    rows = []
    for name in names:
        rows.append(_one(name, share, options))
        print(_line(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _one(name: str, seconds: float, options: argparse.Namespace) -> dict[str, Any]:
    row = {"target": name, "engine": options.engine, "executions": 0, "seconds": 0.0, "megabytes": 0}
    crashes: dict[str, str] = {}
    attempt = 0
    while row["seconds"] < seconds - 1 and attempt < 20:
        with tempfile.TemporaryDirectory(dir=_memory()) as folder:
            left = seconds - row["seconds"]
            command = [sys.executable, __file__, "--worker", name, "--work", folder, "--cases", str(options.cases)]
            command += ["--seconds", str(left), "--seed", str(options.seed + attempt), "--engine", options.engine]
            code = _run(command, left + GRACE)
            state = Path(folder) / "state.json"
            told = (
                json.loads(state.read_text()) if state.exists() else {"executions": 0, "seconds": left, "crashes": {}}
            )
            row["executions"] += told["executions"]
            row["seconds"] += max(told["seconds"], 1.0)
            row["megabytes"] = max(row["megabytes"], told.get("megabytes", 0))
            crashes |= told["crashes"]
            current = Path(folder) / "current"
            if code != 0 and current.exists():
                reason = "killed: it did not end" if code is None else f"the process ended with {code}"
                crashes[f"{reason} ({attempt})"] = store(options.cases, name, current.read_bytes())
        attempt += 1
    return {**row, "seconds": round(row["seconds"], 1), "crashes": crashes}


def _memory() -> str | None:
    """A place for temporary files that is no disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _run(command: list[str], seconds: float) -> int | None:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return None


def _line(row: dict[str, Any]) -> str:
    rate = row["executions"] / max(row["seconds"], 0.1)
    found = "; ".join(f"{problem} [{name}]" for problem, name in row["crashes"].items()) or "none"
    return f"| {row['target']} | {row['executions']:,} | {rate:,.0f} | {row['megabytes']:,} | {found} |"


def _table(rows: list[dict[str, Any]]) -> str:
    head = "| target | executions | executions/s | memory, MB | found |\n| --- | ---: | ---: | ---: | --- |"
    return "\n".join([head, *map(_line, rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together")
    parser.add_argument("--targets", nargs="+", default=["*"], metavar="PATTERN")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=["atheris", "random"], default=_engine())
    parser.add_argument("--cases", type=Path, default=TESTS / "cases", help="where cases that went wrong are stored")
    parser.add_argument("--results", type=Path, help="a JSON file that the rows are added to")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    rows = campaign(options)
    print(_table(rows))
    if options.results is not None:
        earlier: list[Any] = json.loads(options.results.read_text()) if options.results.exists() else []
        options.results.write_text(json.dumps([*earlier, *rows], indent=1) + "\n", encoding="utf-8")


def _engine() -> str:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return "random"
    return "atheris"


if __name__ == "__main__":
    main()
