"""A base that workers of Ray encode is the base that this process encodes, file by file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker import Entity
from elinker.cluster.encoder import BATCHES, RayEncoder
from elinker.cluster.session import ClusterSettings
from elinker.kb import build

ENTITIES = [Entity(f"Q{number}", f"name {number}", (), f"the number {number}") for number in range(70)]


@pytest.fixture(scope="module")
def encoder(ray_here: Any, load_model: Callable[[], Any]) -> Any:
    with RayEncoder(load_model, ClusterSettings(workers=2)) as encoder:
        yield encoder


@pytest.mark.parametrize("index", ["flat", "IVF2,SQ8"])
def test_a_base_has_the_same_files_whoever_encodes(
    index: str, encoder: RayEncoder, load_model: Callable[[], Any], tmp_path: Path
) -> None:
    bases = [
        build(ENTITIES, model, tmp_path / name, index=index, batch_size=3)
        for name, model in {"here": load_model(), "workers": encoder}.items()
    ]
    assert bases[0].manifest.files == bases[1].manifest.files
    assert bases[0].manifest.fingerprint == bases[1].manifest.fingerprint
    assert bases[0].manifest.entity_text_example == bases[1].manifest.entity_text_example


def test_progress_tells_of_each_portion(encoder: RayEncoder) -> None:
    heard: list[int] = []
    encoder.encode_documents(["text"] * 35, batch_size=2, progress=heard.append)
    assert heard == [2 * BATCHES, 2 * BATCHES, 35 - 4 * BATCHES]


def test_no_texts_are_no_vectors(encoder: RayEncoder) -> None:
    assert encoder.encode_documents([]).shape == (0, encoder.dim)
