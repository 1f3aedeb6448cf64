"""Where a run lies: a folder of this machine, or a place that fsspec reaches (`s3://…`, `memory://…`).

Names are plain, there are no folders in a run but one that some storages keep a log in. What a run means is not known
here.
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from elinker.errors import ElinkerError, UsageError

LOCK = ".lock"
TEMPORARY_SUFFIX = ".part"


class Storage(Protocol):
    """Named files that are written in one piece, and logs that grow by lines.

    Every method raises ElinkerError, naming the file, when the storage refuses.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    def sizes(self) -> dict[str, int]:
        """The files with their sizes in bytes; temporary files, the lock and logs are not among them."""

    def read(self, name: str) -> bytes:
        """A file's content."""

    def write(self, name: str, content: bytes) -> None:
        """Make a file with this content, or replace it: afterwards it is safe from a loss of power."""

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is no error."""

    def sha256(self, name: str) -> str | None:
        """Digest of a file (hex); None where the storage itself guards what it holds, or reading all of it costs."""

    def read_log(self, name: str) -> bytes:
        """All lines of a log, empty where it is not there. The last line may be torn."""

    def append_log(self, name: str, line: bytes) -> None:
        """Add a line, safe from a loss of power afterwards."""

    def write_log(self, name: str, content: bytes) -> None:
        """Replace a log by these lines."""

    def remove_log(self, name: str) -> None:
        """Delete a log."""

    def clean(self) -> None:
        """Delete temporary files that were left behind."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep others out; UsageError when another process is in."""


def open_storage(target: str) -> Storage:
    """The storage that a path or URL names; a local folder is made where it is missing.

    Raises:
        UsageError: it cannot be made or reached.
    """
    protocol, separator, rest = target.partition("://")
    if not separator:
        return LocalStorage(Path(target))
    if protocol in ("file", "local"):
        return LocalStorage(Path(rest))
    return UrlStorage(target)


def is_url(target: str) -> bool:
    """Whether a target is reached through fsspec's names rather than as a path."""
    return "://" in target


class LocalStorage:
    """A folder. Files get their name when they are complete and on the disk (an `elinker.corpus.runs.Storage`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {folder}: {error.strerror or error}") from None

    def sizes(self) -> dict[str, int]:
        """See `Storage.sizes`."""
        with _failures(self._folder, "read"):
            found = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
            return {path.name: path.stat().st_size for path in sorted(found)}

    def read(self, name: str) -> bytes:
        """See `Storage.read`."""
        with _failures(self._folder / name, "read"):
            return (self._folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See `Storage.write`."""
        path = self._folder / name
        temporary = self._folder / f".{name}.{os.getpid()}{TEMPORARY_SUFFIX}"
        with _failures(path, "write"):
            try:
                with temporary.open("wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(path)
                self._sync_names()
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        with _failures(self._folder / name, "remove"):
            (self._folder / name).unlink(missing_ok=True)

    def sha256(self, name: str) -> str | None:
        """See `Storage.sha256`."""
        with _failures(self._folder / name, "read"), (self._folder / name).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def read_log(self, name: str) -> bytes:
        """See `Storage.read_log`."""
        return self.read(name) if (self._folder / name).exists() else b""

    def append_log(self, name: str, line: bytes) -> None:
        """See `Storage.append_log`; a line that did not fit on the disk is taken back."""
        path = self._folder / name
        with _failures(path, "write"):
            existed = path.exists()
            with path.open("ab", buffering=0) as stream:
                before = stream.tell()
                try:
                    if stream.write(line) != len(line):
                        raise OSError(28, "No space left on device")
                    os.fsync(stream.fileno())
                except OSError:
                    with suppress(OSError):
                        stream.truncate(before)
                    raise
            if not existed:
                self._sync_names()

    def write_log(self, name: str, content: bytes) -> None:
        """See `Storage.write_log`."""
        self.write(name, content)

    def remove_log(self, name: str) -> None:
        """See `Storage.remove_log`."""
        self.remove(name)

    def clean(self) -> None:
        """See `Storage.clean`."""
        with _failures(self._folder, "write"):
            for path in self._folder.glob(f".*{TEMPORARY_SUFFIX}"):
                path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `Storage.lock`. The system gives the lock back when a process ends, however it ends."""
        try:
            import fcntl
        except ImportError:  # not a Unix
            with _owner_lock(self):
                yield
            return
        path = self._folder / LOCK
        with _failures(path, "write"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _in_use(self.name) from None
            except OSError as error:
                raise UsageError(f"cannot lock {path}: {error.strerror or error}") from None
            yield
        finally:
            os.close(descriptor)

    def _sync_names(self) -> None:
        """Bring the folder's names to the disk, where the system can."""
        with suppress(PermissionError):  # Windows opens no folder
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class UrlStorage:
    """A place behind an fsspec URL; its files are complete when they appear, as objects of a store are.

    A log is one object a line, because objects cannot grow.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.name = url.rstrip("/")
        try:
            self._files, root = fsspec.core.url_to_fs(url)
            self._root = root.rstrip("/")
            self._files.makedirs(self._root, exist_ok=True)
        except (OSError, ImportError, ValueError) as error:
            raise UsageError(f"cannot write {url}: {_one_line(error)}") from None
        self._next_line: int | None = None

    def sizes(self) -> dict[str, int]:
        """See `Storage.sizes`."""
        return {name: size for name, size in self._list(self._root).items() if not name.startswith(".")}

    def read(self, name: str) -> bytes:
        """See `Storage.read`."""
        with _failures(self._place(name), "read"):
            content: bytes = self._files.cat_file(f"{self._root}/{name}")
            return content

    def write(self, name: str, content: bytes) -> None:
        """See `Storage.write`."""
        with _failures(self._place(name), "write"):
            if "/" in name:  # some storages have true folders, that of a log among them
                self._files.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(f"{self._root}/{name}", content)

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        with _failures(self._place(name), "remove"), suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")

    def sha256(self, name: str) -> str | None:
        """See `Storage.sha256`: a store guards its objects, and reading them back costs."""
        return None

    def read_log(self, name: str) -> bytes:
        """See `Storage.read_log`."""
        return b"".join(self.read(f"{name}/{line}") for line in sorted(self._list(f"{self._root}/{name}")))

    def append_log(self, name: str, line: bytes) -> None:
        """See `Storage.append_log`."""
        if self._next_line is None:
            present = self._list(f"{self._root}/{name}")
            self._next_line = max((int(number) for number in present if number.isdecimal()), default=-1) + 1
        self.write(f"{name}/{self._next_line:08d}", line)
        self._next_line += 1

    def write_log(self, name: str, content: bytes) -> None:
        """See `Storage.write_log`; the new lines are there before the old ones go, and the later line counts."""
        before = list(self._list(f"{self._root}/{name}"))
        if content:
            self.append_log(name, content)
        for line in before:
            self.remove(f"{name}/{line}")

    def remove_log(self, name: str) -> None:
        """See `Storage.remove_log`."""
        for line in self._list(f"{self._root}/{name}"):
            self.remove(f"{name}/{line}")
        self._next_line = None

    def clean(self) -> None:
        """See `Storage.clean`: there are none."""

    def lock(self) -> AbstractContextManager[None]:
        """See `Storage.lock`; a lock of a process that was killed on another machine has to be removed by hand."""
        return _owner_lock(self)

    def _list(self, folder: str) -> dict[str, int]:
        with _failures(self.name, "read"):
            self._files.invalidate_cache()
            try:
                entries = self._files.ls(folder, detail=True)
            except FileNotFoundError:
                return {}
        files = [entry for entry in entries if entry["type"] == "file" and entry["name"].rstrip("/") != folder]
        return {entry["name"].rsplit("/", 1)[-1]: entry["size"] or 0 for entry in files}

    def _place(self, name: str) -> str:
        return f"{self.name}/{name}"


@contextmanager
def _owner_lock(storage: Storage) -> Iterator[None]:
    """A file that names its owner. It can be left behind, so that one of a dead process of this machine is ignored."""
    owner = _owner(storage)
    if owner is not None and not _is_dead(owner):
        raise _in_use(
            storage.name,
            hint=f"process {owner.get('process')} on {owner.get('host')}; if it is gone, delete {storage.name}/{LOCK}",
        )
    token = uuid4().hex
    mine = {"process": os.getpid(), "host": socket.gethostname(), "token": token}
    storage.write(LOCK, json.dumps(mine).encode())
    if (_owner(storage) or {}).get("token") != token:  # two came at once and the other was later
        raise _in_use(storage.name)
    try:
        yield
    finally:
        with suppress(ElinkerError):
            storage.remove(LOCK)


def _owner(storage: Storage) -> dict[str, Any] | None:
    try:
        value = json.loads(storage.read(LOCK))
    except (ElinkerError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _is_dead(owner: dict[str, Any]) -> bool:
    process = owner.get("process")
    if owner.get("host") != socket.gethostname() or not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _in_use(name: str, hint: str | None = None) -> UsageError:
    return UsageError(f"another process is writing {name}", hint=hint or "wait for it, or name another folder")


@contextmanager
def _failures(path: Path | str, what: str) -> Iterator[None]:
    """What a storage refuses, as one line."""
    try:
        yield
    except OSError as error:
        hint = "nothing was corrupted: make room or mend it, then go on with --resume" if what == "write" else None
        raise ElinkerError(f"cannot {what} {path}: {_one_line(error)}", hint=hint) from None


def _one_line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return " ".join((reason or str(error) or type(error).__name__).split())
