import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elinker.errors import KnowledgeBaseError
from elinker.kb import KnowledgeBase
from elinker.kb.lookup import HashLookup
from elinker.kb.names import text_hash
from elinker.schema import Entity


def test_an_opened_base_gives_back_what_was_built(base: KnowledgeBase, entities: tuple[Entity, ...]) -> None:
    opened = KnowledgeBase.open(base.path)
    assert len(opened) == len(entities)
    assert tuple(opened.entities()) == entities
    assert [opened.find(entity.id) for entity in entities] == list(range(len(entities)))
    assert opened.manifest.entity_text_example == "Steve Jobs (Jobs, Steve). co-founder of Apple"


def test_an_unknown_id_has_no_row(base: KnowledgeBase) -> None:
    assert base.find("Q404") is None


@pytest.mark.parametrize(
    ("name", "rows"),
    [("APPLE", [1, 2]), ("  apple  inc. ", [1]), ("steve", [0]), ("To\u0304kyo\u0304", [4]), ("nobody", []), ("", [])],
)
def test_names_find_all_their_bearers_by_label_or_alias(base: KnowledgeBase, name: str, rows: list[int]) -> None:
    assert list(base.rows_named(name)) == rows


def test_a_hash_collision_is_not_taken_for_a_hit(base: KnowledgeBase) -> None:
    collision = HashLookup(np.array([text_hash("Q5")], np.uint64), np.array([1], np.int64))
    base.ids = collision
    base.names = HashLookup(np.array([text_hash("pear")], np.uint64), np.array([1], np.int64))
    assert base.find("Q5") is None
    assert list(base.rows_named("pear")) == []


def test_each_row_of_a_collision_is_compared(base: KnowledgeBase) -> None:
    base.ids = HashLookup(np.full(2, text_hash("Q312"), np.uint64), np.array([0, 1], np.int64))
    assert base.find("Q312") == 1


def test_candidates_are_the_nearest_entities_best_first(base: KnowledgeBase, encoder: Any) -> None:
    query = encoder.encode_documents([encoder.entity_text(base.entity(3))])
    (found,) = base.candidates(query, 3)
    assert (found[0].entity_id, found[0].label) == ("Q127552", "Pixar")
    assert found[0].score == pytest.approx(1.0, abs=1e-6)
    assert [candidate.score for candidate in found] == sorted((c.score for c in found), reverse=True)


def test_vectors_of_rows_are_those_the_model_gave(base: KnowledgeBase, encoder: Any) -> None:
    rows = [4, 0]
    expected = encoder.encode_documents([encoder.entity_text(base.entity(row)) for row in rows])
    np.testing.assert_allclose(base.vectors(rows), expected, atol=1e-6)
    assert base.vectors([]).shape == (0, base.dim)


def test_the_model_that_made_the_base_is_accepted(base: KnowledgeBase, encoder: Any) -> None:
    base.check_model(encoder)


def test_another_model_is_refused_with_both_fingerprints_and_the_remedy(
    base: KnowledgeBase, encoder: Any, other_encoder: Any
) -> None:
    with pytest.raises(KnowledgeBaseError) as caught:
        base.check_model(other_encoder)
    assert encoder.fingerprint[:12] in caught.value.message
    assert other_encoder.fingerprint[:12] in caught.value.message
    assert f"elinker kb build ENTITIES --model MODEL -o {base.path} --overwrite" in str(caught.value)


@pytest.mark.parametrize("name", ["entities.arrow", "index.faiss", "ids.rows.npy", "names.hashes.npy"])
def test_a_file_cut_short_is_refused_by_name(base: KnowledgeBase, name: str) -> None:
    path = base.path / name
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(KnowledgeBaseError, match=rf"{name} has \d+ bytes, the manifest says"):
        KnowledgeBase.open(base.path)


def test_a_missing_file_is_refused_by_name(base: KnowledgeBase) -> None:
    (base.path / "index.faiss").unlink()
    with pytest.raises(KnowledgeBaseError, match=r"index\.faiss is missing"):
        KnowledgeBase.open(base.path)


def test_a_directory_without_a_manifest_is_not_a_base(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match="is not a knowledge base"):
        KnowledgeBase.open(tmp_path)


def test_a_base_left_aside_by_a_crash_is_pointed_out(base: KnowledgeBase) -> None:
    base.path.rename(base.path.with_name(".base.previous"))
    with pytest.raises(KnowledgeBaseError, match=r"mv .*base\.previous"):
        KnowledgeBase.open(base.path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x08\x00{'descr'", b"\x80\x04N."])
def test_a_lookup_that_is_no_array_is_refused(base: KnowledgeBase, content: bytes) -> None:
    path = base.path / "ids.rows.npy"
    path.write_bytes(content)
    manifest = json.loads((base.path / "manifest.json").read_text())
    for record in manifest["files"]:
        record["size"] = (base.path / record["name"]).stat().st_size
    (base.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(KnowledgeBaseError, match=r"ids\.rows\.npy"):
        KnowledgeBase.open(base.path)


@pytest.mark.parametrize("row", [-1, 5, 1 << 40])
def test_a_lookup_that_leads_outside_of_the_table_is_damaged(base: KnowledgeBase, row: int) -> None:
    np.save(base.path / "ids.rows.npy", np.full(5, row, np.int64))
    with pytest.raises(KnowledgeBaseError, match="leads outside of the table"):
        KnowledgeBase.open(base.path).find("Q312")
