"""An opened index of passages: passages, their vectors and lookups of one directory, memory-mapped.

The directory is that of a knowledge base, but for its table and for a passage having several vectors, one a sentence.
Making one is in `indexing`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import PositiveInt

from elinker.errors import InputError, KnowledgeBaseError
from elinker.kb.batches import Batches
from elinker.kb.directory import VectorDirectory, check_sizes, open_index, read_manifest
from elinker.kb.index import RowIndex
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import INDEX, MANIFEST, SLOTS, VECTORS, IndexManifest
from elinker.onegen.model import OneGen
from elinker.rag.answer import Passage, Retrieved
from elinker.rag.splitting import Chunk

PASSAGES = "passages.arrow"
FIRST = "passages.first.npy"
ID_HASHES, ID_ROWS = "ids.hashes.npy", "ids.rows.npy"
DOCUMENT_HASHES, DOCUMENT_ROWS = "documents.hashes.npy", "documents.rows.npy"
ENTITY_HASHES, ENTITY_ROWS = "entities.hashes.npy", "entities.rows.npy"
FILES = (
    PASSAGES,
    FIRST,
    INDEX,
    ID_HASHES,
    ID_ROWS,
    DOCUMENT_HASHES,
    DOCUMENT_ROWS,
    ENTITY_HASHES,
    ENTITY_ROWS,
)
"""The data files of every index of passages."""

OWN = frozenset((*FILES, VECTORS, SLOTS, MANIFEST))
"""The names in a directory that belong to the index."""

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("entities", pa.list_(pa.string()), nullable=False),
        pa.field("sentence_starts", pa.list_(pa.int32()), nullable=False),
        pa.field("sentence_ends", pa.list_(pa.int32()), nullable=False),
    ]
)

_BATCH_ROWS = 4096
_SEARCHED = 4
"""Vectors that are looked at for every passage that is asked for; more, where too many are of the same passages."""
_BLOCK = 65_536


class PassageManifest(IndexManifest):
    """The manifest of an index of passages. `count` are the passages, `vectors` their vectors."""

    what: ClassVar[str] = "passage index"
    newest: ClassVar[int] = 1
    data_files: ClassVar[tuple[str, ...]] = FILES

    schema_version: Literal[1] = 1
    kind: Literal["passages"] = "passages"
    vectors: PositiveInt

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return self.vectors


class PassageTable:
    """Rows of passages, read from the file as they are asked for."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    @classmethod
    def open(cls, path: Path) -> "PassageTable":
        """Memory-map a table.

        Raises:
            KnowledgeBaseError: the file is not an Arrow file with the columns of `SCHEMA`.
        """
        return cls(Batches.open(path, SCHEMA))

    def __len__(self) -> int:
        return self._batches.rows

    def __getitem__(self, row: int) -> Chunk:
        batch, offset = self._batches.at(row)
        return _chunk([column[offset].as_py() for column in batch.columns])

    def column(self, name: str) -> Iterator[Any]:
        """The values of a column in order of rows."""
        for number in range(len(self._batches)):
            yield from self._batches[number].column(name).to_pylist()

    def id(self, row: int) -> str:
        """The id alone, without reading the other columns."""
        batch, offset = self._batches.at(row)
        return str(batch.column(0)[offset].as_py())

    def batches(self, start: int = 0) -> Iterator[list[Chunk]]:
        """All passages from row `start` on, a few thousand at a time."""
        for number, end in enumerate(self._batches.ends):
            if end > start:
                batch = self._batches[number]
                part = batch.slice(max(0, start - (end - batch.num_rows)))
                yield [_chunk(row) for row in zip(*(column.to_pylist() for column in part.columns), strict=True)]

    def first_vectors(self) -> NDArray[np.int64]:
        """The row of each passage's first vector, and behind them how many vectors there are. *Shape:* (len + 1,)."""
        counts = [max(1, len(starts)) for starts in self.column("sentence_starts")]
        return np.array([0, *accumulate(counts)], np.int64)

    def check(self) -> None:
        """Read everything and check that offsets and texts are sound.

        Raises:
            KnowledgeBaseError: they are not.
        """
        for number in range(len(self._batches)):
            self._batches[number]


def write_table(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write passages to an Arrow file as they come; uncompressed, so that it can be memory-mapped."""
    chunks = iter(chunks)
    with pa.ipc.new_file(str(path), SCHEMA, options=pa.ipc.IpcWriteOptions(compression=None)) as writer:
        while batch := list(islice(chunks, _BATCH_ROWS)):
            passages = [chunk.passage for chunk in batch]
            columns = [
                [passage.id for passage in passages],
                [passage.document_id for passage in passages],
                [passage.title for passage in passages],
                [passage.text for passage in passages],
                [passage.start for passage in passages],
                [passage.end for passage in passages],
                [list(passage.entities) for passage in passages],
                [[start for start, _ in chunk.sentences] for chunk in batch],
                [[end for _, end in chunk.sentences] for chunk in batch],
            ]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))


class PassageIndex(VectorDirectory):
    """Passages with their vectors. Open one with `PassageIndex.open`; docs/rag.md describes the format."""

    manifest: PassageManifest

    def __init__(
        self,
        path: Path,
        manifest: PassageManifest,
        index: RowIndex,
        table: PassageTable,
        first: NDArray[np.int64],
        lookups: tuple[HashLookup, HashLookup, HashLookup],
    ) -> None:
        super().__init__(path, manifest, index)
        self.table = table
        self.first = first
        """The row of each passage's first vector, and behind them the number of vectors."""
        self.ids, self.documents, self.entities = lookups

    @classmethod
    def open(cls, path: str | Path) -> "PassageIndex":
        """Open an index without reading it: its size and parts are checked, its checksums are not (`verify`).

        Raises:
            KnowledgeBaseError: the directory is no index of passages, or a file is missing, cut short or of another.
        """
        path = Path(path)
        manifest = read_manifest(path, PassageManifest)
        check_sizes(path, manifest)
        opened = cls(
            path,
            manifest,
            open_index(path, manifest),
            PassageTable.open(path / PASSAGES),
            _open_first(path / FIRST),
            (
                HashLookup.open(path / ID_HASHES, path / ID_ROWS),
                HashLookup.open(path / DOCUMENT_HASHES, path / DOCUMENT_ROWS),
                HashLookup.open(path / ENTITY_HASHES, path / ENTITY_ROWS),
            ),
        )
        opened.check_counts({PASSAGES: len(opened.table), FIRST: len(opened.first) - 1, ID_HASHES: len(opened.ids)})
        if opened.first[-1] != manifest.vectors:
            raise KnowledgeBaseError(f"{path / FIRST} ends at {opened.first[-1]}, not at {manifest.vectors} vectors")
        return opened

    def __len__(self) -> int:
        return self.manifest.count

    def check_model(self, onegen: OneGen) -> None:
        """Refuse a model whose vectors do not belong with those of this index.

        Raises:
            KnowledgeBaseError: another model made it; both fingerprints and the remedy are named.
        """
        found, made = onegen.passage_fingerprint, self.manifest.fingerprint
        if found != made or onegen.dim != self.dim:
            raise KnowledgeBaseError(
                f"the passage index {self.path} was made by model {made[:12]} ({self.dim} dimensions), "
                f"not by {found[:12]} ({onegen.dim} dimensions)",
                hint=f"make it again: elinker rag index FILES --model MODEL -o {self.path} --overwrite",
            )

    def passage(self, row: int) -> Passage:
        """The passage of a row.

        Raises:
            IndexError: there is no such row.
        """
        return self.table[row].passage

    def passages(self) -> Iterator[Passage]:
        """All passages in order of rows, read as they are asked for."""
        for batch in self.table.batches():
            for chunk in batch:
                yield chunk.passage

    def find(self, passage_id: str) -> int | None:
        """The row of an id, or None."""
        return next((row for row in self.ids.suggestions(passage_id) if self.table.id(row) == passage_id), None)

    def rows_of_document(self, document_id: str) -> list[int]:
        """The rows of a document's passages, ascending."""
        rows = self.documents.suggestions(document_id)
        return [row for row in rows if self.table[row].passage.document_id == document_id]

    def rows_with(self, entities: Sequence[str]) -> list[int]:
        """The rows of passages in which one of the entities is linked, ascending."""
        wanted = set(entities)
        rows = {row for entity in wanted for row in self.entities.suggestions(entity)}
        return [row for row in sorted(rows) if wanted.intersection(self.table[row].passage.entities)]

    def retrieve(
        self, queries: NDArray[np.float32], k: int, entities: Sequence[str] = ()
    ) -> list[tuple[Retrieved, ...]]:
        """The `k` passages whose nearest vectors are nearest to each query, best first. *Shape:* queries (n, dim).

        Args:
            queries: vectors, of any length.
            k: passages a query; as many as there are where there are fewer.
            entities: only passages in which one of them is linked; empty for all.

        Raises:
            InputError: no passage mentions any of the entities.
        """
        if entities:
            rows = self.rows_with(entities)
            if not rows:
                raise InputError(f"no passage of {self.path} mentions {' or '.join(entities)}")
            return [self._among(query, rows, k) for query in queries]
        return [self._retrieved(pairs) for pairs in self._nearest(queries, k)]

    def _nearest(
        self, queries: NDArray[np.float32], k: int, wanted: int | None = None
    ) -> list[list[tuple[float, int]]]:
        """For each query (score, vector row) of the best vector of each of the `k` nearest passages.

        `wanted` vectors are looked at, more for queries that they are not enough for.
        """
        wanted = min(len(self.index), wanted or _SEARCHED * k)
        best = [self._best(*pair, k) for pair in zip(*self.search(queries, wanted), strict=True)]
        few = [number for number, pairs in enumerate(best) if len(pairs) < min(k, len(self))]
        if few and wanted < len(self.index):
            for number, pairs in zip(few, self._nearest(queries[few], k, 4 * wanted), strict=True):
                best[number] = pairs
        return best

    def _best(self, scores: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> list[tuple[float, int]]:
        owners = np.searchsorted(self.first, rows, side="right") - 1
        _, places = np.unique(owners, return_index=True)
        return [(float(scores[place]), int(rows[place])) for place in sorted(places)[:k]]

    def _among(self, query: NDArray[np.float32], rows: Sequence[int], k: int) -> tuple[Retrieved, ...]:
        """The nearest of the passages in some rows, by the exact cosines of all their vectors."""
        length = float(np.linalg.norm(query)) or 1.0
        vector_rows = np.concatenate([np.arange(self.first[row], self.first[row + 1]) for row in rows])
        scores = np.concatenate(
            [
                self.vectors(vector_rows[start : start + _BLOCK]).astype(np.float64) @ (query / length)
                for start in range(0, len(vector_rows), _BLOCK)
            ]
        ).astype(np.float32)
        order = np.lexsort((vector_rows, -scores))
        return self._retrieved(self._best(scores[order], vector_rows[order], k))

    def _retrieved(self, pairs: Sequence[tuple[float, int]]) -> tuple[Retrieved, ...]:
        found = []
        for score, vector_row in pairs:
            row = int(np.searchsorted(self.first, vector_row, side="right")) - 1
            chunk = self.table[row]
            sentence = chunk.sentences[vector_row - int(self.first[row])] if chunk.sentences else None
            found.append(Retrieved(chunk.passage, score, sentence))
        return tuple(found)


def _open_first(path: Path) -> NDArray[np.int64]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise KnowledgeBaseError(f"{path} cannot be read: {error}") from None
    if values.dtype != np.int64 or values.ndim != 1 or len(values) < 2:
        raise KnowledgeBaseError(f"{path} is not a vector of int64")
    return values  # type: ignore[no-any-return]


def _chunk(row: Sequence[Any]) -> Chunk:
    identifier, document_id, title, text, start, end, entities, starts, ends = row
    passage = Passage(identifier, document_id, title, text, start, end, tuple(entities))
    return Chunk(passage, tuple(zip(starts, ends, strict=True)))
