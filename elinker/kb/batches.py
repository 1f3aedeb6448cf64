"""Rows of a memory-mapped Arrow file that a stranger may have made. What the columns mean is known elsewhere.

Arrow trusts the offsets in a file, and following wrong ones ends the process. So each batch is checked when the first
of its rows is asked for; checking all of them on opening would read the whole file.
"""

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from elinker.errors import KnowledgeBaseError


class Batches:
    """The record batches of a file, in order; a row number counts through all of them."""

    def __init__(self, path: Path, batches: list[Any]) -> None:
        self._path = path
        self._batches = batches
        self._sound: set[int] = set()
        self.ends = list(accumulate(batch.num_rows for batch in batches))

    @classmethod
    def open(cls, path: Path, schema: Any) -> "Batches":
        """Memory-map a file.

        Raises:
            KnowledgeBaseError: it is not an Arrow file with the columns of `schema`.
        """
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
        except (OSError, pa.ArrowException) as error:
            raise KnowledgeBaseError(f"{path} cannot be read: {_one_line(error)}") from None
        if not reader.schema.equals(schema):
            raise KnowledgeBaseError(f"{path} does not have the columns {', '.join(schema.names)} with their types")
        return cls(path, batches)

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, number: int) -> Any:
        """A batch that is sound.

        Raises:
            KnowledgeBaseError: it is not.
        """
        batch = self._batches[number]
        if number not in self._sound:
            try:
                batch.validate(full=True)
            except pa.ArrowException as error:
                raise KnowledgeBaseError(f"{self._path} is damaged: {_one_line(error)}") from None
            lists = [column.flatten() for column in batch.columns if pa.types.is_list(column.type)]
            if any(column.null_count for column in (*batch.columns, *lists)):
                raise KnowledgeBaseError(f"{self._path} is damaged: a value is missing")
            self._sound.add(number)
        return batch

    def at(self, row: int) -> tuple[Any, int]:
        """The batch of a row, and where in it the row is.

        Raises:
            IndexError: there is no such row.
            KnowledgeBaseError: the batch is damaged.
        """
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} of {self.rows}")
        number = bisect_right(self.ends, row)
        batch = self[number]
        return batch, row - (self.ends[number] - batch.num_rows)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
