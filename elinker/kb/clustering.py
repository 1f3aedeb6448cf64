"""Training of FAISS indexes on a sample of vectors; the centroids of many inverted lists are found in two levels.

Plain k-means compares each vector of the sample with each centroid. In two levels the sample is first cut into about
as many groups as the square root of the number of lists, and each group is clustered for itself; for 4,096 lists that
is a thirtieth of the work. What is trained and when is in `proposals`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from elinker.kb.faiss_file import inner, is_graph, is_lists, transforms
from elinker.kb.progress import Progress
from elinker.kb.vectors import Vectors

_ITERATIONS = 10
_SEED = 1234
_TWO_LEVELS_FROM = 1024


def train(index: Any, sample: Vectors, report: Progress) -> None:
    """Train an index, and the transforms before it, on vectors of unit length. *Shape:* (n, dim).

    Raises:
        RuntimeError: FAISS has too few vectors.
    """
    within = inner(index)
    lists = within if is_lists(within) else None
    _silence_advice(within)
    if lists is None or len(sample) < lists.nlist:
        report("training", 0, None)
        index.train(sample)
        return
    transformed = _transformed(index, sample)
    if lists.nlist < _TWO_LEVELS_FROM:
        report("training", 0, None)
        centroids = _centroids(transformed, lists.nlist)
    else:
        centroids = _two_levels(transformed, lists.nlist, report)
    # a graph that several threads make is another one each time, and codes are clustered in steps too small to share
    with single_thread():
        faiss.downcast_index(lists.quantizer).add(centroids)
        index.train(sample)


@contextmanager
def single_thread() -> Iterator[None]:
    """While it lasts FAISS works in one thread, for work whose result would depend on their number."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _silence_advice(index: Any) -> None:
    """FAISS prints a warning for each clustering of fewer vectors than it would like."""
    codes: Any = faiss.downcast_index(index.storage) if is_graph(index) else index
    parts: list[Any] = [codes, getattr(codes, "pq", None)]
    for part in parts:
        if hasattr(part, "cp"):
            part.cp.min_points_per_centroid = 1


def _transformed(index: Any, sample: Vectors) -> Vectors:
    for transform in transforms(index):
        if not transform.is_trained:
            transform.train(sample)
        sample = transform.apply(sample)
    return sample


def _two_levels(sample: Vectors, count: int, report: Progress) -> Vectors:
    groups = round(count**0.5)
    report("training", 0, groups + 1)
    coarse = _centroids(sample, groups)
    nearest = faiss.IndexFlatL2(sample.shape[1])
    nearest.add(coarse)
    owners = nearest.search(sample, 1)[1][:, 0]
    report("training", 1, groups + 1)
    found = []
    for group, parts in enumerate(_shares(np.bincount(owners, minlength=groups), count)):
        if parts:
            found.append(_centroids(sample[owners == group], int(parts)))
        report("training", 1, groups + 1)
    return np.concatenate(found)


def _shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """`count` centroids shared out to groups by their sizes, by largest remainder, none more than it has vectors."""
    exact = sizes * (count / sizes.sum())
    shares: NDArray[np.int64] = np.minimum(np.floor(exact).astype(np.int64), sizes)
    while (missing := count - int(shares.sum())) > 0:
        remainder = np.where(shares < sizes, exact - shares, -np.inf)
        best = np.argsort(-remainder, kind="stable")[:missing]
        shares[best[remainder[best] > -np.inf]] += 1
    return shares


def _centroids(vectors: Vectors, count: int) -> Vectors:
    """Centroids of unit length, as FAISS's own for inner products. *Shape:* (count, dim)."""
    means = faiss.Kmeans(
        vectors.shape[1],
        count,
        niter=_ITERATIONS,
        seed=_SEED,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=1 << 30,
    )
    means.train(np.ascontiguousarray(vectors))
    return np.asarray(means.centroids, np.float32)
