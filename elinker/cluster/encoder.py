"""Entities encoded by workers that each load the model once: what `elinker.kb.build` uses in the place of a model."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elinker.cluster.session import ClusterError, ClusterSettings
from elinker.cluster.stream import Workers
from elinker.kb.encoder import EntityEncoder
from elinker.schema import Entity

BATCHES = 8
"""Batches that a worker is sent at a time."""


class Model(EntityEncoder, Protocol):
    """What a worker needs of a model (`elinker.onegen.model.OneGen` is one)."""

    @property
    def layout(self) -> Any:
        """What makes the texts of entities; it is pickled."""


_Work = tuple[list[str], int]
_Answer = tuple[str, Any]


class RayEncoder(Workers[_Work, _Answer]):
    """Encodes entity texts on workers of Ray (an `EntityEncoder`), as a context.

    A worker gets whole batches, the ones that a single process would make: the vectors are the same.

    Args:
        load: loads the model in a worker; it is pickled.
        settings: the workers.

    Raises:
        ElinkerError: the workers cannot load the model.
        UsageError: there is no such cluster, or no room on it.
    """

    def __init__(self, load: Callable[[], Model], settings: ClusterSettings) -> None:
        super().__init__(_Load(load), settings)

    def _meet(self, answer: _Answer) -> None:
        self.fingerprint, (self.dim, self._texts) = answer

    def entity_text(self, entity: Entity) -> str:
        """See `EntityEncoder.entity_text`."""
        text: str = self._texts.entity_text(entity)
        return text

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """See `EntityEncoder.encode_documents`.

        Raises:
            ClusterError: workers were lost again and again, or they do not have the same model.
        """
        vectors = np.empty((len(texts), self.dim), np.float32)
        end = 0
        for fingerprint, part in self._stream.map(_portions(texts, batch_size)):
            if fingerprint != self.fingerprint:
                raise ClusterError("two workers have different models", hint="give all machines the same files")
            vectors[end : end + len(part)] = part
            end += len(part)
            if progress is not None:
                progress(len(part))
        return vectors


def _portions(texts: Sequence[str], batch_size: int) -> Iterator[_Work]:
    step = BATCHES * batch_size
    for start in range(0, len(texts), step):
        yield list(texts[start : start + step]), batch_size


class _Load:
    """Loads a model and gives what encodes with it; for None it tells what the model is."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load

    def __call__(self) -> Callable[[_Work | None], _Answer]:
        model = self._load()
        fingerprint = model.fingerprint

        def work(portion: _Work | None) -> _Answer:
            if portion is None:
                return fingerprint, (model.dim, model.layout)
            texts, batch_size = portion
            return fingerprint, model.encode_documents(texts, batch_size=batch_size)

        return work
