"""What a knowledge base needs of a model. The model itself is `elinker.onegen`; nothing here imports it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elinker.schema import Entity


class EntityEncoder(Protocol):
    """Turns entities into vectors; `fingerprint` changes with everything that changes the vectors."""

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of what determines the vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def entity_text(self, entity: Entity) -> str:
        """The text that stands for an entity."""

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """One vector of unit length a text. *Shape:* (len(texts), dim). `progress` hears how many more are done."""


class Encoder(EntityEncoder, Protocol):
    """Turns queries into vectors, too."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One query vector a text, read as a mention. *Shape:* (len(texts), dim); zero for a text without tokens."""
