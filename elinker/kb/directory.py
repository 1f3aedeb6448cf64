"""What knowledge bases and passage indexes have in common: a directory with a manifest, an index and its vectors.

The tables and lookups beside them are the business of `base` and of `elinker.rag.passages`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinker import __version__
from elinker.errors import KnowledgeBaseError, UsageError
from elinker.kb.approximate import ApproximateIndex
from elinker.kb.index import RowIndex, VectorIndex
from elinker.kb.manifest import INDEX, MANIFEST, SLOTS, VECTORS, FileRecord, IndexManifest
from elinker.kb.replace import previous, replacing

AnyManifest = TypeVar("AnyManifest", bound=IndexManifest)


class VectorDirectory:
    """An opened directory of vectors."""

    def __init__(self, path: Path, manifest: IndexManifest, index: RowIndex) -> None:
        self.path = path
        self.manifest = manifest
        self.index = index

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.manifest.dim

    def search(self, vectors: ArrayLike, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cosine scores and rows of the `k` nearest vectors, best first, ties by lower row (`RowIndex.search`).

        *Shape:* vectors (n, dim) to scores (n, k) and rows (n, k); `k` is cut to the number of vectors.
        """
        return self.index.search(vectors, k)

    def vectors(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The vectors of rows. *Shape:* (len(rows), dim)."""
        return self.index.vectors(rows)

    def check_counts(self, parts: Mapping[str, int]) -> None:
        """Hold the rows of files, by name, and the shape of the index against the manifest.

        Raises:
            KnowledgeBaseError: they differ.
        """
        expected = dict.fromkeys(parts, self.manifest.count) | {INDEX: self.manifest.rows}
        for name, found in {**parts, INDEX: len(self.index)}.items():
            if found != expected[name]:
                raise KnowledgeBaseError(f"{self.path / name} has {found} rows, the manifest says {expected[name]}")
        if self.index.dim != self.dim:
            raise KnowledgeBaseError(
                f"{self.path / INDEX} has {self.index.dim} dimensions, the manifest says {self.dim}"
            )


def free_target(out: str | Path, kind: type[IndexManifest], *, adding: str, overwrite: bool) -> Path:
    """Where a new directory will be written to.

    Args:
        out: where it is wanted.
        kind: its manifest.
        adding: the command that adds to one that is there.
        overwrite: whether such a one may be replaced.

    Raises:
        UsageError: something is there already that may not be replaced.
    """
    target = Path(out).resolve()
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return target
    if not (target / MANIFEST).is_file() or not (target / kind.data_files[0]).is_file():
        raise UsageError(f"{out} exists and is not a {kind.what}", hint="choose another output directory")
    if not overwrite:
        raise UsageError(f"{out} exists", hint=f"replace it with --overwrite, or add to it with {adding}")
    return target


def read_manifest(path: Path, kind: type[AnyManifest]) -> AnyManifest:
    """The manifest of a directory.

    Raises:
        KnowledgeBaseError: there is no such directory, or it is not of this kind.
    """
    if not path.is_dir():
        backup = previous(path)
        hint = f"an interrupted update left the old one: mv {backup} {path}" if backup.is_dir() else None
        raise KnowledgeBaseError(f"no {kind.what} at {path}", hint=hint)
    return kind.read(path)


def open_index(path: Path, manifest: IndexManifest) -> RowIndex:
    """Memory-map the vectors of a directory and their index.

    Raises:
        KnowledgeBaseError: a file is damaged or not of the manifest's kind.
    """
    if manifest.is_exact or manifest.search is None:
        return VectorIndex.open(path / INDEX)
    return ApproximateIndex.open(
        path / INDEX,
        path / VECTORS,
        path / SLOTS if manifest.has_slots else None,
        factory=manifest.index_factory,
        dim=manifest.dim,
        settings=manifest.search,
    )


def check_sizes(path: Path, manifest: IndexManifest) -> None:
    """Hold the files of a directory against its manifest, without reading them.

    Raises:
        KnowledgeBaseError: one is missing or of another size.
    """
    for record in manifest.files:
        file = path / record.name
        if not file.is_file():
            raise KnowledgeBaseError(f"{file} is missing")
        if (size := file.stat().st_size) != record.size:
            raise KnowledgeBaseError(f"{file} has {size} bytes, the manifest says {record.size}: it is damaged")


def records_of(directory: Path, data_files: tuple[str, ...]) -> tuple[FileRecord, ...]:
    """The records of a finished directory's data files and of the vectors beside its index, where there are any."""
    names = (*data_files, *(name for name in (VECTORS, SLOTS) if (directory / name).exists()))
    return tuple(FileRecord.of(directory / name) for name in names)


def now() -> datetime:
    """The time that a manifest notes, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def write_changed(directory: Path, base: VectorDirectory, **keys: object) -> None:
    """Write the manifest of a directory filled from `base`: what `keys` and the files say, the rest as it was."""
    kept = base.manifest.model_dump(exclude={"schema_version"})
    files = records_of(directory, base.manifest.data_files)
    changed = {"elinker_version": __version__, "created": now(), "files": files}
    type(base.manifest).model_validate(kept | changed | keys).write(directory)


@contextmanager
def changing(base: VectorDirectory, own: frozenset[str]) -> Iterator[Path]:
    """A directory to fill that takes the place of `base`, unless that was replaced meanwhile.

    Raises:
        KnowledgeBaseError: it was.
    """
    target = base.path.resolve()
    with replacing(target, own) as directory:
        yield directory
        if type(base.manifest).read(target) != base.manifest:
            raise KnowledgeBaseError(f"{target} changed while this was being done", hint="do it again")
