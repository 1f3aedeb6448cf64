"""The `page_props` table of a wiki as an SQL dump: Wikidata ids of pages, and which pages disambiguate.

The table: https://www.mediawiki.org/wiki/Manual:Page_props_table. The SQL is searched for rows, not executed.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

from elinker.errors import InputError
from elinker.labelled.source import at

# A quote within a value is written with a backslash before it, so these rows are not found in the middle of values.
_ROW = re.compile(rb"\((\d{1,18}),'(?:(wikibase_item)','[Qq](\d{1,18})'|(disambiguation)',')")
_CHUNK = 1 << 20
_LONGEST_ROW = 128


@dataclass(slots=True)
class PageProps:
    """Numbers of Wikidata items by page id (120 bytes each in memory, measured), and ids of disambiguation pages."""

    items: dict[int, int] = field(default_factory=dict)
    disambiguations: set[int] = field(default_factory=set)

    def qid(self, page_id: int) -> str | None:
        """The page's item, such as `Q42`."""
        number = self.items.get(page_id)
        return None if number is None else f"Q{number}"


def read_page_props(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> PageProps:
    """Read `…-page_props.sql`, which may be gzipped.

    Raises:
        InputError: the file cannot be read, or holds no row of this table with a Wikidata item.
    """
    props = PageProps()
    try:
        for row in _rows(path, on_bytes):
            if row[2]:
                props.items[int(row[1])] = int(row[3])
            else:
                props.disambiguations.add(int(row[1]))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise at(path, None, InputError(f"the compressed file is damaged: {error}")) from None
    except OSError as error:
        raise at(path, None, InputError(error.strerror or str(error))) from None
    if not props.items:
        raise at(path, None, InputError("no rows of page_props with a wikibase_item")) from None
    return props


def _decompressed(file: BinaryIO) -> IO[bytes]:
    magic = file.read(2)
    file.seek(0)
    return cast(IO[bytes], gzip.open(file, "rb")) if magic == b"\x1f\x8b" else file


def _rows(path: Path, on_bytes: Callable[[int], None]) -> Iterator[re.Match[bytes]]:
    """Rows, found in chunks: an INSERT is one line of any length."""
    with path.open("rb") as file, _decompressed(file) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            content = rest + chunk
            end = 0
            for row in _ROW.finditer(content):
                end = row.end()
                yield row
            rest = content[max(end, len(content) - _LONGEST_ROW) :]
            on_bytes(file.tell())
