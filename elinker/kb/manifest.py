"""`manifest.json`: what a directory of vectors holds and which model made them. The data files are read elsewhere.

`IndexManifest` is what knowledge bases and passage indexes share, `Manifest` that of a knowledge base.
"""

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from elinker.errors import KnowledgeBaseError, first_problem
from elinker.kb.kinds import FLAT, SearchSettings

SCHEMA_VERSION = 2
"""Version of the directory format; it grows when a reader of the old form would misread the new one."""

MANIFEST = "manifest.json"
ENTITIES = "entities.arrow"
INDEX = "index.faiss"
ID_HASHES, ID_ROWS = "ids.hashes.npy", "ids.rows.npy"
NAME_HASHES, NAME_ROWS = "names.hashes.npy", "names.rows.npy"
FILES = (ENTITIES, INDEX, ID_HASHES, ID_ROWS, NAME_HASHES, NAME_ROWS)
"""The data files of every base."""

VECTORS, SLOTS = "vectors.npy", "slots.npy"
"""What a base with an approximate index has as well: the exact vectors; the rows of a graph's nodes after a removal."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FileRecord(BaseModel):
    """One data file: a plain name inside the directory, its size in bytes and its SHA-256 in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if name in ("", ".", "..") or any(character in name for character in "/\\:\0"):
            raise ValueError(f"{name!r} is not a plain file name")
        return name

    @classmethod
    def of(cls, path: Path) -> "FileRecord":
        """The record of a finished file, which is flushed to the disk on the way."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        return cls(name=path.name, size=path.stat().st_size, sha256=digest)


class IndexManifest(BaseModel):
    """What every directory of vectors says of itself; a subclass names its data files. Unknown keys are refused.

    `count` are the rows of its table; `rows` the vectors, which may be more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: ClassVar[str]
    """What such a directory is called in messages."""
    newest: ClassVar[int]
    """The newest format that is read."""
    data_files: ClassVar[tuple[str, ...]]
    """The data files of every such directory."""

    schema_version: int
    elinker_version: str
    created: datetime
    count: PositiveInt
    dim: PositiveInt
    metric: Literal["inner_product"] = "inner_product"
    index_factory: Annotated[str, StringConstraints(min_length=1)]
    search: SearchSettings | None = None
    fingerprint: Annotated[str, StringConstraints(min_length=1)]
    files: tuple[FileRecord, ...]

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return self.count

    @field_validator("files")
    @classmethod
    def _complete(cls, files: tuple[FileRecord, ...]) -> tuple[FileRecord, ...]:
        names = [record.name for record in files if record.name not in (VECTORS, SLOTS)]
        if unknown := [name for name in names if name not in cls.data_files]:
            raise ValueError(f"{unknown[0]!r} is not a file of a {cls.what}")
        if sorted(names) != sorted(cls.data_files):
            raise ValueError(f"must list each of {', '.join(cls.data_files)} once")
        return files

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        more = sorted(record.name for record in self.files if record.name not in self.data_files)
        if self.is_exact and (more or self.search is not None):
            raise ValueError(f"an index of kind {FLAT} has no search settings and no {' and no '.join(more)}")
        if not self.is_exact and (more not in ([VECTORS], [SLOTS, VECTORS]) or self.search is None):
            raise ValueError(f"an index of kind {self.index_factory} needs search settings and {VECTORS}")
        return self

    @property
    def is_exact(self) -> bool:
        """Whether every query is compared with every vector."""
        return self.index_factory == FLAT

    @property
    def has_slots(self) -> bool:
        """Whether nodes of the graph stand for rows of other numbers, or for none."""
        return any(record.name == SLOTS for record in self.files)

    def write(self, directory: Path) -> None:
        """Write `manifest.json`, last of all files: a directory without it is none."""
        temporary = directory / f".{MANIFEST}.partial"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / MANIFEST)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read and check `manifest.json`.

        Raises:
            KnowledgeBaseError: it is missing, is not valid, or is of a newer format; the message names the key.
        """
        path = directory / MANIFEST
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise KnowledgeBaseError(f"{directory} is not a {cls.what}: no {MANIFEST}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise KnowledgeBaseError(f"{path} cannot be read: {error}") from None
        kind = cls.model_fields["kind"].default if "kind" in cls.model_fields else None
        if isinstance(value, dict) and value.get("kind") != kind:
            raise KnowledgeBaseError(f"{directory} is not a {cls.what}: {MANIFEST} is of another kind of directory")
        _refuse_newer(path, value, cls.newest)
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise KnowledgeBaseError(f"{path}: {first_problem(error)}") from None


class Manifest(IndexManifest):
    """The manifest of a knowledge base; docs/knowledge-bases.md describes each key."""

    what: ClassVar[str] = "knowledge base"
    newest: ClassVar[int] = SCHEMA_VERSION
    data_files: ClassVar[tuple[str, ...]] = FILES

    schema_version: Literal[1, 2] = 2
    url_template: str | None = None
    entity_text_example: str | None

    @field_validator("url_template")
    @classmethod
    def _link(cls, template: str | None) -> str | None:
        if template is not None and not is_link(template):
            raise ValueError(f"{template!r} is not an http(s) address with {{id}} in it")
        return template

    def url(self, entity_id: str) -> str | None:
        """The web address of an entity, or None for a base without a template."""
        return None if self.url_template is None else self.url_template.replace("{id}", quote(entity_id, safe=""))


def is_link(template: str) -> bool:
    """Whether a text is an http(s) address with `{id}` in it; other schemes could run code when they are clicked."""
    return template.startswith(("http://", "https://")) and "{id}" in template


def _refuse_newer(path: Path, value: Any, newest: int) -> None:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > newest:
        raise KnowledgeBaseError(
            f"{path} is of format {version}, this elinker reads up to {newest}", hint="update elinker"
        )
