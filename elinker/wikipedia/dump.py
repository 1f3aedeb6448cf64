"""The pages of a MediaWiki XML dump (export schemas 0.3 to 0.11), streamed from a plain, gzip or bzip2 file.

expat parses it: a document type, which could define entities that grow without bounds or point to other files, is
refused, and no page is kept once it was given out.
"""

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast
from xml.parsers import expat

from elinker.errors import InputError
from elinker.labelled.mentions import is_number
from elinker.labelled.source import at

LONGEST_TEXT = 1 << 23
"""Characters of wikitext above which a page's text is not kept; MediaWiki itself allows 2 MiB."""

_CHUNK = 1 << 18
_WIKITEXT = "wikitext"
_OF_PAGE = ("title", "ns", "id")
_OF_REVISION = ("text", "model")


@dataclass(slots=True)
class Page:
    """One page: `namespace` is 0 for articles, `redirect` the title that it leads to.

    `text` is the wikitext of the last revision in the dump, empty where it is of another model or too long.
    """

    title: str = ""
    id: int = 0
    namespace: int = 0
    redirect: str | None = None
    text: str = ""


@dataclass(slots=True)
class Dump:
    """A dump file. `namespaces` are the wiki's names of namespaces by number, known when the first page is there."""

    path: Path
    namespaces: dict[int, str] = field(default_factory=dict)

    def pages(self, on_bytes: Callable[[int], None] = lambda count: None) -> Iterator[Page]:
        """All pages in order; `on_bytes` hears how many bytes of the file, as it lies on the disk, were read so far.

        Raises:
            InputError: the file cannot be read, is damaged, or is not a MediaWiki dump.
        """
        parsing = _Parsing(self.namespaces)
        try:
            with self.path.open("rb") as file, _decompressed(file) as stream:
                while chunk := stream.read(_CHUNK):
                    parsing.feed(chunk)
                    yield from parsing.take()
                    on_bytes(file.tell())
                parsing.feed(b"", final=True)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, str(error))
            raise at(self.path, error.lineno, InputError(f"not a complete XML file: {reason}")) from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise at(self.path, None, InputError(f"the compressed file is damaged: {error}")) from None
        except OSError as error:
            raise at(
                self.path, None, InputError(error.strerror or f"the compressed file is damaged: {error}")
            ) from None
        except InputError as error:
            raise at(self.path, parsing.line, error) from None


def _decompressed(file: BinaryIO) -> IO[bytes]:
    magic = file.read(3)
    file.seek(0)
    if magic == b"BZh":
        return bz2.open(file, "rb")
    if magic[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.open(file, "rb"))
    return file


class _Parsing:
    """expat's handlers: the page that is being read, and those that are complete."""

    def __init__(self, namespaces: dict[int, str]) -> None:
        self._namespaces = namespaces
        self._ready: list[Page] = []
        self._page = Page()
        self._open: list[str] = []
        self._key = 0
        self._model = _WIKITEXT
        self._text: list[str] | None = None
        self._length = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def line(self) -> int:
        """The line of the XML that is being read."""
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        self._parser.Parse(chunk, final)

    def take(self) -> list[Page]:
        ready, self._ready = self._ready, []
        return ready

    def _doctype(self, *declaration: object) -> None:
        raise InputError("a document type declaration, which MediaWiki dumps do not have", hint="it is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._open and name != "mediawiki":
            raise InputError(f"the XML is a {name!r}, not a 'mediawiki' dump")
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        if name == "page":
            self._page, self._model = Page(), _WIKITEXT
        elif name == "redirect" and parent == "page":
            self._page.redirect = attributes.get("title")
        elif name == "namespace":
            self._key = _number(attributes.get("key", ""), name)
        wanted = (parent == "page" and name in _OF_PAGE) or (parent == "revision" and name in _OF_REVISION)
        self._text = [] if wanted or name == "namespace" else None
        self._length = 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length <= LONGEST_TEXT:
                self._text.append(text)

    def _end(self, name: str) -> None:
        name = self._open.pop()
        if name == "page":
            if self._model != _WIKITEXT:
                self._page.text = ""
            self._ready.append(self._page)
        if self._text is None:
            return
        text = "".join(self._text) if self._length <= LONGEST_TEXT else ""
        self._text = None
        if name == "namespace":
            self._namespaces[self._key] = text
        elif name == "title":
            self._page.title = text
        elif name == "text":
            self._page.text = text
        elif name == "model":
            self._model = text
        elif name == "ns":
            self._page.namespace = _number(text, name)
        elif name == "id":
            self._page.id = _number(text, name)


def _number(text: str, name: str) -> int:
    digits = text.strip()
    if not is_number(digits.removeprefix("-")):
        raise InputError(f"{name!r} is {digits[:20]!r}, not a number")
    return int(digits)
