"""Where annotations go: a file that appears only when it is complete with its list of errors, or standard output."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from elinker.corpus.formats.jsonl import encode
from elinker.corpus.losses import Losses, losses_of
from elinker.corpus.readers import ERRORS_SUFFIX
from elinker.corpus.records import BadRecord, Format, Writer
from elinker.errors import ElinkerError, UsageError
from elinker.schema import Document


class Output(Protocol):
    """What the runner gives its results to."""

    def write(self, document: Document) -> None:
        """Take a document; InputError when the format cannot hold it."""

    def reject(self, record: BadRecord) -> None:
        """Take a bad record."""

    def commit(self) -> None:
        """Make everything that was written visible; called once, at the end of a complete run."""


def errors_path(path: Path) -> Path:
    """Where the bad documents of an output are listed: `OUT.errors.jsonl`."""
    return path.with_name(path.name + ERRORS_SUFFIX)


class PartialFile:
    """A file under a temporary name beside its final one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self.stream = self.temporary.open("wb")

    def commit(self) -> None:
        """Give the file its final name, once its content is on disk."""
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        self.temporary.replace(self.path)

    def discard(self) -> None:
        """Remove the file, unless it has its final name."""
        with suppress(OSError):  # a full disk fails again here; the file goes away all the same
            self.stream.close()
        self.temporary.unlink(missing_ok=True)


class BadDocuments:
    """The list of bad documents beside an output; where there are none, there is no file, nor one of an earlier run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: PartialFile | None = None

    def add(self, record: BadRecord) -> None:
        """Add a line; OSError where it cannot be written."""
        if self._file is None:
            self._file = PartialFile(self._path)
        self._file.stream.write(error_line(record))

    def commit(self) -> None:
        """Give the file its name."""
        if self._file is None:
            self._path.unlink(missing_ok=True)
        else:
            self._file.commit()

    def discard(self) -> None:
        """Remove the file, unless it has its name."""
        if self._file is not None:
            self._file.discard()


class FileOutput:
    """A context that writes a file and, where there are bad documents, `OUT.errors.jsonl`.

    Both have temporary names until `commit`; leaving the context without it removes them.

    Raises:
        UsageError: one of the files exists and `overwrite` is not set, or the place cannot be written to. Nothing here
            needs a model, so a run that cannot end well ends before one is loaded.
        ElinkerError: writing fails later, for example because the disk is full.
    """

    def __init__(self, path: Path, form: Format, *, overwrite: bool = False) -> None:
        if form.write is None:
            raise UsageError(f"format {form.name!r} is only read")
        self.path = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
        self.errors = errors_path(path)
        self._bad = BadDocuments(self.errors)
        self._make_writer: Callable[[BinaryIO], Writer] = form.write
        self._writer: Writer | None = None
        try:
            for existing in (self.path, self.errors):
                _check_replaceable(existing, overwrite)
            self._file = PartialFile(self.path)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from None

    @property
    def losses(self) -> Losses:
        """What the format could not hold so far."""
        return losses_of(self._writer)

    def write(self, document: Document) -> None:
        """See `Output.write`."""
        if self._writer is None:
            self._writer = self._make_writer(self._file.stream)
        try:
            self._writer.write(document)
        except OSError as error:
            raise failed(self.path, error) from None

    def reject(self, record: BadRecord) -> None:
        """See `Output.reject`."""
        try:
            self._bad.add(record)
        except OSError as error:
            raise failed(self.errors, error) from None

    def commit(self) -> None:
        """See `Output.commit`."""
        try:
            if self._writer is None:
                self._writer = self._make_writer(self._file.stream)
            self._writer.finish()
            self._bad.commit()
            self._file.commit()
        except OSError as error:
            raise failed(self.path, error) from None

    def __enter__(self) -> "FileOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.discard()
        self._bad.discard()


class StreamOutput:
    """Writes to an open stream as documents come; bad records go to `on_bad`, for there is no file to list them in."""

    def __init__(self, stream: BinaryIO, form: Format, on_bad: Callable[[BadRecord], None]) -> None:
        if form.write is None or not form.streams:
            raise UsageError(f"format {form.name!r} cannot be written to standard output", hint="give a file with -o")
        self._stream = stream
        self._writer = form.write(stream)
        self._on_bad = on_bad

    @property
    def losses(self) -> Losses:
        """What the format could not hold so far."""
        return losses_of(self._writer)

    def write(self, document: Document) -> None:
        """See `Output.write`."""
        self._writer.write(document)
        self._stream.flush()

    def reject(self, record: BadRecord) -> None:
        """See `Output.reject`."""
        self._on_bad(record)

    def commit(self) -> None:
        """See `Output.commit`."""
        self._writer.finish()
        self._stream.flush()


def _check_replaceable(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a file in it")
    if not path.is_file():
        raise UsageError(f"{path} is not a file that can be replaced", hint="redirect with > instead")
    if not overwrite:
        raise UsageError(f"{path} exists", hint="--overwrite replaces it")


def error_line(record: BadRecord) -> bytes:
    """A line of the list of bad documents."""
    try:
        return encode(record.to_json()) + b"\n"
    except ElinkerError:
        # Escaped as ASCII a lone surrogate is valid JSON, and the list of errors must be able to show it.
        import json

        return json.dumps(record.to_json()).encode("ascii") + b"\n"


def failed(path: Path, error: OSError) -> ElinkerError:
    """What is said when writing ends early."""
    return ElinkerError(f"cannot write {path}: {error.strerror or error}", hint="nothing was left behind")
