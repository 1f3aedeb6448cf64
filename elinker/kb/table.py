"""`entities.arrow`: the entities of a base as a memory-mapped Arrow table. Finding a row is in `lookup`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from elinker.kb.batches import Batches
from elinker.schema import Entity

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("aliases", pa.list_(pa.string()), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("types", pa.list_(pa.string()), nullable=False),
    ]
)

_BATCH_ROWS = 16_384


class EntityTable:
    """Rows of entities, read from the file as they are asked for."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    @classmethod
    def open(cls, path: Path) -> "EntityTable":
        """Memory-map a table. A batch of its rows is checked when it is first read, which may raise too.

        Raises:
            KnowledgeBaseError: the file is not an Arrow file with the columns of `SCHEMA`.
        """
        return cls(Batches.open(path, SCHEMA))

    def __len__(self) -> int:
        return self._batches.rows

    def __getitem__(self, row: int) -> Entity:
        batch, offset = self._batches.at(row)
        return _entity([column[offset].as_py() for column in batch.columns])

    def id(self, row: int) -> str:
        """The id alone, without reading the other columns."""
        batch, offset = self._batches.at(row)
        return str(batch.column(0)[offset].as_py())

    def label(self, row: int) -> str:
        """The label alone."""
        batch, offset = self._batches.at(row)
        return str(batch.column(1)[offset].as_py())

    def batches(self, start: int = 0) -> Iterator[list[Entity]]:
        """All entities from row `start` on, a few thousand at a time."""
        for number, end in enumerate(self._batches.ends):
            if end > start:
                batch = self._batches[number]
                part = batch.slice(max(0, start - (end - batch.num_rows)))
                rows = zip(*(column.to_pylist() for column in part.columns), strict=True)
                yield [_entity(row) for row in rows]

    def ids(self) -> Iterator[str]:
        """The ids in order of rows."""
        for number in range(len(self._batches)):
            yield from self._batches[number].column(0).to_pylist()

    def check(self) -> None:
        """Read everything and check that offsets and texts are sound.

        Raises:
            KnowledgeBaseError: they are not.
        """
        for number in range(len(self._batches)):
            self._batches[number]


def write_table(path: Path, entities: Iterable[Entity]) -> None:
    """Write entities to an Arrow file as they come; uncompressed, so that it can be memory-mapped."""
    entities = iter(entities)
    with pa.ipc.new_file(str(path), SCHEMA, options=pa.ipc.IpcWriteOptions(compression=None)) as writer:
        while chunk := list(islice(entities, _BATCH_ROWS)):
            writer.write_batch(
                pa.record_batch(
                    [
                        pa.array([entity.id for entity in chunk], pa.string()),
                        pa.array([entity.label for entity in chunk], pa.string()),
                        pa.array([list(entity.aliases) for entity in chunk], pa.list_(pa.string())),
                        pa.array([entity.description for entity in chunk], pa.string()),
                        pa.array([list(entity.types) for entity in chunk], pa.list_(pa.string())),
                    ],
                    schema=SCHEMA,
                )
            )


def _entity(row: Iterable[Any]) -> Entity:
    identifier, label, aliases, description, types = row
    return Entity(identifier, label, tuple(aliases), description, tuple(types))
