"""Entity files: JSONL, CSV, TSV and Parquet, row by row. Bad rows are set aside with line and reason."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from elinker.errors import InputError, UsageError
from elinker.schema import Entity

COLUMNS = ("id", "label", "aliases", "description", "types")
"""The fields of an entity file; `id` and `label` are required, other columns are ignored."""

LIST_SEPARATOR = "|"
"""What separates the items of `aliases` and `types` in CSV and TSV."""


class Row(NamedTuple):
    """One row as it was read: its line (of Parquet: its number), its value, and what is wrong with it, if anything."""

    line: int
    value: Any
    problem: str | None = None


class Rejects:
    """The rows that were set aside, one JSON object a line: `line`, `reason`, `row`. Without any there is no file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.count = 0
        self._temporary = self.path.with_name(f".{self.path.name}.partial")
        self._file: IO[str] | None = None

    def add(self, line: int, reason: str, row: Any) -> None:
        """Set a row aside."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("w", encoding="utf-8")
        self._file.write(json.dumps({"line": line, "reason": reason, "row": row}, default=str) + "\n")
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is None:
            self.path.unlink(missing_ok=True)
        else:
            self._file.close()
            self._temporary.replace(self.path)


class EntityFile:
    """A file of entities in a format that its name tells; `.gz` may follow the suffix of a text format.

    Raises:
        UsageError: the file does not exist or its suffix is not known.
    """

    def __init__(self, path: str | Path, *, rejects: Rejects | None = None) -> None:
        self.path = Path(path)
        self.rejected = 0
        self.ignored: set[str] = set()
        self._rejects = rejects
        if not self.path.is_file():
            raise UsageError(f"no entity file {self.path}")
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        compressed = suffixes[-1:] == [".gz"]
        kind = suffixes[-2 if compressed else -1] if len(suffixes) > compressed else ""
        if kind not in _READERS or (compressed and kind == ".parquet"):
            raise UsageError(
                f"{self.path} is not named like an entity file", hint=f"known suffixes: {', '.join(_READERS)} and .gz"
            )
        self._read = _READERS[kind]

    def __iter__(self) -> Iterator[Entity]:
        return (entity for _, entity in self.located())

    def located(self) -> Iterator[tuple[int, Entity]]:
        """Each good row's line and entity; bad rows go to `rejects` and are counted in `rejected`.

        Raises:
            InputError: the file as a whole cannot be read, or lacks the columns `id` and `label`.
        """
        self.rejected = 0
        for row in self._read(self.path):
            problem = row.problem
            if problem is None:
                try:
                    entity = entity_of(row.value)
                except InputError as error:
                    problem = error.message
                else:
                    self.ignored.update(row.value.keys() - set(COLUMNS))
                    yield row.line, entity
                    continue
            self.rejected += 1
            if self._rejects is not None:
                self._rejects.add(row.line, problem, row.value)


def entity_of(row: Any) -> Entity:
    """The entity of a row's fields. Blank items of lists and repeated names are dropped, text is stripped.

    Raises:
        InputError: a field is missing or of the wrong type.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"the row is {_kind(row)}, not an object")
    label = _text(row, "label", required=True)
    aliases = [alias for alias in _texts(row, "aliases") if alias != label]
    return Entity(
        id=_text(row, "id", required=True),
        label=label,
        aliases=tuple(aliases),
        description=_text(row, "description"),
        types=_texts(row, "types"),
    )


def _text(row: Mapping[str, Any], field: str, *, required: bool = False) -> str:
    value = row.get(field)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise InputError(f"{field} is {_kind(value)}, not a string")
    value = _encodable(value.strip(), field)
    if required and not value:
        raise InputError(f"{field} is missing")
    return value


def _texts(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    values = row.get(field)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise InputError(f"{field} is {_kind(values)}, not a list of strings")
    for value in values:
        if not isinstance(value, str):
            raise InputError(f"{field} has {_kind(value)} among its strings")
    stripped = (_encodable(value.strip(), field) for value in values)
    return tuple(dict.fromkeys(value for value in stripped if value))


def _encodable(text: str, field: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{field} is not valid UTF-8") from None
    return text


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _read_jsonl(path: Path) -> Iterator[Row]:
    with _opened(path) as file:
        for line, data in enumerate(file, 1):
            text = data.decode("utf-8-sig" if line == 1 else "utf-8", "surrogateescape").strip()
            if text:
                try:
                    yield Row(line, json.loads(text))
                except (ValueError, RecursionError) as error:
                    yield Row(line, text, f"broken JSON: {error}")


def _read_csv(path: Path) -> Iterator[Row]:
    return _read_delimited(path, ",")


def _read_tsv(path: Path) -> Iterator[Row]:
    return _read_delimited(path, "\t")


def _read_delimited(path: Path, delimiter: str) -> Iterator[Row]:
    with _opened(path) as file:
        raw: list[str] = []
        reader = csv.reader(_recorded(file, raw), delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            raw.clear()
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield Row(line, "".join(raw), f"broken quoting: {error}")
                continue
            if not cells:
                continue
            if header is None:
                header = _checked_header(path, [cell.strip() for cell in cells])
            elif len(cells) != len(header):
                yield Row(line, cells, f"{len(cells)} cells, the header has {len(header)}")
            else:
                yield Row(line, _split_lists(dict(zip(header, cells, strict=True))))
        if header is None:
            raise InputError(f"{path} is empty", hint="the first line names the columns: id,label,…")


def _recorded(file: IO[bytes], raw: list[str]) -> Iterator[str]:
    """The lines of a file, each also appended to `raw`, so that a row that the parser gives up can be shown."""
    for number, data in enumerate(file):
        raw.append(data.decode("utf-8-sig" if number == 0 else "utf-8", "surrogateescape"))
        yield raw[-1]


def _checked_header(path: Path, header: list[str]) -> list[str]:
    missing = [column for column in COLUMNS[:2] if column not in header]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}", hint=f"columns: {', '.join(COLUMNS)}"
        )
    if len(set(header)) != len(header):
        raise InputError(f"{path} has two columns of the same name")
    return header


def _split_lists(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell.split(LIST_SEPARATOR) if name in ("aliases", "types") else cell for name, cell in row.items()}


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            header = _checked_header(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=4096, columns=[name for name in COLUMNS if name in header]):
                for row in batch.to_pylist():
                    number += 1
                    yield Row(number, row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as file:
            yield file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path} is damaged: {error}") from None


_READERS = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
}
