"""An opened knowledge base: entities, vectors and lookups of one directory, memory-mapped. Making one is in `build`."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from elinker.errors import KnowledgeBaseError
from elinker.kb.directory import VectorDirectory, check_sizes, open_index, read_manifest
from elinker.kb.encoder import Encoder
from elinker.kb.index import RowIndex
from elinker.kb.lookup import HashLookup
from elinker.kb.manifest import (
    ENTITIES,
    FILES,
    ID_HASHES,
    ID_ROWS,
    MANIFEST,
    NAME_HASHES,
    NAME_ROWS,
    SLOTS,
    VECTORS,
    Manifest,
)
from elinker.kb.names import normalise_name
from elinker.kb.replace import replacing
from elinker.kb.table import EntityTable
from elinker.schema import Candidate, Entity

OWN = frozenset((*FILES, VECTORS, SLOTS, MANIFEST))
"""The names in a directory that belong to the base."""


class KnowledgeBase(VectorDirectory):
    """Entities with their vectors; a row number is the same in the table, the index and the lookups.

    Open one with `KnowledgeBase.open`; the format is described in docs/knowledge-bases.md.
    """

    manifest: Manifest

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        table: EntityTable,
        index: RowIndex,
        ids: HashLookup,
        names: HashLookup,
    ) -> None:
        super().__init__(path, manifest, index)
        self.table = table
        self.ids = ids
        self.names = names

    @classmethod
    def open(cls, path: str | Path) -> "KnowledgeBase":
        """Open a base directory without reading it: its size and parts are checked, its checksums are not (`verify`).

        Raises:
            KnowledgeBaseError: the directory is not a base, or a file is missing, cut short or of another base.
        """
        path = Path(path)
        manifest = read_manifest(path, Manifest)
        check_sizes(path, manifest)
        base = cls(
            path,
            manifest,
            EntityTable.open(path / ENTITIES),
            open_index(path, manifest),
            HashLookup.open(path / ID_HASHES, path / ID_ROWS),
            HashLookup.open(path / NAME_HASHES, path / NAME_ROWS),
        )
        base.check_counts({ENTITIES: len(base.table), ID_HASHES: len(base.ids)})
        return base

    def __len__(self) -> int:
        return self.manifest.count

    def check_model(self, encoder: Encoder) -> None:
        """Refuse a model whose vectors do not belong with those of this base.

        Raises:
            KnowledgeBaseError: another model made the base; both fingerprints and the remedy are named.
        """
        if encoder.fingerprint != self.manifest.fingerprint or encoder.dim != self.dim:
            raise KnowledgeBaseError(
                f"the base {self.path} was made by model {self.manifest.fingerprint[:12]} ({self.dim} dimensions), "
                f"not by {encoder.fingerprint[:12]} ({encoder.dim} dimensions)",
                hint=f"rebuild it: elinker kb build ENTITIES --model MODEL -o {self.path} --overwrite",
            )

    def candidates(self, vectors: ArrayLike, k: int) -> list[tuple[Candidate, ...]]:
        """What `search` finds, as candidates: one tuple a query, best first. *Shape:* vectors (n, dim)."""
        scores, rows = self.search(vectors, k)
        return [
            tuple(self.candidate(row, score) for score, row in zip(of_scores, of_rows, strict=True))
            for of_scores, of_rows in zip(scores.tolist(), rows.tolist(), strict=True)
        ]

    def candidate(self, row: int, score: float) -> Candidate:
        """The entity of a row as a candidate with that score; only its id and label are read.

        Raises:
            IndexError: there is no such row.
        """
        return Candidate(self.table.id(row), self.table.label(row), score)

    def entity(self, row: int) -> Entity:
        """The entity of a row.

        Raises:
            IndexError: there is no such row.
        """
        return self.table[row]

    def entities(self) -> Iterator[Entity]:
        """All entities in order of rows, read as they are asked for."""
        for batch in self.table.batches():
            yield from batch

    def find(self, entity_id: str) -> int | None:
        """The row of an id, or None."""
        return next((row for row in self._rows(self.ids, entity_id) if self.table.id(row) == entity_id), None)

    def rows_named(self, name: str) -> Sequence[int]:
        """The rows whose label or an alias equals `name` after `normalise_name`, ascending."""
        wanted = normalise_name(name)
        return [row for row in self._rows(self.names, wanted) if wanted in map(normalise_name, self.table[row].names)]

    def _rows(self, lookup: HashLookup, text: str) -> list[int]:
        rows = lookup.suggestions(text)
        if any(not 0 <= row < len(self) for row in rows):
            raise KnowledgeBaseError(f"a lookup of {self.path} is damaged: it leads outside of the table")
        return rows

    def url(self, entity_id: str) -> str | None:
        """The web address of an entity, or None where the base has no template for one."""
        return self.manifest.url(entity_id)

    def save(self, path: str | Path) -> None:
        """Copy the base's files to `path`, whole or not at all."""
        names = [MANIFEST, *(record.name for record in self.manifest.files)]
        with replacing(Path(path).resolve(), OWN) as target:
            for name in names:
                shutil.copyfile(self.path / name, target / name)
