"""The entity documents of a training: their sequences, a bank of recent vectors, and the choice of hard negatives."""

import random
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from elinker.onegen.layout import TokenSequence
from elinker.onegen.model import OneGen
from elinker.schema import Entity


class DocumentBank:
    """All entities of a training with their latest known vectors.

    The bank is a cheap source of negatives: every entity is one in every step, without encoding it again. Vectors of
    documents that were encoded with gradients are written back at once, the rest at `refresh`.
    """

    def __init__(self, entities: Sequence[Entity], onegen: OneGen) -> None:
        self._onegen = onegen
        self._texts = [onegen.entity_text(entity) for entity in entities]
        self.sequences: list[TokenSequence] = [onegen.layout.document(text) for text in self._texts]
        self.row_of = {entity.id: row for row, entity in enumerate(entities)}
        self.vectors: Tensor | None = None
        self._named: dict[str, list[int]] = defaultdict(list)
        for row, entity in enumerate(entities):
            for name in {name.casefold() for name in entity.names}:
                self._named[name].append(row)

    def __len__(self) -> int:
        return len(self._texts)

    def knows(self, surface: str) -> bool:
        """Whether some entity has this name."""
        return surface.casefold() in self._named

    def refresh(self) -> None:
        """Encode every entity with the model as it is now."""
        vectors = self._onegen.encode_documents(self._texts, batch_size=128)
        self.vectors = torch.from_numpy(vectors).to(self._onegen.device)

    def update(self, rows: Sequence[int], vectors: Tensor) -> None:
        """Write back vectors that were just made; shape (rows, dim)."""
        if self.vectors is not None:
            self.vectors[list(rows)] = vectors.detach().float()

    def hard_negatives(
        self, positives: Sequence[int], surfaces: Sequence[str], count: int, generator: random.Random
    ) -> dict[int, list[int]]:
        """Up to `count` rows in all that are easily mistaken: for each positive row, its negatives.

        Half are entities that share the mention's surface form, half are the nearest of the positive in the bank.
        """
        chosen: dict[int, list[int]] = defaultdict(list)
        pairs = list(zip(positives, surfaces, strict=True))
        generator.shuffle(pairs)
        left = count
        for positive, surface in pairs:
            if left <= 0:
                break
            named = [row for row in self._named.get(surface.casefold(), ()) if row != positive]
            picked = generator.sample(named, min(1, len(named)))
            if self.vectors is not None:
                nearest = (self.vectors @ self.vectors[positive]).topk(min(8, len(self))).indices.tolist()
                near = [row for row in nearest if row != positive]
                picked += generator.sample(near, min(1, len(near)))
            chosen[positive].extend(picked[:left])
            left -= len(picked)
        return chosen
