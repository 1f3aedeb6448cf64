from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError
from elinker.kb.index import VectorIndex


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def index_of(vectors: NDArray[np.float64]) -> VectorIndex:
    index = VectorIndex.create(vectors.shape[1])
    index.add(vectors.astype(np.float32))
    return index


def random_index(count: int = 500, dim: int = 24, seed: int = 0) -> VectorIndex:
    return index_of(np.random.default_rng(seed).normal(size=(count, dim)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 80), queries=st.integers(1, 30), k=st.integers(1, 100))
def test_search_finds_what_comparing_with_every_vector_finds(seed: int, count: int, queries: int, k: int) -> None:
    random = np.random.default_rng(seed)
    vectors, wanted = random.normal(size=(count, 8)), random.normal(size=(queries, 8))
    scores, rows = index_of(vectors).search(wanted, k)
    cosines = unit(wanted) @ unit(vectors).T
    assert scores.shape == rows.shape == (queries, min(k, count))
    np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :k], atol=1e-6)
    np.testing.assert_allclose(scores, np.take_along_axis(cosines, rows, axis=1), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 19, 20, 21, 300])
def test_a_query_gets_the_same_answer_in_every_batch_size(batch: int) -> None:
    index = random_index()
    queries = np.random.default_rng(1).normal(size=(300, 24)).astype(np.float32)
    scores, rows = index.search(queries, 7)
    for start in range(0, 300, batch):
        part_scores, part_rows = index.search(queries[start : start + batch], 7)
        np.testing.assert_array_equal(part_rows, rows[start : start + batch])
        np.testing.assert_array_equal(part_scores, scores[start : start + batch])


@pytest.mark.parametrize("queries", [1, 40])
@pytest.mark.parametrize("copies", [3, 200])
def test_equal_vectors_come_in_order_of_rows(copies: int, queries: int) -> None:
    vectors = np.random.default_rng(2).normal(size=(300, 24))
    vectors[50 : 50 + copies] = vectors[50]
    _, rows = index_of(vectors).search(np.repeat(vectors[50:51], queries, axis=0), 3)
    assert rows.tolist() == [[50, 51, 52]] * queries


def test_scores_are_cosines_whatever_the_length_of_the_query() -> None:
    index = random_index()
    vector = index.vectors([3]) * 1e6
    scores, rows = index.search(vector, 1)
    assert rows.tolist() == [[3]]
    assert scores[0, 0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_query_without_direction_scores_zero_and_spoils_no_other(value: float) -> None:
    index = random_index()
    good = index.vectors([3])
    scores, rows = index.search(np.concatenate([np.full((1, 24), value, np.float32), good]), 2)
    assert scores[0].tolist() == [0.0, 0.0]
    assert rows[0].tolist() == [0, 1]
    assert rows[1, 0] == 3


def test_no_queries_give_no_results() -> None:
    scores, rows = random_index().search(np.empty((0, 24), np.float32), 5)
    assert scores.shape == rows.shape == (0, 5)


def test_more_neighbours_than_rows_are_cut_to_the_rows() -> None:
    _, rows = random_index(count=4).search(np.ones((1, 24)), 10)
    assert sorted(rows[0].tolist()) == [0, 1, 2, 3]


def test_queries_of_another_length_are_refused() -> None:
    with pytest.raises(KnowledgeBaseError, match="24 dimensions"):
        random_index().search(np.ones((1, 23)), 1)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_vector_without_direction_cannot_be_stored(value: float) -> None:
    with pytest.raises(KnowledgeBaseError, match="zero or not finite"):
        VectorIndex.create(3).add(np.array([[1, 0, 0], [value] * 3], np.float32))


def test_a_mapped_index_answers_like_the_one_in_memory(tmp_path: Path) -> None:
    index = random_index()
    index.write(tmp_path / "index.faiss")
    queries = np.random.default_rng(1).normal(size=(30, 24))
    for mapped in (True, False):
        for found, expected in zip(
            VectorIndex.open(tmp_path / "index.faiss", mapped=mapped).search(queries, 5),
            index.search(queries, 5),
            strict=True,
        ):
            np.testing.assert_array_equal(found, expected)


def test_an_index_of_another_kind_is_refused(tmp_path: Path) -> None:
    faiss.write_index(faiss.index_factory(8, "HNSW8", faiss.METRIC_INNER_PRODUCT), str(tmp_path / "h.faiss"))
    faiss.write_index(faiss.index_factory(8, "Flat", faiss.METRIC_L2), str(tmp_path / "l2.faiss"))
    for name in ("h.faiss", "l2.faiss"):
        with pytest.raises(KnowledgeBaseError, match="not a flat inner-product index"):
            VectorIndex.open(tmp_path / name)


@pytest.mark.parametrize("rows", [[-1], [500]])
def test_vectors_of_rows_that_do_not_exist_are_an_index_error(rows: list[int]) -> None:
    with pytest.raises(IndexError):
        random_index().vectors(rows)


@pytest.mark.parametrize("keep", [0, 4, 29, 44, 45, 1000, -1])
def test_an_index_that_was_cut_off_is_refused_before_faiss_reads_on_beyond_its_end(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "index.faiss"
    random_index().write(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(KnowledgeBaseError, match=r"index\.faiss (is not a flat|has \d+ bytes)"):
        VectorIndex.open(path)
