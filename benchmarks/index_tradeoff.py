"""Which index for how many vectors: recall, time, memory and build time of the kinds that a base can have.

    python benchmarks/index_tradeoff.py [--quick] [--threads N] [--only GROUP …] [--directory DIR]

The vectors. Only the starter base is real: 9,075 entity vectors of 384 dimensions, and vectors of gold mentions in its
texts. Larger sets are GENERATED around them. They grow by doubling: a new vector lies near one that is there, in a
direction that is the difference of two real neighbours, pulled toward a real neighbour of its origin. How near follows
from how the real vectors crowd: the median cosine to the nearest neighbour is measured for 1,000, 2,000, … real vectors
and carried on as a line over the logarithm of the number, so that a million lie as close as a million real ones would.
A query is a vector of the set moved as far as real mentions lie from their entities, pulled toward the nearest other
vector as far as real mentions are toward the best wrong entity, and for the rest in the direction of a real mention's
error. Whether that is too easy is checked with sets that can be compared: half of the real vectors, grown to 9,075,
must not be easier to search than the real 9,075 (`control` in the results). Real mentions are searched as well.
Vectors of 4,096 dimensions are those of 384, rotated into the larger space, a tenth of their energy made noise.

Every index is built and searched in a process of its own, through `elinker.kb`: exact scores of the proposed rows are
in the times. Memory is what the process holds after the searches: its own pages and those of `index.faiss` that are
mapped; pages of `vectors.npy`, which the system may drop at any time, are reported on their own.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from elinker.kb import KnowledgeBase
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.index import RowIndex, VectorIndex
from elinker.kb.kinds import FLAT, SearchSettings, factory_for, search_settings
from elinker.kb.progress import silence
from elinker.kb.proposals import Proposer
from elinker.kb.vectors import blocks_of, open_vectors, unit
from elinker.resources import STARTER, find_pipeline

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "index_tradeoff.json"
PLOT = ROOT / "docs" / "index_tradeoff.svg"
TEXTS = ROOT / "kb" / "starter" / "texts.jsonl"
K = 10
BATCH = 64
CHUNK = 2048
PULL = 0.5
SPREAD = 0.15
MILLION = 1_000_000

Vectors = NDArray[np.float32]


# --- the vectors -----------------------------------------------------------------------------------------------------


@dataclass
class Real:
    """What is measured on the starter: entities, mentions that are in the base with their rows, and others."""

    entities: Vectors
    mentions: Vectors
    rows: NDArray[np.int64]
    strangers: Vectors
    neighbours: NDArray[np.int64] = field(init=False)
    toward: NDArray[np.float64] = field(init=False)
    errors: Vectors = field(init=False)

    def __post_init__(self) -> None:
        self.neighbours = nearest(self.entities, self.entities, 11)[1][:, 1:]
        own = self.entities[self.rows]
        cosine = (self.mentions * own).sum(axis=1)
        scores = self.mentions @ self.entities.T
        scores[np.arange(len(scores)), self.rows] = -2
        wrong = self.entities[scores.argmax(axis=1)]
        between = (own * wrong).sum(axis=1)
        pulled = (scores.max(axis=1) - cosine * between) / np.sqrt(np.maximum(1 - between**2, 1e-6))
        self.toward = np.stack([cosine, pulled], axis=1)
        self.errors = unit(self.mentions - cosine[:, None] * own, own.shape[1])


def real_vectors(documents: int) -> Real:
    from elinker.onegen.model import OneGen

    base = KnowledgeBase.open(find_pipeline(STARTER) / "onegen_linker" / "kb")
    onegen = OneGen.from_pretrained(find_pipeline(STARTER) / "onegen_linker" / "model")
    with TEXTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    sources, spans, rows = [], [], []
    for text in texts[:: max(1, len(texts) // documents)][:documents]:
        source = onegen.source(text["text"])
        found = [(source.tokens_of(m["start"], m["end"]), m["entity_id"]) for m in text["mentions"]]
        if not found or any(tokens is None for tokens, _ in found) or len(source) > onegen.layout.window:
            continue
        sources.append(source)
        spans.append([tokens for tokens, _ in found])
        rows += [-1 if name is None or (row := base.find(name)) is None else row for _, name in found]
    vectors, owners = np.concatenate(onegen.read(sources, spans)), np.array(rows)
    known = owners >= 0
    entities = base.vectors(np.arange(len(base)))
    return Real(entities, vectors[known], owners[known], vectors[~known])


def nearest(vectors: Vectors, queries: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
    """The exact answer. For few queries and many vectors, a matrix product in blocks takes a third of FAISS's time."""
    if len(vectors) < 100_000:
        scores, rows = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows
    found, owners = [], []
    for start in range(0, len(vectors), 4 * CHUNK):
        products = queries @ vectors[start : start + 4 * CHUNK].T
        best = np.argpartition(products, -k, axis=1)[:, -k:]
        found.append(np.take_along_axis(products, best, axis=1))
        owners.append(best + start)
    scores, rows = np.concatenate(found, axis=1), np.concatenate(owners, axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def crowding(entities: Vectors) -> Callable[[int], float]:
    """The median cosine to the nearest neighbour by the number of vectors, measured and carried on."""
    order = np.random.default_rng(1).permutation(len(entities))
    sizes = [1000, 2000, 4000, len(entities)]
    medians = [float(np.median(nearest(part, part, 2)[0][:, 1])) for part in (entities[order[:size]] for size in sizes)]
    slope, start = np.polyfit(np.log2(sizes), medians, 1)
    return lambda count: min(0.95, float(start + slope * np.log2(count)))


def grow(
    real: Vectors, neighbours: NDArray[np.int64], out: Vectors, law: Callable[[int], float], seed: int
) -> NDArray[np.int64]:
    """Fill `out` with the real vectors and then generated ones, by doubling; the same for any number of threads.

    Returns the real vector that each one descends from. *Shape:* (len(out),).
    """
    have = min(len(real), len(out))
    out[:have] = real[:have]
    roots = np.arange(len(out))
    with ThreadPoolExecutor(faiss.omp_get_max_threads()) as threads:
        while have < len(out):
            new = min(have, len(out) - have)
            centre = law(have + new)

            def fill(start: int, have: int = have, new: int = new, centre: float = centre) -> None:
                random = np.random.default_rng((seed, have, start))
                count = min(CHUNK, new - start)
                origin, first = random.integers(have, size=count), random.integers(len(real), size=count)
                second = neighbours[first, random.integers(neighbours.shape[1], size=count)]
                root = roots[origin]
                pull = neighbours[root, random.integers(neighbours.shape[1], size=count)]
                away = real[first]
                away -= real[second]
                away += np.float32(PULL) * real[pull]
                vectors = out[origin]
                away -= np.einsum("ij,ij->i", away, vectors)[:, None] * vectors
                noise = SPREAD * (1 - centre) / 0.45 * random.standard_normal(count)
                cosine = np.clip(centre + noise, 0.2, 0.97).astype(np.float32)
                away *= (np.sqrt(1 - cosine**2) / np.sqrt(np.einsum("ij,ij->i", away, away)))[:, None]
                vectors *= cosine[:, None]
                vectors += away
                vectors /= np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
                out[have + start : have + start + count] = vectors
                roots[have + start : have + start + count] = root

            list(threads.map(fill, range(0, new, CHUNK)))
            have += new
    return roots


def moved(
    vectors: Vectors,
    roots: NDArray[np.int64],
    real: Real,
    count: int,
    seed: int,
    among: NDArray[np.int64] | None = None,
) -> Vectors:
    """Generated queries: vectors of the set moved as real mentions are from their entities."""
    random = np.random.default_rng(seed)
    rows = random.integers(len(vectors), size=count) if among is None else random.choice(among, count)
    own = np.array(vectors[rows])
    order = np.argsort(roots, kind="stable")
    families = np.split(order, np.searchsorted(roots[order], np.arange(1, len(real.entities))))
    other = np.stack([nearest_relative(vectors, families, real, int(roots[row]), int(row)) for row in rows])
    cosine, pulled = real.toward[random.integers(len(real.toward), size=count)].T.astype(np.float32)
    across = unit(other - (other * own).sum(axis=1, keepdims=True) * own, own.shape[1])
    error = real.errors[random.integers(len(real.errors), size=count)]
    for direction in (own, across):
        error = error - (error * direction).sum(axis=1, keepdims=True) * direction
    error = unit(error, own.shape[1])
    rest = np.sqrt(np.maximum(1 - cosine**2 - pulled**2, 0))
    return unit(cosine[:, None] * own + pulled[:, None] * across + rest[:, None] * error, own.shape[1])


def nearest_relative(
    vectors: Vectors, families: Sequence[NDArray[np.int64]], real: Real, root: int, row: int
) -> Vectors:
    """The nearest other vector among those of the same origin, and of the origin's real neighbours."""
    relatives = np.concatenate([families[origin] for origin in (root, *real.neighbours[root])])
    near = np.array(vectors[relatives[relatives != row]])
    return near[(near @ vectors[row]).argmax()]  # type: ignore[no-any-return]


def lifted(vectors: Vectors, dim: int, seed: int) -> Vectors:
    """Vectors rotated into a larger space, a tenth of their energy noise; unchanged for their own length."""
    if dim == vectors.shape[1]:
        return vectors
    rotation = np.linalg.qr(np.random.default_rng(7).normal(size=(dim, vectors.shape[1])))[0].astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal((len(vectors), dim), dtype=np.float32)
    noise *= np.sqrt(0.1 / dim)
    return unit(np.sqrt(np.float32(0.9)) * (vectors @ rotation.T) + noise, dim)


# --- one index, in a process of its own ------------------------------------------------------------------------------


def build_index(directory: Path, factory: str) -> dict[str, Any]:
    """Train and fill an index on `vectors.npy`; writes `index.faiss`."""
    vectors = open_vectors(directory / "vectors.npy")
    before, start = own_memory(), time.perf_counter()
    if factory == FLAT:
        flat = VectorIndex.create(vectors.shape[1])
        for block in blocks_of(vectors):
            flat.append(block)
        trained = start
        flat.write(directory / "index.faiss")
    else:
        proposer = Proposer.create(factory, vectors.shape[1])
        proposer.train(vectors, silence)
        trained = time.perf_counter()
        proposer.add(vectors, silence)
        proposer.write(directory / "index.faiss")
    return {
        "train_seconds": trained - start,
        "build_seconds": time.perf_counter() - start,
        "build_memory_mb": (peak_memory() - before) / 1e6,
        "index_bytes": (directory / "index.faiss").stat().st_size,
    }


def search_index(directory: Path, factory: str, settings: SearchSettings | None) -> dict[str, Any]:
    queries = np.load(directory / "queries.npy")
    before, start = own_memory(), time.perf_counter()
    index: RowIndex
    if settings is None:
        index = VectorIndex.open(directory / "index.faiss")
    else:
        index = ApproximateIndex.open(
            directory / "index.faiss",
            directory / "vectors.npy",
            None,
            factory=factory,
            dim=queries.shape[1],
            settings=settings,
        )
    opened = time.perf_counter() - start
    batches = [queries[first : first + BATCH] for first in range(0, len(queries) - BATCH + 1, BATCH)]
    found = [index.search(queries[first : first + BATCH], K)[1] for first in range(0, len(queries), BATCH)]
    rows = np.concatenate(found)
    singles = [timed(index, queries[number : number + 1]) for number in range(min(200, len(queries)))]
    start, many = time.perf_counter(), []
    for batch in [*batches, *batches, *batches]:
        if time.perf_counter() - start < 20:
            many.append(timed(index, batch) / BATCH)
    mapped = mapped_memory()
    truth = np.load(directory / "truth.npy") if (directory / "truth.npy").exists() else rows
    if settings is None:
        np.save(directory / "truth.npy", rows)
    return {
        "open_seconds": opened,
        "ms_single": 1000 * statistics.median(singles),
        "ms_per_mention": 1000 * statistics.median(many),
        "index_memory_mb": (own_memory() - before + mapped.get("index.faiss", 0)) / 1e6,
        "vectors_mapped_mb": mapped.get("vectors.npy", 0) / 1e6,
        "vectors_on_disk_mb": 0 if settings is None else (directory / "vectors.npy").stat().st_size / 1e6,
        **recalls(rows, truth, json.loads((directory / "parts.json").read_text())),
    }


def recalls(rows: NDArray[np.int64], truth: NDArray[np.int64], parts: dict[str, Sequence[int]]) -> dict[str, float]:
    """Recall@1 and @10 against exact search, of each kind of query."""
    same = {1: rows[:, :1] == truth[:, :1], 10: (rows[:, :, None] == truth[:, None, :]).any(axis=1)}
    return {
        f"recall_at_{k}{'' if name == 'generated' else '_' + name}": float(same[k][first:last].mean())
        for name, (first, last) in parts.items()
        for k in same
        if last > first
    }


def timed(index: RowIndex, queries: Vectors) -> float:
    start = time.perf_counter()
    index.search(queries, K)
    return time.perf_counter() - start


def own_memory() -> int:
    """Bytes that the process holds and that no file backs."""
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


def peak_memory() -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) - sum(  # type: ignore[index]
        mapped_memory().values()
    )


def mapped_memory() -> dict[str, int]:
    """Bytes of mapped files that are resident, by file name."""
    found: dict[str, int] = {}
    name = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            name = Path(line.split(maxsplit=5)[5]).name if len(line.split(maxsplit=5)) > 5 else ""
        elif line.startswith("Rss:") and name in ("index.faiss", "vectors.npy"):
            found[name] = found.get(name, 0) + 1024 * int(line.split()[1])
    return found


def in_process(task: str, directory: Path, factory: str, threads: int, **settings: Any) -> dict[str, Any]:
    """`build_index` or `search_index`, each in a new process, so that memory is theirs alone."""
    command = [sys.executable, __file__, "--task", task, "--directory", str(directory), "--factory", factory]
    command += ["--threads", str(threads), "--settings", json.dumps(settings or None)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{factory} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# --- the measurements ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Indexes that are compared on one set of vectors; each with the values of nprobe or efSearch to try."""

    name: str
    count: int
    dim: int
    queries: tuple[int, int, int]
    """Generated ones, real mentions of entities in the base, and of others."""
    indexes: tuple[tuple[str, tuple[int, ...]], ...]


FULL = (
    Group("real", 9_075, 384, (0, 2000, 500), (("flat", ()), ("hnsw", (64, 128)), ("ivfpq", (32, 64, 128)))),
    Group("10k", 10_000, 384, (1000, 1000, 500), (("flat", ()), ("hnsw", (64, 128)), ("ivfpq", (32, 64, 128)))),
    Group(
        "100k",
        100_000,
        384,
        (1000, 1000, 500),
        (
            ("flat", ()),
            ("hnsw", (64, 128, 256)),
            ("ivfpq", (32, 64, 128, 256)),
            ("IVF1024_HNSW16,SQ8", (64,)),
        ),
    ),
    Group(
        "1m",
        MILLION,
        384,
        (1000, 1000, 500),
        (
            ("flat", ()),
            ("ivfpq", (32, 64, 128, 192, 256, 512)),
            ("IVF4096_HNSW16,PQ48x4fs", (192,)),
            ("IVF4096_HNSW16,RaBitQ", (192,)),
            ("IVF4096_HNSW16,SQ8", (192,)),
        ),
    ),
    Group(
        "4096",
        100_000,
        4096,
        (500, 500, 200),
        (("flat", ()), ("ivfpq", (32, 64, 128)), ("IVF1024_HNSW16,PQ1024x4fs", (64, 128))),
    ),
)
QUICK = (Group("1m", MILLION, 384, (128, 64, 0), (("ivfpq", ()),)),)


def measure(group: Group, real: Real, place: Path, threads: int, *, flat_is_an_index: bool) -> list[dict[str, Any]]:
    directory = place / group.name
    directory.mkdir(parents=True, exist_ok=True)
    say(f"{group.name}: {group.count:,} vectors of {group.dim}")
    start = time.perf_counter()
    make_vectors(group, real, directory)
    say(f"  vectors and queries made in {time.perf_counter() - start:.0f} s")
    rows = []
    if not flat_is_an_index:
        start = time.perf_counter()
        vectors = open_vectors(directory / "vectors.npy")
        np.save(directory / "truth.npy", nearest(vectors, np.load(directory / "queries.npy"), K)[1])
        say(f"  exact search of all queries in {time.perf_counter() - start:.0f} s")
    for kind, values in group.indexes:
        factory = factory_for(kind, group.count, group.dim)
        built = in_process("build", directory, factory, threads)
        default = search_settings(factory)
        tried = [default] if default is None or not values else [varied(default, value) for value in values]
        for settings in tried:
            keys = {} if settings is None else settings.model_dump()
            found = in_process("search", directory, factory, threads, **keys)
            rows.append(
                {
                    "group": group.name,
                    "count": group.count,
                    "dim": group.dim,
                    "kind": kind,
                    "factory": factory,
                    "search": keys,
                    "is_default": settings == default,
                    "bytes_per_vector": built["index_bytes"] / group.count,
                    **built,
                    **found,
                }
            )
            say("  " + described(rows[-1]))
        (directory / "index.faiss").unlink()
    shutil.rmtree(directory)
    return rows


def varied(settings: SearchSettings, value: int) -> SearchSettings:
    if settings.nprobe is None:
        return settings.model_copy(update={"ef_search": value})
    width = None if settings.ef_search is None else 3 * value // 2
    return settings.model_copy(update={"nprobe": value, "ef_search": width})


def make_vectors(group: Group, real: Real, directory: Path) -> None:
    shape = (group.count, group.dim)
    out = np.lib.format.open_memmap(directory / "vectors.npy", mode="w+", dtype=np.float32, shape=shape)
    small = out if group.dim == real.entities.shape[1] else np.empty((group.count, real.entities.shape[1]), np.float32)
    roots = grow(real.entities, real.neighbours, small, crowding(real.entities), seed=0)
    generated, known, strangers = group.queries
    random = np.random.default_rng(2)
    parts = {
        "generated": moved(small, roots, real, generated, seed=3) if generated else small[:0],
        "real": real.mentions[random.permutation(len(real.mentions))[:known]],
        "outside": real.strangers[random.permutation(len(real.strangers))[:strangers]],
    }
    if small is not out:
        for first in range(0, group.count, CHUNK):
            out[first : first + CHUNK] = lifted(small[first : first + CHUNK], group.dim, seed=first)
    ends = np.cumsum([0, *(len(part) for part in parts.values())]).tolist()
    np.save(directory / "queries.npy", lifted(np.concatenate(list(parts.values())), group.dim, seed=-1 % 2**32))
    spans = {name: (ends[number], ends[number + 1]) for number, name in enumerate(parts)}
    (directory / "parts.json").write_text(json.dumps(spans))


def control(real: Real) -> list[dict[str, Any]]:
    """The real vectors beside as many that were generated from half of them: the latter must not be easier."""
    half = np.sort(np.random.default_rng(3).permutation(len(real.entities))[: len(real.entities) // 2])
    part = real.entities[half]
    neighbours = nearest(part, part, 11)[1][:, 1:]
    grown = np.empty_like(real.entities)
    law = crowding(real.entities)
    roots = half[grow(part, neighbours, grown, law, seed=0)]
    made = np.arange(len(half), len(grown))
    sets = (
        ("real vectors, real mentions", real.entities, real.mentions[:2000]),
        (
            "real vectors, generated queries",
            real.entities,
            moved(real.entities, np.arange(len(real.entities)), real, 2000, 5),
        ),
        ("grown from half, generated queries", grown, moved(grown, roots, real, 2000, 5, made)),
    )
    rows = []
    for name, vectors, queries in sets:
        scores = nearest(vectors, vectors, 11)[0][:, 1:]
        distances = np.sqrt(np.maximum(2 - 2 * scores, 1e-9))
        truth = nearest(vectors, queries, K)[1]
        index = faiss.index_factory(384, "IVF96,Flat", faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add(vectors)
        row: dict[str, Any] = {
            "vectors": name,
            "nearest_cosine": float(np.median(scores[:, 0])),
            "tenth_cosine": float(np.median(scores[:, 9])),
            "local_dimension": float(np.median(-1 / np.log(distances[:, :-1] / distances[:, -1:]).mean(axis=1))),
        }
        for lists in (1, 4):
            index.nprobe = lists
            part_recalls = recalls(index.search(queries, K)[1], truth, {"generated": (0, len(queries))})
            row |= {f"{name}_{lists}_lists": value for name, value in part_recalls.items()}
        rows.append(row)
    return rows


# --- telling about it ------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)


def described(row: dict[str, Any]) -> str:
    settings = {name: value for name, value in row["search"].items() if value is not None and name != "refine"}
    recall = row.get("recall_at_1", row.get("recall_at_1_real", 1.0))
    return (
        f"{row['factory']} {settings or ''} recall@1 {recall:.3f}, {row['ms_per_mention']:.2f} ms a mention, "
        f"{row['index_memory_mb']:.0f} MB, built in {row['build_seconds']:.0f} s"
    )


def table_of(rows: Sequence[dict[str, Any]], threads: int) -> Table:
    table = Table(title=f"{threads} threads; recall against exact search; * default of its kind")
    columns = ("vectors", "index", "searched", "R@1", "R@10", "real R@1", "outside R@1", "ms single", "ms batch")
    for column in (*columns, "bytes", "index MB", "built s", "peak MB"):
        table.add_column(column, justify="right")
    last = None
    for row in rows:
        if last not in (None, row["group"]):
            table.add_section()
        last = row["group"]
        width = row["search"].get("nprobe") or row["search"].get("ef_search") or "all"
        table.add_row(
            f"{row['count']:,}×{row['dim']}",
            row["factory"],
            f"{width}{'*' if row['is_default'] else ''}",
            *(
                f"{row[name]:.3f}" if name in row else ""
                for name in ("recall_at_1", "recall_at_10", "recall_at_1_real", "recall_at_1_outside")
            ),
            f"{row['ms_single']:.2f}",
            f"{row['ms_per_mention']:.3f}",
            f"{row['bytes_per_vector']:.0f}",
            f"{row['index_memory_mb']:.0f}",
            f"{row['build_seconds']:.0f}",
            f"{row['build_memory_mb']:.0f}",
        )
    return table


def summary(rows: Sequence[dict[str, Any]], threads: int, *, quick: bool) -> dict[str, Any]:
    """The kind that `auto` picks for a million vectors of 384, as it is searched by default, in batches of 64."""
    factory = factory_for("auto", MILLION, 384)
    chosen = next((row for row in rows if row["factory"] == factory and row["is_default"]), None)
    if chosen is None:
        return {}
    flat = next((r["index_memory_mb"] for r in rows if r["group"] == "1m" and r["factory"] == FLAT), None)
    flat_measured = flat is not None
    flat = flat or chosen["count"] * chosen["dim"] * 4 / 1e6
    return {
        "ms_per_mention_1m": chosen["ms_per_mention"],
        "recall_at_1_1m": chosen["recall_at_1"],
        "memory_vs_flat_1m": chosen["index_memory_mb"] / flat,
        "recall_at_10_1m": chosen["recall_at_10"],
        "recall_at_1_1m_real_mentions": chosen["recall_at_1_real"],
        "ms_single_1m": chosen["ms_single"],
        "vectors": chosen["count"],
        "dim": chosen["dim"],
        "factory": factory,
        "search": chosen["search"],
        "threads": threads,
        "flat_memory": "measured" if flat_measured else "4 bytes a number",
        "generated_vectors": True,
        "quick": quick,
    }


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Recall@10 over time at 100 thousand and a million vectors, a line for each kind of index."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "elinker", "font.size": 9})
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, sharey=True)
    colours = {"Flat": "C0", "HNSW32_SQ8": "C1", "PQ96x4fs": "C2", "PQ48x4fs": "C3", "RaBitQ": "C4", "SQ8": "C5"}
    for panel, name, title in zip(panels, ("100k", "1m"), ("100,000 × 384", "1,000,000 × 384"), strict=True):
        of_group = [row for row in rows if row["group"] == name]
        for factory in dict.fromkeys(row["factory"] for row in of_group):
            part = sorted((r for r in of_group if r["factory"] == factory), key=lambda r: float(r["recall_at_10"]))
            panel.plot(
                [row["ms_per_mention"] for row in part],
                [row["recall_at_10"] for row in part],
                marker="o",
                markersize=4,
                color=colours[factory.rpartition(",")[2]],
                label=f"{factory}, {part[0]['index_memory_mb']:,.0f} MB",
            )
        panel.set(xscale="log", title=title, xlabel="ms a mention, batches of 64", xlim=(0.1, 100))
        panel.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, loc="lower right")
    panels[0].set_ylabel("recall@10 against exact search")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a million vectors and the kind that auto picks, no plot")
    parser.add_argument("--threads", type=int, default=2, help="OpenMP threads (2)")
    parser.add_argument("--only", nargs="+", choices=[group.name for group in FULL], help="these sets of vectors only")
    parser.add_argument("--directory", type=Path, help="where the vectors go (a temporary directory; 3 GB)")
    parser.add_argument("--task", choices=("build", "search"), help=argparse.SUPPRESS)
    parser.add_argument("--factory", help=argparse.SUPPRESS)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    if options.task:
        settings = json.loads(options.settings)
        search = None if settings is None else SearchSettings.model_validate(settings)
        work = build_index if options.task == "build" else lambda *a: search_index(*a, search)
        print(json.dumps(work(options.directory, options.factory)))
        return
    start = time.perf_counter()
    real = real_vectors(24 if options.quick else 600)
    say(f"{len(real.mentions)} real mentions in the base, {len(real.strangers)} outside")
    groups = QUICK if options.quick else [g for g in FULL if not options.only or g.name in options.only]
    rows: list[dict[str, Any]] = []
    value: dict[str, Any] = {"control": [] if options.quick else control(real)}
    with tempfile.TemporaryDirectory(dir=options.directory) as place:
        for group in groups:
            rows += measure(group, real, Path(place), options.threads, flat_is_an_index=not options.quick)
    if options.only and RESULTS.exists():  # the sets can be measured one after the other
        others = [row for row in json.loads(RESULTS.read_text())["rows"] if row["group"] not in options.only]
        order = [group.name for group in FULL]
        rows = sorted([*others, *rows], key=lambda row: order.index(row["group"]))
    Console(width=None if sys.stdout.isatty() else 160).print(table_of(rows, options.threads))
    value |= {"summary": summary(rows, options.threads, quick=options.quick), "rows": rows}
    value |= {"seconds": time.perf_counter() - start, "threads": options.threads}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    if not options.quick and {"100k", "1m"} <= {row["group"] for row in rows}:
        plot(rows, PLOT)
    Console().print(f"{value['seconds']:.0f} s; written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
