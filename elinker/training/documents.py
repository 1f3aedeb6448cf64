"""The documents of a training: their sequences, a bank of recent vectors, and the choice of hard negatives."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from elinker.errors import InputError
from elinker.labelled.conversations import Conversation
from elinker.onegen.layout import Layout, TokenSequence
from elinker.schema import Entity
from elinker.training.anchors import Anchor
from elinker.training.conversations import Dialect


class DocumentBank:
    """All vectors that can be retrieved in a training, one a row, as they were last known.

    The bank is a cheap source of negatives: every row is one in every step, without encoding it again. Vectors of
    documents that were encoded with gradients are written back at once, the rest at `refresh`.

    Args:
        sequences: the documents.
        row_of: row of each id; rows number the retrieval tokens of the sequences, one sequence after the other.
        names: rows that bear a name, the name in lower case.
    """

    def __init__(
        self,
        sequences: Sequence[TokenSequence],
        row_of: Mapping[str, int],
        names: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.sequences = list(sequences)
        self.places = [
            (number, position) for number, sequence in enumerate(sequences) for position in sequence.retrieval
        ]
        self.row_of = row_of
        self.vectors: Tensor | None = None
        self._named = names or {}

    @classmethod
    def of_entities(cls, entities: Sequence[Entity], layout: Layout) -> "DocumentBank":
        """A row an entity."""
        named: dict[str, list[int]] = defaultdict(list)
        for row, entity in enumerate(entities):
            for name in {name.casefold() for name in entity.names}:
                named[name].append(row)
        sequences = [layout.document(layout.entity_text(entity)) for entity in entities]
        return cls(sequences, {entity.id: row for row, entity in enumerate(entities)}, named)

    @classmethod
    def of_passages(cls, passages: Sequence[Conversation], dialect: Dialect, max_tokens: int) -> "DocumentBank":
        """A row a document token: `uid-0`, `uid-1` …; `uid` alone is the first.

        Raises:
            InputError: a passage has none within `max_tokens`.
        """
        sequences = [dialect.sequence(passage, max_tokens) for passage in passages]
        row_of: dict[str, int] = {}
        rows = 0
        for passage, sequence in zip(passages, sequences, strict=True):
            if not sequence.retrieval:
                raise InputError(f"document {passage.id!r} has no document token within {max_tokens} tokens")
            row_of[passage.id] = rows
            for number in range(len(sequence.retrieval)):
                row_of[f"{passage.id}-{number}"] = rows
                rows += 1
        return cls(sequences, row_of)

    def __len__(self) -> int:
        return len(self.places)

    def knows(self, surface: str) -> bool:
        """Whether some entity has this name."""
        return surface.casefold() in self._named

    def refresh(self, encode: Callable[[Sequence[int]], Tensor]) -> None:
        """Encode every row with the model as it is now; `encode` gives vectors of length 1, shape (rows, dim)."""
        self.vectors = encode(range(len(self)))

    def update(self, rows: Sequence[int], vectors: Tensor) -> None:
        """Write back vectors that were just made; shape (rows, dim)."""
        if self.vectors is not None:
            self.vectors[list(rows)] = vectors.detach().float()

    def hard_negatives(
        self, anchors: Sequence[Anchor], count: int, each: int, generator: random.Random, *, fill: bool = False
    ) -> dict[int, list[int]]:
        """Up to `count` rows in all, `each` an anchor, that are easily mistaken: for each positive row, its negatives.

        Those that the data name come first. Of the rest half share the mention's surface form, half are the nearest of
        the positive in the bank. What is right for an anchor is never a negative of it.

        Args:
            anchors: those with a positive.
            count: most negatives in all.
            each: most negatives of one anchor.
            generator: source of the draws.
            fill: whether rows drawn at random make up for what is missing.
        """
        chosen: dict[int, list[int]] = defaultdict(list)
        order = list(anchors)
        generator.shuffle(order)
        left = count
        for anchor in order:
            if left <= 0:
                break
            picked = self._pick(anchor, each, generator)
            while fill and len(picked) < each and len(self) > len(anchor.right | set(picked)):
                row = generator.randrange(len(self))
                if row not in anchor.right and row not in picked:
                    picked.append(row)
            chosen[anchor.known].extend(picked[:left])
            left -= len(picked)
        return chosen

    def _pick(self, anchor: Anchor, each: int, generator: random.Random) -> list[int]:
        if anchor.negatives:
            return generator.sample(anchor.negatives, min(each, len(anchor.negatives)))
        named = [row for row in self._named.get(anchor.surface.casefold(), ()) if row not in anchor.right]
        picked = generator.sample(named, min((each + 1) // 2, len(named)))
        if self.vectors is not None and each > 1:
            nearest = (self.vectors @ self.vectors[anchor.known]).topk(min(4 * each, len(self))).indices.tolist()
            near = [row for row in nearest if row not in anchor.right]
            picked += generator.sample(near, min(each // 2, len(near)))
        return picked
