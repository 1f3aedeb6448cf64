"""Where documents go in formats with a file or more for each: a folder that appears only when it is complete."""

from pathlib import Path
from types import TracebackType

from elinker.corpus.formats.several_files import Folder
from elinker.corpus.losses import Losses, losses_of
from elinker.corpus.output import BadDocuments, errors_path, failed
from elinker.corpus.records import BadRecord, Format
from elinker.errors import UsageError
from elinker.schema import Document


class FolderOutput:
    """A context that writes a folder and, where there are bad documents, `OUT.errors.jsonl` beside it.

    Raises:
        UsageError: the folder exists and is not empty, or the place cannot be written to.
        ElinkerError: writing fails later, for example because the disk is full.
    """

    def __init__(self, path: Path, form: Format) -> None:
        if form.write_files is None:
            raise UsageError(f"format {form.name!r} is one file, not a folder")
        self.path = path
        self._bad = BadDocuments(errors_path(path))
        try:
            self._folder = Folder(path)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
        self._writer = form.write_files(self._folder)

    @property
    def losses(self) -> Losses:
        """What the format could not hold so far."""
        return losses_of(self._writer)

    def write(self, document: Document) -> None:
        """See `Output.write`."""
        try:
            self._writer.write(document)
        except OSError as error:
            raise failed(self.path, error) from None

    def reject(self, record: BadRecord) -> None:
        """See `Output.reject`."""
        try:
            self._bad.add(record)
        except OSError as error:
            raise failed(self.path, error) from None

    def commit(self) -> None:
        """See `Output.commit`."""
        try:
            self._writer.finish()
            self._bad.commit()
            self._folder.commit()
        except OSError as error:
            raise failed(self.path, error) from None

    def __enter__(self) -> "FolderOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._folder.discard()
        self._bad.discard()
