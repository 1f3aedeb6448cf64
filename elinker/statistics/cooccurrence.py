"""Which entities are mentioned in the same documents, as a table: CSV or Parquet, a row a pair."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from elinker.corpus.formats.mention_table import neutral
from elinker.corpus.formats.text import utf8
from elinker.errors import ElinkerError, UsageError
from elinker.statistics.counts import Pair, Statistics
from elinker.whole_file import whole_file

COLUMNS = ("entity_a", "label_a", "entity_b", "label_b", "documents")
SUFFIXES = (".csv", ".parquet")


def check_suffix(path: Path) -> None:
    """Refuse a file that is neither CSV nor Parquet, before anything is counted.

    Raises:
        UsageError: its suffix is of neither.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: co-occurrence is written as {' or '.join(SUFFIXES)}")


def write_cooccurrence(path: Path, statistics: Statistics) -> int:
    """Write the pairs, the most frequent first, of those with one count in order of ids; returns how many.

    Cells of CSV that a spreadsheet would run begin with an apostrophe; the ids of a pair are in order.

    Raises:
        ElinkerError: the file cannot be written.
    """
    check_suffix(path)
    write = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    try:
        with whole_file(path) as temporary:
            write(temporary, statistics)
    except OSError as error:
        raise ElinkerError(f"cannot write {path}: {error.strerror or error}") from None
    return len(statistics.pairs or ())


def _rows(statistics: Statistics) -> Iterator[tuple[str, str | None, str, str | None, int]]:
    pairs: Mapping[Pair, int] = statistics.pairs or {}
    for (first, second), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        yield first, statistics.labels.get(first), second, statistics.labels.get(second), count


def _write_csv(path: Path, statistics: Statistics) -> None:
    with path.open("wb") as file:
        file.write(_line(COLUMNS))
        for *names, count in _rows(statistics):
            file.write(_line([*(neutral(str(name or "")) for name in names), str(count)]))


def _line(cells: list[str] | tuple[str, ...]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(cells)
    return utf8(written.getvalue())


def _write_parquet(path: Path, statistics: Statistics) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = list(zip(*_rows(statistics), strict=True)) or [()] * len(COLUMNS)
    kinds = [pyarrow.string()] * 4 + [pyarrow.int64()]
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    parquet.write_table(pyarrow.table(arrays, names=list(COLUMNS)), path)
