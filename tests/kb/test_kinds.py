import numpy as np
import pytest

from elinker.errors import UsageError
from elinker.kb.clustering import _shares
from elinker.kb.faiss_file import empty_index
from elinker.kb.kinds import FLAT, KINDS, factory_for, sample_size, search_settings


@pytest.mark.parametrize(
    ("count", "dim", "factory"),
    [
        (9_075, 384, FLAT),
        (52_000, 384, FLAT),
        (53_000, 384, "HNSW32_SQ8"),
        (270_000, 384, "IVF2048_HNSW16,PQ96x4fs"),
        (1_000_000, 384, "IVF4096_HNSW16,PQ96x4fs"),
        (4_800, 4096, FLAT),
        (6_000_000, 4096, "IVF8192_HNSW16,PQ256x4fs"),
    ],
)
def test_auto_is_exact_for_few_numbers_a_graph_for_more_and_ivfpq_for_many(count: int, dim: int, factory: str) -> None:
    assert factory_for("auto", count, dim) == factory


@pytest.mark.parametrize("dim", [1, 7, 30, 384, 1024])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_exists_for_every_length_of_vector(kind: str, dim: int) -> None:
    assert empty_index(factory_for(kind, 20, dim), dim).d == dim


def test_a_factory_string_is_taken_as_it_is() -> None:
    assert factory_for("OPQ16_64,IVF256,PQ16", 1000, 128) == "OPQ16_64,IVF256,PQ16"


@pytest.mark.parametrize("kind", ["HNSW99999999999", "IVF2000000,Flat", "PQ8x16", "FLAT", "flat ", "SQ8;", ""])
def test_what_is_no_index_is_refused(kind: str) -> None:
    with pytest.raises(UsageError):
        empty_index(factory_for(kind, 1000, 64), 64)


def test_search_settings_fit_the_parts_of_the_index() -> None:
    assert search_settings(FLAT) is None
    lists, graph, codes = (search_settings(factory) for factory in ("IVF4096_HNSW16,PQ96x4fs", "HNSW32_SQ8", "SQ8"))
    assert lists is not None and graph is not None and codes is not None
    assert (lists.nprobe, lists.ef_search) == (192, 288)
    assert (graph.nprobe, graph.ef_search) == (None, 128)
    assert (codes.nprobe, codes.ef_search) == (None, None)
    few = search_settings("IVF16,SQ8")
    assert few is not None and (few.nprobe, few.ef_search) == (16, None)


def test_a_sample_is_bounded_by_what_there_is_and_by_memory() -> None:
    assert sample_size(16, 500, 384) == 500
    assert sample_size(4096, 1_000_000, 384) == 40 * 4096
    assert sample_size(8192, 6_000_000, 4096) * 4096 * 4 == 2 << 30


def test_centroids_are_shared_out_by_size_and_never_more_than_a_group_has_vectors() -> None:
    assert _shares(np.array([100, 50, 0, 1]), 15).tolist() == [10, 5, 0, 0]
    assert _shares(np.array([3, 3, 94]), 100).tolist() == [3, 3, 94]
    assert _shares(np.array([1, 2, 7]), 4).sum() == 4
