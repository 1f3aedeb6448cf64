"""Formats with a file or more for each document: names for the files, and the folder or zip archive that takes them."""

import os
import shutil
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from elinker.corpus.formats.identifiers import encoded
from elinker.corpus.losses import Losses, losses_of
from elinker.corpus.records import FileSink, Writer
from elinker.errors import UsageError
from elinker.schema import Document

ZIP_SUFFIX = ".zip"
_LONGEST = 200
"""Characters of a name without suffix; file systems take 255 bytes."""


class FileNames:
    """Names for documents' files: ids percent-encoded, so that any id is a name and the name says the id."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def take(self, identifier: str) -> tuple[str, bool]:
        """A name without suffix that was not given before, and whether `identifier_of` finds the id in it.

        Raises:
            InputError: the id has a lone surrogate.
        """
        exact = _encoded(identifier)
        name = exact
        if len(name) > _LONGEST:
            name = f"{name[:_LONGEST]}~{blake2b(identifier.encode(), digest_size=8).hexdigest()}"
        number = 1
        base = name = name or "_"
        while name.lower() in self._used:  # of file systems that do not tell cases apart
            number += 1
            name = f"{base}~{number}"
        self._used.add(name.lower())
        return name, name == exact


def identifier_of(name: str) -> str:
    """The id in a name that `FileNames` made; any other name is itself the id."""
    plain = unquote(name)
    return plain if _encoded(plain) == name else name


def _encoded(identifier: str) -> str:
    name = encoded(identifier, safe=" ")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def zipped(make: Callable[[FileSink], Writer]) -> Callable[[BinaryIO], Writer]:
    """Of a writer of several files one that writes a zip archive of them."""
    return lambda stream: _ZipWriter(stream, make)


class _ZipWriter:
    def __init__(self, stream: BinaryIO, make: Callable[[FileSink], Writer]) -> None:
        self._archive = ZipFile(stream, "w", ZIP_DEFLATED)
        self._writer = make(self)

    @property
    def losses(self) -> Losses:
        return losses_of(self._writer)

    def add(self, name: str, content: bytes) -> None:
        # The same documents are the same bytes, so no file has the time of its writing.
        self._archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)

    def write(self, document: Document) -> None:
        self._writer.write(document)

    def finish(self) -> None:
        self._writer.finish()
        self._archive.close()


class Folder:
    """A folder of files that has a temporary name until `commit`.

    Raises:
        UsageError: there is a file, or a folder that is not empty: nobody's files are removed.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UsageError(f"{path} exists", hint="name a folder that does not exist or is empty")
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._temporary.mkdir(parents=True)

    def add(self, name: str, content: bytes) -> None:
        """See `FileSink.add`."""
        (self._temporary / name).write_bytes(content)

    def commit(self) -> None:
        """Give the folder its name."""
        self._temporary.replace(self._path)

    def discard(self) -> None:
        """Remove what was not committed."""
        shutil.rmtree(self._temporary, ignore_errors=True)
