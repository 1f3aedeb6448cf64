"""Inputs in object stores and elsewhere, by URL, through fsspec: what a URL, folder or pattern names, and its bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from elinker.errors import UsageError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_REFUSED = {
    "http": "download it first: what a web server gives may differ each time",
    "https": "download it first: what a web server gives may differ each time",
}
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a store: its URL, its path inside the folder that was asked for, its size in bytes where known."""

    url: str
    relative: str
    size: int | None
    filesystem: Any

    def open(self) -> BinaryIO:
        """Its bytes, which can be sought.

        Raises:
            OSError: it cannot be opened, for whatever reason of the store's.
        """
        try:
            stream: BinaryIO = self.filesystem.open(self.url, "rb")
        except OSError:
            raise
        except Exception as error:  # each store has exceptions of its own
            raise OSError(_one_line(error)) from None
        return stream


def is_url(given: str) -> bool:
    """Whether an input is a URL rather than a path."""
    return _URL.match(given) is not None


def find_files(given: str) -> tuple[list[RemoteFile], bool]:
    """The files that a URL means, sorted, and whether it is a folder: itself, those under it, or a pattern's matches.

    Raises:
        UsageError: there is none, the store cannot be reached, or it is of a kind that is not read.
    """
    filesystem = _filesystem(given)
    try:
        if _PATTERN.search(given):
            matches = _files(filesystem, filesystem.glob(given, detail=True).values(), None)
            return [file for file in matches if not file.relative.startswith(".")], False
        if filesystem.isdir(given):
            root = filesystem._strip_protocol(given).rstrip("/")
            return list(_files(filesystem, filesystem.find(given, detail=True).values(), root)), True
        return list(_files(filesystem, [filesystem.info(given)], None)), False
    except FileNotFoundError:
        raise UsageError(f"no such file or folder: {given}") from None
    except Exception as error:  # each store has exceptions of its own
        raise UsageError(f"cannot read {given}: {_one_line(error)}") from None


def _filesystem(given: str) -> Any:
    from fsspec import get_filesystem_class
    from fsspec.core import url_to_fs

    protocol = given.split("://", 1)[0].lower()
    if "::" in given:
        raise UsageError(f"{given}: chained URLs are not read")
    if protocol in _REFUSED:
        raise UsageError(f"{given}: {protocol} is not read", hint=_REFUSED[protocol])
    try:
        get_filesystem_class(protocol)
        return url_to_fs(given)[0]
    except ImportError as error:
        raise UsageError(f"{given}: {_one_line(error)}", hint="pip install the package that it names") from None
    except Exception as error:  # an unknown protocol, or whatever a store has against its settings
        raise UsageError(f"{given}: {_one_line(error)}") from None


def _files(filesystem: Any, found: Any, root: str | None) -> Iterator[RemoteFile]:
    for info in sorted(found, key=lambda one: str(one["name"])):
        if info["type"] == "file":
            path = str(info["name"])
            relative = path.rsplit("/", 1)[-1] if root is None else path.removeprefix(root).lstrip("/")
            yield RemoteFile(filesystem.unstrip_protocol(path), relative, info.get("size"), filesystem)


def _one_line(error: Exception) -> str:
    return " ".join(f"{error or type(error).__name__}".split())
