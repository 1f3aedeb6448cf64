"""Tar and zip archives as inputs: each member is a source of its own, streamed. Nothing is written to disk.

Names of members only become ids and names in messages, so it does not matter where `../` or `/` in them would lead.
"""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from elinker.corpus.inputs.compression import BUFFER, suffixes
from elinker.corpus.records import BadRecord, Source

_LONGEST_HEADER = 1 << 20
"""Bytes that names and other extras of one member of a tar may have; tarfile holds them in memory."""

_EXTRAS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What tarfile and zipfile raise on archives that they cannot read; hostile numbers in headers are ValueErrors."""


def is_archive(source: Source) -> bool:
    """Whether a source holds members."""
    return source.suffix in ARCHIVES


def members(source: Source) -> Iterator[Source | BadRecord]:
    """The files in an archive in its order, each to be read before the next is asked for; hidden ones are left out.

    Raises:
        OSError: the archive cannot be opened, or is damaged from here on.
    """
    try:
        yield from ARCHIVES[source.suffix](source)
    except _DAMAGE as error:
        kind = source.suffix.removeprefix(".")
        raise OSError(f"damaged {kind} archive: {error or type(error).__name__}") from None


def _tar_members(source: Source) -> Iterator[Source | BadRecord]:
    with (
        closing(source.open()) as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header, bufsize=BUFFER) as archive,
    ):
        while (header := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # or it keeps the headers of millions of members
            name = _readable(header.name)
            if not header.isreg() or _is_hidden(name):
                continue
            if header.issparse():
                yield BadRecord(f"{source.name}/{name}", None, "a sparse member of a tar archive is not read")
                continue
            content = io.BufferedReader(_Member(archive.extractfile(header)), BUFFER)
            yield _member(source, name, header.size, partial(_same, content), content.peek())


def _same(content: BinaryIO) -> BinaryIO:
    return content


class _Header(tarfile.TarInfo):
    """The header of a member; extras that are too long are refused rather than held."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTRAS and self.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


def _zip_members(source: Source) -> Iterator[Source | BadRecord]:
    if suffixes(source.filename)[1]:
        raise OSError("a zip archive that is compressed once more is not read")
    with closing(source.open_raw()) as raw, zipfile.ZipFile(raw) as archive:
        for entry in archive.infolist():
            source.consumed = min(entry.header_offset, source.size or 0)
            name = _readable(entry.filename)
            if name.endswith("/") or _is_hidden(name):  # `is_dir` fails on an empty name
                continue
            if entry.flag_bits & 1:
                yield BadRecord(f"{source.name}/{name}", None, "the member is encrypted")
                continue
            yield _member(source, name, entry.file_size, partial(_open_zipped, archive, entry))
    source.consumed = source.size or 0


def _open_zipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    try:
        return io.BufferedReader(_Member(archive.open(entry)), BUFFER)
    except _DAMAGE as error:
        raise OSError(f"damaged member of a zip archive: {error}") from None


class _Member(io.RawIOBase):
    """The content of a member; damage in it is an `OSError`."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._content.read(len(buffer))
        except _DAMAGE as error:
            raise OSError(f"damaged member of an archive: {error or type(error).__name__}") from None
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._content.close()
        super().close()


def _member(
    source: Source, name: str, size: int, opener: Callable[[], BinaryIO], beginning: bytes | None = None
) -> Source:
    return Source(
        name=f"{source.name}/{name}",
        id=f"{source.id}/{name}",
        size=size,
        filename=PurePosixPath(name).name,
        opener=opener,
        beginning=beginning,
    )


def _readable(name: str) -> str:
    """A name that can be written as UTF-8, whatever bytes the archive has."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in parts)


ARCHIVES: dict[str, Callable[[Source], Iterator[Source | BadRecord]]] = {".tar": _tar_members, ".zip": _zip_members}
