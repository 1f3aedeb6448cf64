"""A knowledge base of published vectors: entities joined to them by id, in the order of the vectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elinker.errors import InputError, KnowledgeBaseError
from elinker.kb.base import KnowledgeBase
from elinker.kb.build import build
from elinker.kb.encoder import Encoder
from elinker.kb.importers.embeddings import Embeddings
from elinker.kb.importers.source import Source
from elinker.kb.progress import Progress
from elinker.schema import Entity

_LISTED = 10


@dataclass(slots=True)
class ReadyVectors:
    """An encoder whose vectors are there already: each call gives those of the next rows."""

    model: Encoder
    embeddings: Embeddings
    entities: Sequence[Entity]
    _done: int = field(default=0, init=False)

    @property
    def fingerprint(self) -> str:
        """That of the model."""
        return self.model.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.embeddings.dim

    def entity_text(self, entity: Entity) -> str:
        """What the model reads about an entity."""
        return self.model.entity_text(entity)

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """The vectors of the next rows, which must be those of the texts. *Shape:* (len(texts), dim)."""
        start, stop = self._done, self._done + len(texts)
        if list(texts) != [self.entity_text(entity) for entity in self.entities[start:stop]]:
            raise KnowledgeBaseError(f"rows {start} to {stop} were asked for out of order")
        self._done = stop
        if progress is not None:
            progress(len(texts))
        return self.embeddings.rows(start, stop)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the model does."""
        return self.model.encode_queries(texts)


def join(embeddings: Embeddings, documents: Source, reader: Callable[[bytes], Entity]) -> list[Entity]:
    """The entity of each row, by id; entities without a vector are passed over.

    They are held in memory, about 1 KB each, which is little beside their vectors.

    Raises:
        InputError: a line cannot be read, or rows have no entity (the message lists the first).
    """
    wanted = {label: row for row, label in enumerate(embeddings.labels)}
    entities: list[Entity | None] = [None] * len(embeddings)
    for number, line in documents.lines():
        if not line:
            continue
        try:
            entity = reader(line)
        except InputError as error:
            raise InputError(f"{documents.path}: line {number}: {error.message}") from None
        if (row := wanted.get(entity.id)) is not None:
            entities[row] = entity
    missing = [embeddings.labels[row] for row, entity in enumerate(entities) if entity is None]
    if missing:
        more = f" and {len(missing) - _LISTED:,} more" if len(missing) > _LISTED else ""
        raise InputError(
            f"{documents.path} lacks {len(missing):,} of the {len(embeddings):,} entities that have vectors: "
            f"{', '.join(missing[:_LISTED])}{more}",
            hint="give the documents that the vectors were made of",
        )
    return [entity for entity in entities if entity is not None]


def build_from_vectors(
    embeddings: Embeddings,
    entities: Sequence[Entity],
    model: Encoder,
    out: Path,
    *,
    url_template: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> KnowledgeBase:
    """Make a base whose vectors are these, scaled to unit length, in their order.

    Raises:
        KnowledgeBaseError: the model's vectors are of another length.
        UsageError, InputError: as `build`.
    """
    if model.dim != embeddings.dim:
        raise KnowledgeBaseError(
            f"the vectors have {embeddings.dim} dimensions, those of the model have {model.dim}",
            hint="give the model that made the vectors",
        )
    ready = ReadyVectors(model, embeddings, entities)
    return build(entities, ready, out, url_template=url_template, overwrite=overwrite, progress=progress)
