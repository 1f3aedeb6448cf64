"""From paths to documents: which files are meant, and their records in order. Formats live in files of their own."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elinker.corpus.formats import input_format, input_suffixes
from elinker.corpus.records import BadRecord, ReadOptions, Record, Source
from elinker.errors import InputError, UsageError
from elinker.schema import Document

ERRORS_SUFFIX = ".errors.jsonl"
"""End of the name of the file that lists bad documents; folders are read without such files."""

STDIN = "-"


def find_sources(inputs: Sequence[str | os.PathLike[str]], options: ReadOptions | None = None) -> list[Source]:
    """The sources that paths, folders, glob patterns and `-` (standard input) name, in the order given.

    A folder stands for the files in it, at any depth and sorted, that have a suffix of a known format; hidden files and
    lists of errors are left out. A pattern stands for its matches, sorted.

    Raises:
        UsageError: a path does not exist, a pattern or folder holds no readable file, or a file has an unknown suffix.
    """
    options = options or ReadOptions()
    sources: list[Source] = []
    for given in inputs:
        try:
            sources += _expand(os.fspath(given))
        except OSError as error:
            raise UsageError(f"cannot read {os.fspath(given)}: {error.strerror or error}") from None
    for source in sources:
        input_format(source, options)
    return sources


def _expand(given: str) -> list[Source]:
    if given == STDIN:
        return [Source("stdin", "stdin")]
    path = Path(given)
    if path.is_dir():
        return _folder(path)
    if path.exists():
        return [_file(path, path.name)]
    if not glob.has_magic(given):
        raise UsageError(f"no such file or folder: {given}")
    matches = [Path(match) for match in sorted(glob.glob(given, recursive=True))]  # noqa: PTH207 (absolute patterns)
    found = [_file(match, match.name) for match in matches if match.is_file()]
    if not found:
        raise UsageError(f"no file matches {given}")
    return found


def _folder(folder: Path) -> list[Source]:
    known = input_suffixes()
    found = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.suffix.lower() in known and not hidden and not path.name.endswith(ERRORS_SUFFIX) and path.is_file():
            found.append(_file(path, relative.as_posix()))
    if not found:
        raise UsageError(f"no readable file in {folder}", hint=f"readable: {', '.join(known)}")
    return found


def _file(path: Path, identifier: str) -> Source:
    # A pipe or a device has a size that says nothing about what will come out of it.
    size = path.stat().st_size if path.is_file() else None
    return Source(str(path), identifier, path, size)


def read_records(sources: Iterable[Source], options: ReadOptions | None = None) -> Iterator[Record]:
    """All records of the sources, in order, read as they are asked for; a file that cannot be read is a bad record."""
    options = options or ReadOptions()
    for source in sources:
        try:
            yield from input_format(source, options).read(source, options)
        except OSError as error:
            yield BadRecord(source.name, None, f"cannot be read: {error.strerror or error}")


def read_documents(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Iterator[Document | BadRecord]:
    """The documents of a file, folder or pattern with their mentions, and in their places the records that are bad.

    Raises:
        UsageError: see `find_sources`.
    """
    for record in read_records(find_sources([path], options), options):
        yield record if isinstance(record, BadRecord) else record.document


def read_annotations(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Iterator[Document]:
    """Like `read_documents` where a bad record should stop the work, as in training and evaluation.

    Raises:
        InputError: a record is bad; the message names file and line.
        UsageError: see `find_sources`.
    """
    for record in read_documents(path, options):
        if isinstance(record, BadRecord):
            raise InputError(str(record))
        yield record
