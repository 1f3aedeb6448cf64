import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elinker.kb import KnowledgeBase, verify
from elinker.kb.manifest import FILES, FileRecord


def problems(path: Path, encoder: Any = None) -> dict[str, str]:
    return {check.name: check.problem for check in verify(path, encoder) if check.problem is not None}


def accept_as_is(path: Path) -> None:
    """Write the files' present sizes and checksums into the manifest, as someone who tampers would."""
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"] = [FileRecord.of(path / name).model_dump() for name in FILES]
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_a_sound_base_has_no_problems(base: KnowledgeBase, encoder: Any) -> None:
    assert problems(base.path, encoder) == {}


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found_by_checksum(base: KnowledgeBase, name: str) -> None:
    data = bytearray((base.path / name).read_bytes())
    data[-1] ^= 1
    (base.path / name).write_bytes(data)
    assert f"checksum of {name}" in problems(base.path)


def test_a_missing_file_is_reported(base: KnowledgeBase) -> None:
    (base.path / "index.faiss").unlink()
    assert {"checksum of index.faiss", "sizes and counts"} <= problems(base.path).keys()


def test_a_directory_that_is_no_base_is_reported(tmp_path: Path) -> None:
    assert problems(tmp_path).keys() == {"manifest"}


@pytest.mark.parametrize(("stem", "check"), [("ids", "lookup of ids"), ("names", "lookup of names")])
def test_a_lookup_that_does_not_match_the_table_is_found(base: KnowledgeBase, stem: str, check: str) -> None:
    path = base.path / f"{stem}.rows.npy"
    np.save(path, np.load(path)[::-1].copy())
    accept_as_is(base.path)
    assert problems(base.path).keys() == {check}


def test_vectors_that_are_not_of_unit_length_are_found(base: KnowledgeBase) -> None:
    path = base.path / "index.faiss"
    data = path.read_bytes()
    path.write_bytes(data[:-4] + np.float32(7).tobytes())
    accept_as_is(base.path)
    assert problems(base.path) == {"vectors": "the vector of row 4 is not of unit length"}


def test_another_model_is_found(base: KnowledgeBase, other_encoder: Any) -> None:
    assert problems(base.path, other_encoder).keys() == {"model"}


def test_a_model_that_encodes_otherwise_than_its_fingerprint_says_is_found(
    base: KnowledgeBase, encoder: Any, other_encoder: Any
) -> None:
    other_encoder.fingerprint = encoder.fingerprint
    assert problems(base.path, other_encoder).keys() == {"vectors of a few entities"}
