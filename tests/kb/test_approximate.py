"""Bases with an approximate index: exact scores of proposed rows, adding, removing, files that are not what they say.

`Directions` gives each entity a direction of its own near one of a few centres, as models do for names of one kind.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from elinker.errors import InputError, KnowledgeBaseError, UsageError
from elinker.kb import KnowledgeBase, add, build, reindex, remove, verify
from elinker.kb.index import VectorIndex
from elinker.schema import Entity

COUNT, DIM = 1200, 16
FACTORIES = (
    "HNSW8_SQ8",
    "HNSW8",
    "IVF16_HNSW8,PQ8x4fs",
    "IVF16,SQ8",
    "IVF16,Flat",
    "IVF16,RaBitQ",
    "OPQ4_8,IVF16,PQ4x4fs",
    "PCAR8,HNSW8",
    "SQ8",
)
KINDS = ("hnsw", "ivfpq")


class Directions:
    dim = DIM
    fingerprint = hashlib.sha256(b"directions").hexdigest()

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def entity_text(self, entity: Entity) -> str:
        return entity.id

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        self.encoded.extend(texts)
        centres = np.random.default_rng(0).normal(size=(20, self.dim))
        return np.array([self.direction(int(text[1:]), centres) for text in texts], np.float32)

    def direction(self, number: int, centres: NDArray[np.float64]) -> NDArray[np.float64]:
        random = np.random.default_rng(number)
        return centres[number % 20] + random.normal(size=self.dim) * 0.5  # type: ignore[no-any-return]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode_documents(texts)


def numbered(start: int, stop: int) -> list[Entity]:
    return [Entity(f"Q{number}", f"entity {number}") for number in range(start, stop)]


def queries(count: int = 60) -> NDArray[np.float32]:
    near = Directions().encode_documents([f"Q{number}" for number in range(0, COUNT, COUNT // count)])
    return near + np.random.default_rng(1).normal(size=near.shape).astype(np.float32) * 0.2


def exact(base: KnowledgeBase) -> VectorIndex:
    index = VectorIndex.create(base.dim)
    index.add(base.vectors(np.arange(len(base))))
    return index


def recall(base: KnowledgeBase, k: int = 5) -> float:
    _, found = base.search(queries(), k)
    _, expected = exact(base).search(queries(), k)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), expected.tolist(), strict=True)]))


@pytest.fixture(scope="module", params=FACTORIES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return build(numbered(0, COUNT), Directions(), tmp_path_factory.mktemp("built") / "base", index=request.param)


@pytest.fixture(params=FACTORIES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> KnowledgeBase:
    """One that a test may change."""
    return build(numbered(0, COUNT), Directions(), tmp_path / "base", index=request.param)


def test_building_twice_gives_the_same_files(built: KnowledgeBase, tmp_path: Path) -> None:
    again = build(numbered(0, COUNT), Directions(), tmp_path / "base", index=built.manifest.index_factory)
    assert again.manifest.files == built.manifest.files


def test_most_of_the_nearest_rows_are_found(built: KnowledgeBase) -> None:
    assert recall(built) > 0.9


def test_scores_are_the_exact_cosines_that_a_flat_index_gives(built: KnowledgeBase) -> None:
    scores, rows = built.search(queries(), 7)
    every_score, every_row = exact(built).search(queries(), COUNT)
    by_row = np.take_along_axis(every_score, np.argsort(every_row, axis=1), axis=1)
    np.testing.assert_array_equal(scores, np.take_along_axis(by_row, rows, axis=1))
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("batch", [1, 7, 30])
def test_a_query_gets_the_same_answer_in_every_batch_size(built: KnowledgeBase, batch: int) -> None:
    whole = built.search(queries(), 5)
    for start in range(0, 60, batch):
        part = built.search(queries()[start : start + batch], 5)
        for found, expected in zip(part, whole, strict=True):
            np.testing.assert_array_equal(found, expected[start : start + batch])


def test_as_many_rows_come_back_as_were_asked_for(built: KnowledgeBase) -> None:
    _, rows = built.search(queries(4), COUNT)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(np.arange(COUNT), (4, 1)))


def test_a_query_without_direction_scores_zero(built: KnowledgeBase) -> None:
    scores, rows = built.search(np.zeros((1, DIM)), 3)
    assert (scores.tolist(), rows.tolist()) == ([[0.0] * 3], [[0, 1, 2]])


def test_vectors_are_those_of_a_flat_base_to_the_last_bit(built: KnowledgeBase, tmp_path: Path) -> None:
    flat = build(numbered(0, COUNT), Directions(), tmp_path / "flat", index="flat")
    rows = [COUNT - 1, 0, 17]
    np.testing.assert_array_equal(built.vectors(rows), flat.vectors(rows))
    with pytest.raises(IndexError):
        built.vectors([COUNT])


def test_verify_finds_nothing_wrong(built: KnowledgeBase) -> None:
    assert [check for check in verify(built.path, Directions()) if check.problem] == []


def test_a_saved_copy_answers_alike(built: KnowledgeBase, tmp_path: Path) -> None:
    built.save(tmp_path / "copy")
    for found, expected in zip(
        KnowledgeBase.open(tmp_path / "copy").search(queries(), 5), built.search(queries(), 5), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_spacy_sees_the_vectors_of_any_kind_of_base(built: KnowledgeBase, tmp_path: Path) -> None:
    from spacy.vocab import Vocab

    from elinker.spacy_kb import OneGenKnowledgeBase

    OneGenKnowledgeBase(Vocab(), built).to_disk(tmp_path / "kb")
    kb = OneGenKnowledgeBase(Vocab()).from_disk(tmp_path / "kb")
    assert kb.get_vector("Q5") == built.vectors([5])[0].tolist()
    (candidate,) = kb.get_alias_candidates("entity 7")
    assert candidate.entity_ == "Q7"
    assert kb.get_alias_candidates("nobody") == []


def test_adding_and_removing_keeps_rows_scores_and_recall_without_encoding_again(base: KnowledgeBase) -> None:
    encoder = Directions()
    grown = add(base, numbered(COUNT, COUNT + 100), encoder)
    assert len(encoder.encoded) == 100
    gone = {f"Q{number}" for number in range(0, COUNT + 100, 9)}
    shrunk = remove(grown, gone)
    again = add(shrunk, numbered(2000, 2100), encoder)
    assert len(encoder.encoded) == 200
    assert [entity.id for entity in again.entities()] == [
        entity.id for entity in [*numbered(0, COUNT + 100), *numbered(2000, 2100)] if entity.id not in gone
    ]
    for state in (grown, shrunk, again):
        opened = KnowledgeBase.open(state.path) if state is again else state
        expected = Directions().encode_documents([entity.id for entity in opened.entities()])
        lengths = np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(opened.vectors(np.arange(len(opened))), expected / lengths, atol=1e-6)
        assert recall(opened) > 0.9
    assert [check for check in verify(again.path, encoder) if check.problem] == []


def test_a_removed_entity_is_never_found_again(base: KnowledgeBase) -> None:
    query = base.vectors([40])
    assert base.candidates(query, 1)[0][0].entity_id == "Q40"
    shrunk = remove(base, ["Q40", "Q0"])
    found = [candidate.entity_id for candidate in shrunk.candidates(query, len(shrunk))[0]]
    assert len(found) == len(set(found)) == COUNT - 2
    assert not {"Q40", "Q0"} & set(found)
    assert (shrunk.find("Q40"), shrunk.find("Q41")) == (None, 39)


def test_removed_nodes_of_a_graph_stay_as_slots_until_they_are_many(tmp_path: Path) -> None:
    base = build(numbered(0, COUNT), Directions(), tmp_path / "base", index="hnsw")
    few = remove(base, [f"Q{number}" for number in range(100)])
    assert np.load(few.path / "slots.npy").tolist() == [*[-1] * 100, *range(COUNT - 100)]
    many = remove(few, [f"Q{number}" for number in range(100, 400)])
    assert not (many.path / "slots.npy").exists()
    assert recall(many) > 0.9


def test_reindexing_gives_another_kind_without_encoding(built: KnowledgeBase, tmp_path: Path) -> None:
    built.save(tmp_path / "base")
    flat = reindex(KnowledgeBase.open(tmp_path / "base"), "flat")
    assert sorted(path.name for path in flat.path.iterdir() if "vectors" in path.name or "slots" in path.name) == []
    np.testing.assert_array_equal(flat.vectors(range(COUNT)), built.vectors(range(COUNT)))
    back = reindex(flat, "ivfpq")
    assert recall(back) > 0.9
    assert back.find("Q77") == 77


def test_the_first_entity_may_be_removed_and_its_text_is_then_unknown(tmp_path: Path) -> None:
    base = build(numbered(0, 5), Directions(), tmp_path / "base")
    shrunk = remove(base, ["Q0"])
    assert shrunk.manifest.entity_text_example is None
    assert [check for check in verify(shrunk.path, Directions()) if check.problem] == []
    assert add(shrunk, numbered(7, 8), Directions()).manifest.entity_text_example == "Q1"


def test_ids_that_are_not_in_the_base_are_listed_and_nothing_is_removed(tmp_path: Path) -> None:
    base = build(numbered(0, 5), Directions(), tmp_path / "base")
    with pytest.raises(InputError, match="2 ids are not in the base: Q7, Q9"):
        remove(base, ["Q1", "Q7", "Q9"])
    assert len(KnowledgeBase.open(base.path)) == 5


@pytest.mark.parametrize("ids", [[], ["Q0", "Q1", "Q2"]])
def test_a_removal_of_nothing_or_of_all_is_a_usage_error(tmp_path: Path, ids: list[str]) -> None:
    base = build(numbered(0, 3), Directions(), tmp_path / "base")
    with pytest.raises(UsageError):
        remove(base, ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_entities_can_have_any_kind(tmp_path: Path, kind: str) -> None:
    base = build(numbered(0, 20), Directions(), tmp_path / "base", index=kind)
    assert [candidate[0].entity_id for candidate in base.candidates(base.vectors([3]), 1)] == ["Q3"]


@pytest.mark.parametrize("index", ["IVF64,SQ8", "IVF4096_HNSW16,PQ4x4fs"])
def test_too_few_entities_for_an_index_are_a_usage_error_that_says_how_to_go_on(tmp_path: Path, index: str) -> None:
    with pytest.raises(UsageError, match="cannot be trained on 2 vectors") as caught:
        build(numbered(0, 2), Directions(), tmp_path / "two", index=index)
    assert caught.value.hint == "--index auto picks one that fits"
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("index", ["ivfpq", "IVF16,PQ4x4", "HNSW8_PQ4x4", "PQ4x4"])
def test_faiss_prints_no_advice_about_small_samples(
    tmp_path: Path, index: str, capfd: pytest.CaptureFixture[str]
) -> None:
    build(numbered(0, 300), Directions(), tmp_path / "base", index=index)
    assert capfd.readouterr() == ("", "")


def test_centroids_found_in_two_levels_lead_to_the_nearest_rows(tmp_path: Path) -> None:
    news: list[tuple[str, int, int | None]] = []
    base = build(
        numbered(0, COUNT),
        Directions(),
        tmp_path / "base",
        index="IVF1024_HNSW8,Flat",
        progress=lambda *heard: news.append(heard),
    )
    assert recall(base) > 0.9
    for stage in ("training", "indexing"):
        (total,) = {total for name, _, total in news if name == stage}
        assert sum(done for name, done, _ in news if name == stage) == total


@pytest.mark.parametrize(
    "index", ["", "flta", "IVF999999999,Flat", "PQ8x24", "HNSW9999", "IDMap,Flat", "NSG32", "Flat;rm", "PQ5", "a" * 99]
)
def test_an_index_that_a_base_cannot_hold_is_refused_before_anything_is_encoded(tmp_path: Path, index: str) -> None:
    encoder = Directions()
    with pytest.raises(UsageError):
        build(numbered(0, 20), encoder, tmp_path / "base", index=index)
    assert encoder.encoded == []
    assert list(tmp_path.iterdir()) == []


def test_an_approximate_base_opens_without_reading_its_vectors(tmp_path: Path) -> None:
    base = build(numbered(0, 50), Directions(), tmp_path / "base", index="ivfpq")
    opened: Any = base.index
    assert isinstance(opened.exact, np.memmap)


def tamper(base: KnowledgeBase, **keys: Any) -> None:
    """Write the files' present sizes and checksums into the manifest, as someone who tampers would."""
    manifest = json.loads((base.path / "manifest.json").read_text())
    for record in manifest["files"]:
        data = (base.path / record["name"]).read_bytes()
        record |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (base.path / "manifest.json").write_text(json.dumps(manifest | keys))


@pytest.fixture
def graph(tmp_path: Path) -> KnowledgeBase:
    return build(numbered(0, 200), Directions(), tmp_path / "base", index="HNSW8")


def write(base: KnowledgeBase, index: Any) -> None:
    faiss.write_index(index, str(base.path / "index.faiss"))
    tamper(base)


@pytest.mark.parametrize("factory", ["HNSW16", "HNSW8_SQ8", "IVF4,Flat", "Flat", "PCA4,HNSW8"])
def test_an_index_of_another_kind_than_the_manifest_says_is_refused(graph: KnowledgeBase, factory: str) -> None:
    other = faiss.index_factory(DIM, factory, faiss.METRIC_INNER_PRODUCT)
    vectors = graph.vectors(np.arange(200))
    other.train(vectors)
    other.add(vectors)
    write(graph, other)
    with pytest.raises(KnowledgeBaseError, match=r"index\.faiss"):
        KnowledgeBase.open(graph.path)


@pytest.mark.parametrize("link", [-2, 200, 2**31 - 1])
def test_a_graph_with_a_link_that_leads_outside_is_refused(graph: KnowledgeBase, link: int) -> None:
    index: Any = faiss.read_index(str(graph.path / "index.faiss"))
    faiss.rev_swig_ptr(index.hnsw.neighbors.data(), index.hnsw.neighbors.size())[0] = link
    write(graph, index)
    with pytest.raises(KnowledgeBaseError, match=r"index\.faiss"):
        KnowledgeBase.open(graph.path)


def test_lists_with_a_row_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    base = build(numbered(0, 200), Directions(), tmp_path / "base", index="IVF4,Flat")
    index: Any = faiss.read_index(str(base.path / "index.faiss"))
    for number in range(4):
        faiss.rev_swig_ptr(index.invlists.get_ids(number), index.invlists.list_size(number))[:] += 1000
    write(base, index)
    with pytest.raises(KnowledgeBaseError, match="does not exist"):
        KnowledgeBase.open(base.path).search(queries(2), 1)
    assert "index" in {check.name for check in verify(base.path) if check.problem}


def test_verify_finds_an_index_of_other_vectors(graph: KnowledgeBase) -> None:
    other = faiss.index_factory(DIM, "HNSW8", faiss.METRIC_INNER_PRODUCT)
    other.add(-graph.vectors(np.arange(200)))
    write(graph, other)
    assert [check.name for check in verify(graph.path) if check.problem] == ["index"]


@pytest.mark.parametrize("kind", ["HNSW8", "IVF4_HNSW8,PQ4x4fs", "IVF4,SQ8", "OPQ4_8,IVF4,PQ4x4"])
def test_a_file_with_broken_numbers_is_an_error_or_harmless(tmp_path: Path, kind: str) -> None:
    base = build(numbered(0, 300), Directions(), tmp_path / "base", index=kind)
    path = base.path / "index.faiss"
    sound = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(sound)
        start = int(random.integers(4, min(len(data), 2000)))
        data[start : start + 4] = random.bytes(4)
        path.write_bytes(data)
        tamper(base)
        try:
            scores, _ = KnowledgeBase.open(base.path).search(queries(4), 3)
        except KnowledgeBaseError:
            continue
        assert scores.shape == (4, 3)


def test_slots_that_do_not_fit_the_graph_are_refused(tmp_path: Path) -> None:
    base = remove(build(numbered(0, 200), Directions(), tmp_path / "base", index="HNSW8"), ["Q3"])
    for wrong in ([0] * 200, [*range(199), 500], list(range(150))):
        np.save(base.path / "slots.npy", np.array(wrong, np.int64))
        tamper(base)
        with pytest.raises(KnowledgeBaseError):
            KnowledgeBase.open(base.path)


def test_vectors_of_another_shape_are_refused(graph: KnowledgeBase) -> None:
    for shape in ((200, DIM + 1), (199, DIM)):
        np.save(graph.path / "vectors.npy", np.ones(shape, np.float32))
        tamper(graph)
        with pytest.raises(KnowledgeBaseError, match=r"vectors\.npy has"):
            KnowledgeBase.open(graph.path)


def test_vectors_that_would_have_to_be_unpickled_are_refused(graph: KnowledgeBase) -> None:
    np.save(graph.path / "vectors.npy", np.array([object()] * 200), allow_pickle=True)
    tamper(graph)
    with pytest.raises(KnowledgeBaseError, match=r"vectors\.npy cannot be read"):
        KnowledgeBase.open(graph.path)


@pytest.mark.parametrize("keys", [{"search": None}, {"index_factory": "Flat"}, {"search": {"nprobe": 0}}])
def test_a_manifest_whose_search_does_not_fit_its_index_is_refused(graph: KnowledgeBase, keys: dict[str, Any]) -> None:
    tamper(graph, **keys)
    with pytest.raises(KnowledgeBaseError, match=r"manifest\.json"):
        KnowledgeBase.open(graph.path)


def test_search_settings_of_the_manifest_are_what_a_search_uses(tmp_path: Path) -> None:
    base = build(numbered(0, COUNT), Directions(), tmp_path / "base", index="IVF64,Flat")
    tamper(base, search={"nprobe": 1, "refine": 20})
    narrow = KnowledgeBase.open(base.path)
    tamper(base, search={"nprobe": 64, "refine": 20})
    assert recall(narrow) < recall(KnowledgeBase.open(base.path)) == 1.0
