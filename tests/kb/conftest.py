"""A small base and a small encoder that behaves like a model: similar names get similar vectors."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from elinker.kb import KnowledgeBase, build
from elinker.schema import Entity


class NgramEncoder:
    """Hashed character trigrams, scaled to unit length; `encoded` remembers every text it was given."""

    def __init__(self, seed: int = 0, dim: int = 64) -> None:
        self.seed = seed
        self.dim = dim
        self.fingerprint = hashlib.sha256(f"ngram {seed} {dim}".encode()).hexdigest()
        self.encoded: list[str] = []

    def entity_text(self, entity: Entity) -> str:
        return f"{entity.label} ({', '.join(entity.aliases)}). {entity.description}"

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            self.encoded.append(text)
            for start in range(max(1, len(text) - 2)):
                digest = hashlib.sha256(f"{self.seed}{text[start : start + 3].lower()}".encode()).digest()
                vectors[row, digest[0] % self.dim] += 1.0
            if progress is not None:
                progress(1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode_documents(texts)


ENTITIES = (
    Entity("Q19837", "Steve Jobs", ("Jobs", "Steve"), "co-founder of Apple", ("person",)),
    Entity("Q312", "Apple", ("Apple Inc.",), "American maker of computers", ("organization",)),
    Entity("Q89", "apple", (), "fruit of the apple tree", ("food",)),
    Entity("Q127552", "Pixar", (), "animation studio", ("organization",)),
    Entity("Q1490", "東京", ("Tōkyō", "Tokyo"), "capital of Japan", ("place",)),
)


@pytest.fixture
def encoder() -> NgramEncoder:
    return NgramEncoder()


@pytest.fixture
def other_encoder() -> NgramEncoder:
    return NgramEncoder(seed=1)


@pytest.fixture
def entities() -> tuple[Entity, ...]:
    return ENTITIES


@pytest.fixture
def base(tmp_path: Path, encoder: NgramEncoder) -> KnowledgeBase:
    made = build(ENTITIES, encoder, tmp_path / "base", url_template="https://www.wikidata.org/wiki/{id}")
    encoder.encoded.clear()
    return made
