"""spaCy's `InMemoryLookupKB` as `to_disk` writes it: ids, frequencies, vectors, aliases with prior probabilities.

The two files are read here and not by `InMemoryLookupKB.from_disk`, which does not check what it reads: a damaged file
crashes the process. Layout of `contents`, little-endian: int64 entities, int64 vector length; for each entity its
vector as float32; for each entity uint64 hash of its id, float32 frequency, int32 row of its vector; int64 aliases;
for each alias uint64 hash, int64 candidates, and for each candidate int64 number of the entity (from 1), float32
probability. `strings.json` is the list of strings that the hashes stand for.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from elinker.errors import InputError, UsageError
from elinker.kb.readers import entity_of
from elinker.schema import Entity

CONTENTS, STRINGS = "contents", "strings.json"


def find_lookup(path: Path) -> Path:
    """The directory of a lookup base: the one given, that of a file in it, or the `entity_linker` of a pipeline.

    Raises:
        UsageError: there is none.
    """
    directory = path.parent if path.name == CONTENTS and path.is_file() else path
    for candidate in (directory, directory / "kb", directory / "entity_linker" / "kb"):
        if (candidate / CONTENTS).is_file() and (candidate / STRINGS).is_file():
            return candidate
    raise UsageError(
        f"{path} holds no spaCy knowledge base", hint=f"a directory with {CONTENTS} and {STRINGS}, as to_disk writes it"
    )


def read_lookup(directory: Path) -> Iterator[Entity]:
    """The entities in order, each with its aliases, the most probable first; that one is its label.

    An alias' probability is that of the entity given the alias; of equal ones the first in the file comes first. An
    entity without aliases has its id as label. Frequencies and vectors are not used.

    Raises:
        InputError: a file is damaged, or a hash stands for no string.
    """
    strings = _strings(directory / STRINGS)
    path = directory / CONTENTS
    with path.open("rb") as file:
        try:
            identifiers, names = _contents(file, path.stat().st_size)
        except (struct.error, EOFError, IndexError, MemoryError):
            raise InputError(f"{path} is damaged or cut short") from None
    for number, identifier in enumerate(identifiers):
        aliases = [hashed for _, hashed in sorted(names.get(number, ()), key=lambda named: -named[0])]
        try:
            texts = [strings[hashed] for hashed in (identifier, *aliases)]
        except KeyError:
            raise InputError(f"{directory / STRINGS} lacks a string that {CONTENTS} uses") from None
        yield entity_of({"id": texts[0], "label": texts[min(1, len(texts) - 1)], "aliases": texts[2:]})


def _strings(path: Path) -> Any:
    from spacy.strings import StringStore

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{path} is not a list of strings")
    return StringStore(values)


def _contents(file: IO[bytes], size: int) -> tuple[list[int], dict[int, list[tuple[float, int]]]]:
    """The hashes of the ids, and by number of the entity its aliases as (probability, hash)."""
    count, width = _read(file, "<qq")
    if count < 0 or width < 0 or 16 + count * (4 * width + 16) > size:
        raise EOFError
    file.seek(4 * count * width, 1)
    identifiers = [_read(file, "<Qfi")[0] for _ in range(count)]
    names: dict[int, list[tuple[float, int]]] = {}
    for _ in range(_read(file, "<q")[0]):
        hashed, candidates = _read(file, "<Qq")
        for _ in range(candidates):
            number, probability = _read(file, "<qf")
            if not 1 <= number <= count:
                raise IndexError
            names.setdefault(number - 1, []).append((probability, hashed))
    return identifiers, names


def _read(file: IO[bytes], layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
