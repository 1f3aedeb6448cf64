"""An index of passages has the promises of a knowledge base: exact search, add, remove, verify, one model."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from elinker.errors import InputError, KnowledgeBaseError, UsageError
from elinker.rag.splitting import SourceDocument

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.rag.passages import PassageIndex


@pytest.fixture(scope="module")
def onegen(answering: Any) -> "OneGen":
    return answering["bert"]  # type: ignore[no-any-return]


@pytest.fixture
def index(onegen: "OneGen", documents: Sequence[SourceDocument], tmp_path: Path) -> "PassageIndex":
    from elinker.rag.indexing import build_index

    return build_index(documents, onegen, tmp_path / "index", size=24)


def test_every_passage_comes_back_with_its_document_and_offsets(
    index: "PassageIndex", documents: Sequence[SourceDocument]
) -> None:
    whole = {document.id: document for document in documents}
    assert {passage.document_id for passage in index.passages()} == set(whole)
    for passage in index.passages():
        document = whole[passage.document_id]
        assert passage.title == document.title
        assert document.text[passage.start : passage.end] == passage.text


def test_a_passage_has_a_vector_a_sentence_and_is_found_by_each(index: "PassageIndex") -> None:
    assert index.manifest.vectors == index.first[-1] > len(index)
    for row in range(len(index)):
        chunk = index.table[row]
        assert index.first[row + 1] - index.first[row] == len(chunk.sentences)
        for number, sentence in enumerate(chunk.sentences):
            ((best, *_),) = index.retrieve(index.vectors([int(index.first[row]) + number]), 2)
            assert (best.passage, best.sentence) == (chunk.passage, sentence)
            assert best.score == pytest.approx(1.0, abs=1e-5)


def test_passages_are_found_once_each_and_in_the_order_of_their_best_sentence(index: "PassageIndex") -> None:
    query = np.random.default_rng(1).normal(size=(3, index.dim)).astype(np.float32)
    vectors = index.vectors(np.arange(len(index.index)))
    for scores, found in zip(query @ vectors.T, index.retrieve(query, len(index)), strict=True):
        best = [max(scores[index.first[row] : index.first[row + 1]]) for row in range(len(index))]
        expected = [index.passage(row).id for row in np.argsort(best)[::-1]]
        assert [retrieved.passage.id for retrieved in found] == expected


def test_a_search_among_entities_is_the_search_among_all_without_the_others(index: "PassageIndex") -> None:
    query = np.random.default_rng(2).normal(size=(4, index.dim)).astype(np.float32)
    for every, some in zip(index.retrieve(query, len(index)), index.retrieve(query, 9, ("Q312", "Q61")), strict=True):
        kept = [found for found in every if {"Q312", "Q61"} & set(found.passage.entities)]
        assert [found.passage.id for found in some] == [found.passage.id for found in kept]
        assert [found.sentence for found in some] == [found.sentence for found in kept]


def test_one_vector_a_passage_where_the_model_is_so_made(make_answering: Any, documents: Any, tmp_path: Path) -> None:
    from elinker.rag.indexing import build_index

    passage = {"template": "{text}", "token": "[RD]", "unit": "passage", "max_length": 60}
    index = build_index(documents, make_answering("bert", passage=passage), tmp_path / "one")
    assert index.manifest.vectors == len(index)
    assert index.retrieve(index.vectors([0]), 1)[0][0].sentence is None


def test_documents_are_added_without_touching_those_that_are_there(index: "PassageIndex", onegen: "OneGen") -> None:
    from elinker.rag.indexing import add_documents

    old = index.vectors(np.arange(len(index.index)))
    grown = add_documents(index, [SourceDocument("d9", "New", "Pixar is a name. It is watched.")], onegen)
    assert [passage.id for passage in grown.passages()][-1] == "d9"
    np.testing.assert_array_equal(grown.vectors(np.arange(len(old))), old)
    assert len(grown.index) == len(old) + 2
    with pytest.raises(InputError, match="'d1' occurs more than once"):
        add_documents(grown, [SourceDocument("d1", "", "again")], onegen)


def test_documents_and_passages_are_removed_with_their_vectors(index: "PassageIndex") -> None:
    from elinker.rag.indexing import remove_documents

    kept = [row for row in range(len(index)) if index.passage(row).document_id not in ("d1", "d3")]
    vectors = [index.vectors(np.arange(index.first[row], index.first[row + 1])) for row in kept]
    left = remove_documents(index, ["d1", "d3"])
    assert [passage.id for passage in left.passages()] == [index.passage(row).id for row in kept]
    np.testing.assert_array_equal(left.vectors(np.arange(len(left.index))), np.concatenate(vectors))
    assert left.rows_with(["Q90"]) == []
    with pytest.raises(InputError, match="1 ids are not in the index: d1"):
        remove_documents(left, ["d1"])
    with pytest.raises(UsageError, match="no passage would be left"):
        remove_documents(left, [passage.id for passage in left.passages()])


def problems(path: Path, onegen: "OneGen | None" = None) -> dict[str, str | None]:
    from elinker.rag.verify import verify_index

    return {check.name: check.problem for check in verify_index(path, onegen)}


def test_a_sound_index_passes_every_check(index: "PassageIndex", onegen: "OneGen") -> None:
    checks = problems(index.path, onegen)
    assert set(checks.values()) == {None}
    assert {"offsets", "vectors", "vectors of a few passages", "lookup of entities"} <= set(checks)


@pytest.mark.parametrize("name", ["passages.arrow", "passages.first.npy", "index.faiss", "entities.rows.npy"])
def test_a_changed_byte_is_noticed(index: "PassageIndex", name: str) -> None:
    content = bytearray((index.path / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (index.path / name).write_bytes(content)
    assert problems(index.path)[f"checksum of {name}"] is not None


def test_a_file_that_is_missing_or_cut_short_is_an_error_when_it_is_opened(index: "PassageIndex") -> None:
    from elinker.rag.passages import PassageIndex

    path = index.path / "passages.arrow"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(KnowledgeBaseError, match="it is damaged"):
        PassageIndex.open(index.path)
    path.unlink()
    with pytest.raises(KnowledgeBaseError, match=r"passages\.arrow is missing"):
        PassageIndex.open(index.path)


def test_another_model_is_refused_and_noticed(index: "PassageIndex", make_answering: Any) -> None:
    from elinker.rag.indexing import add_documents

    other = make_answering("bert", seed=3)
    assert "was made by model" in str(problems(index.path, other)["model"])
    with pytest.raises(KnowledgeBaseError, match="was made by model"):
        add_documents(index, [SourceDocument("n", "", "text")], other)


def test_a_knowledge_base_is_no_index_and_an_index_no_knowledge_base(index: "PassageIndex", tmp_path: Path) -> None:
    from elinker.kb import KnowledgeBase
    from elinker.rag.passages import PassageIndex

    with pytest.raises(KnowledgeBaseError, match="is not a knowledge base"):
        KnowledgeBase.open(index.path)
    manifest = json.loads((index.path / "manifest.json").read_text())
    del manifest["kind"]
    (index.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(KnowledgeBaseError, match="is not a passage index"):
        PassageIndex.open(index.path)
    with pytest.raises(KnowledgeBaseError, match="no passage index at"):
        PassageIndex.open(tmp_path / "nowhere")


@pytest.mark.parametrize("documents", [[], [SourceDocument("a", "t", " \n ")]], ids=["none", "blank"])
def test_an_index_without_passages_is_not_made(documents: Any, onegen: "OneGen", tmp_path: Path) -> None:
    from elinker.rag.indexing import build_index

    with pytest.raises(InputError, match="there are no passages to store"):
        build_index(documents, onegen, tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


def test_an_index_is_replaced_only_where_that_is_asked_for(index: "PassageIndex", onegen: "OneGen") -> None:
    from elinker.rag.indexing import build_index

    one = [SourceDocument("a", "t", "Steve.")]
    with pytest.raises(UsageError, match="exists"):
        build_index(one, onegen, index.path)
    assert len(build_index(one, onegen, index.path, overwrite=True)) == 1
    other = index.path.parent / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a passage index"):
        build_index(one, onegen, other, overwrite=True)


def test_an_approximate_index_finds_grows_and_shrinks_as_the_exact_one(onegen: "OneGen", tmp_path: Path) -> None:
    from elinker.rag.indexing import add_documents, build_index, remove_documents

    documents = [SourceDocument(str(n), "", f"Steve {n} is here. Apple {n * 7} is there.") for n in range(60)]
    index = build_index(documents[:50], onegen, tmp_path / "hnsw", index="HNSW32")
    index = remove_documents(add_documents(index, documents[50:], onegen), ["3", "55"])
    assert set(problems(index.path, onegen).values()) == {None}
    found = index.retrieve(index.vectors(index.first[:-1]), 1)
    assert [best.score for (best,) in found] == pytest.approx([1.0] * len(index), abs=1e-4)
    assert len(index) == 58


def test_half_a_character_is_refused_with_its_place(onegen: "OneGen", tmp_path: Path) -> None:
    from elinker.rag.indexing import build_index

    with pytest.raises(InputError, match=r"document 'd': text has a lone surrogate \\ud800 at character 2"):
        build_index([SourceDocument("d", "", "ab\ud800")], onegen, tmp_path / "index")
