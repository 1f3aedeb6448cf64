"""From paths to documents: which files are meant, and their records in order. Formats live in files of their own."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elinker.corpus.formats import input_format, input_suffixes, is_readable
from elinker.corpus.inputs.archives import ARCHIVES, is_archive, members
from elinker.corpus.inputs.compression import check_available, suffixes
from elinker.corpus.inputs.encodings import check_encoding
from elinker.corpus.inputs.urls import RemoteFile, find_files, is_url
from elinker.corpus.records import BadRecord, ReadOptions, Record, Source
from elinker.errors import InputError, UsageError
from elinker.schema import Document

ERRORS_SUFFIX = ".errors.jsonl"
"""End of the name of the file that lists bad documents; folders are read without such files."""

RUN = "run.json"
"""A file that tells a run's folder; its documents are in files named `part-…`."""

STDIN = "-"


def find_sources(inputs: Sequence[str | os.PathLike[str]], options: ReadOptions | None = None) -> list[Source]:
    """The sources that paths, URLs, folders, glob patterns and `-` (standard input) name, in the order given.

    A folder stands for the files in it, at any depth and sorted, that have a suffix of a known format; hidden files and
    lists of errors are left out, also XML and JSON that are of no format, and links to folders are not followed. Of a
    run's folder the parts are read, of brat's two files only the one with the annotations. A pattern stands for its
    matches, sorted. URLs are those of fsspec, such as `s3://bucket/folder`; http is refused.

    Raises:
        UsageError: a path does not exist, a pattern or folder holds no readable file, a file has an unknown suffix, or
            there is no such encoding.
        MissingExtraError: a package is not installed that a file needs.
    """
    options = options or ReadOptions()
    check_encoding(options.encoding)
    sources: list[Source] = []
    for given in inputs:
        try:
            sources += _expand(os.fspath(given), options)
        except OSError as error:
            raise UsageError(f"cannot read {os.fspath(given)}: {error.strerror or error}") from None
    for source in sources:
        check_available(source.filename)
        if not is_archive(source):
            input_format(source, options)
    return sources


def _expand(given: str, options: ReadOptions) -> list[Source]:
    if given == STDIN:
        return [Source("stdin", "stdin")]
    if is_url(given):
        return _remote(given)
    path = Path(given)
    if path.is_dir():
        return _folder(path, options)
    if path.exists():
        return [_file(path, path.name)]
    if not glob.has_magic(given):
        raise UsageError(f"no such file or folder: {given}")
    matches = [Path(match) for match in sorted(glob.glob(given, recursive=True))]  # noqa: PTH207 (absolute patterns)
    found = [_file(match, match.name) for match in matches if match.is_file()]
    if not found:
        raise UsageError(f"no file matches {given}")
    return found


def _folder(folder: Path, options: ReadOptions) -> list[Source]:
    known = _known_suffixes()
    found = []
    for path in sorted(folder.glob("part-*") if (folder / RUN).is_file() else folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if _is_wanted(relative, known) and path.is_file() and not _is_text_of_brat(path):
            source = _file(path, relative)
            if is_archive(source) or is_readable(source, options):
                found.append(source)
    if not found:
        raise UsageError(f"no readable file in {folder}", hint=f"readable: {', '.join(known)}")
    return found


def _is_text_of_brat(path: Path) -> bool:
    """Whether annotations lie beside a text: the pair is one document, and it is read from them."""
    return path.suffix.lower() == ".txt" and path.with_suffix(".ann").is_file()


def _remote(url: str) -> list[Source]:
    files, is_folder = find_files(url)
    if is_folder:
        known = _known_suffixes()
        is_run = any(file.relative == RUN for file in files)
        files = [
            file
            for file in files
            if _is_wanted(file.relative, known) and (file.relative.startswith("part-") or not is_run)
        ]
    if not files:
        raise UsageError(f"no readable file at {url}")
    return [_remote_file(file) for file in files]


def _known_suffixes() -> tuple[str, ...]:
    return (*input_suffixes(), *ARCHIVES)


def _is_wanted(relative: str, known: Sequence[str]) -> bool:
    """Whether a file in a folder is read: it has a suffix of a format, is not hidden and lists no errors."""
    hidden = any(part.startswith(".") for part in relative.split("/"))
    return not hidden and not relative.endswith(ERRORS_SUFFIX) and suffixes(relative)[0] in known


def _file(path: Path, identifier: str) -> Source:
    # A pipe or a device has a size that says nothing about what will come out of it.
    size = path.stat().st_size if path.is_file() else None
    return Source(str(path), _readable(identifier), path, size)


def _remote_file(file: RemoteFile) -> Source:
    return Source(file.url, _readable(file.relative), size=file.size, filename=file.relative, opener=file.open)


def _readable(name: str) -> str:
    """A file's name as an id: one that is not UTF-8 on the disk could not be written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_records(sources: Iterable[Source], options: ReadOptions | None = None) -> Iterator[Record]:
    """All records of the sources, in order, read as they are asked for; a file that cannot be read is a bad record.

    So is, after the records before it, the place from which on a compressed file or an archive is damaged.
    """
    options = options or ReadOptions()
    for source in sources:
        if is_archive(source):
            yield from _read_archive(source, options)
        else:
            yield from _read(source, options)


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    try:
        yield from input_format(source, options).read(source, options)
    except OSError as error:
        yield BadRecord(source.name, None, f"cannot be read: {error.strerror or error}")


def _read_archive(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The records of the members of known formats; without any the archive is a bad record, as a folder is an error."""
    known = _known_suffixes()
    found = False
    try:
        for member in members(source):
            if isinstance(member, BadRecord):
                yield member
            elif is_archive(member):
                yield BadRecord(member.name, None, "an archive in an archive is not read")
            elif (member.suffix in known and is_readable(member, options)) or options.lines or options.jsonl:
                yield from _read(member, options)
            else:
                continue
            found = True
        if not found:
            yield BadRecord(source.name, None, "no readable file in the archive")
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
