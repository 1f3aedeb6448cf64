"""The published entity vectors of the reference code: a pickle of `(tensor, labels)`, memory-mapped, not executed.

`pickle.dump` writes a tensor as a call that rebuilds it from a storage, and the storage as the bytes of a file in the
old format of `torch.save`: five pickles (magic number, version, system, the storage's description under a persistent
id, its keys) and then the numbers, preceded by their count as int64. `pickled` reads all of it as data.
"""

import mmap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinker.errors import InputError, UsageError
from elinker.kb.importers.pickled import STORAGES, Call, Name, Persistent, PickleReader

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {"HalfStorage": "<f2", "BFloat16Storage": "<u2", "FloatStorage": "<f4", "DoubleStorage": "<f8"}

_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors in the file and their labels. *Shape:* numbers (n, dim), as they lie there; labels (n,)."""

    numbers: NDArray[Any]
    labels: list[str]
    bfloat16: bool

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.numbers.shape[1])

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Some vectors, of unit length. *Shape:* (stop - start, dim).

        Raises:
            InputError: a vector is zero or not finite.
        """
        vectors = np.empty((stop - start, self.dim), np.float32)
        for first in range(start, stop, _ROWS):
            part = self.numbers[first : min(first + _ROWS, stop)]
            wide = (part.astype(np.uint32) << 16).view(np.float32) if self.bfloat16 else part
            values = np.asarray(wide, np.float64)
            lengths = np.linalg.norm(values, axis=1, keepdims=True)
            wrong = np.flatnonzero(~((lengths > 0) & np.isfinite(lengths)))
            if len(wrong):
                row = first + int(wrong[0])
                raise InputError(f"the vector of row {row} ({self.labels[row]}) is zero or not finite")
            vectors[first - start : first - start + len(part)] = values / lengths
        return vectors

    def head(self, count: int | None) -> "Embeddings":
        """The first `count` rows, or all."""
        return Embeddings(self.numbers[:count], self.labels[:count], self.bfloat16)


def read_embeddings(path: Path) -> Embeddings:
    """Read the pickle of `(tensor[n, dim], list of n labels)`; the vectors stay in the file until they are asked for.

    Raises:
        UsageError: there is no such file.
        InputError: it holds something else, is cut short, or vectors and labels differ in number.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}")
    data = _mapped(path)
    if bytes(data[:2]) == b"PK":
        raise InputError(f"{path} is an archive of torch.save, not a pickle of (tensor, labels)")
    reader = PickleReader(data, path)
    value = reader.read()
    if reader.position != len(data):
        raise InputError(f"{path} goes on behind its pickle, at byte {reader.position:,}")
    if type(value) not in (tuple, list) or len(value) != 2:
        raise InputError(f"{path} does not hold (tensor, labels)")
    numbers, bfloat16 = _tensor(value[0], path)
    labels = value[1]
    if type(labels) is not list or not all(type(label) is str for label in labels):
        raise InputError(f"{path}: the labels are not a list of strings")
    if len(set(labels)) != len(labels):
        raise InputError(f"{path}: the label {Counter(labels).most_common(1)[0][0]!r} occurs more than once")
    if len(labels) != len(numbers):
        raise InputError(f"{path} holds {len(numbers):,} vectors and {len(labels):,} labels")
    return Embeddings(numbers, labels, bfloat16)


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise InputError(f"{path} is empty")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _tensor(value: Any, path: Path) -> tuple[NDArray[Any], bool]:
    """The tensor that a call of `_rebuild_tensor_v2` describes: storage, offset, size, stride, and things of no use."""
    wrong = InputError(f"{path}: the first of the two is not a tensor of two dimensions with at least one row")
    if type(value) is not Call or value.function.name != "_rebuild_tensor_v2" or len(value.arguments) < 4:
        raise wrong
    storage, offset, size, stride = value.arguments[:4]
    if not _counts(size) or not _counts(stride) or not _counts((offset,), 1) or 0 in size:
        raise wrong
    storage_type, numbers = _storage(storage, path)
    kind = np.dtype(_DTYPES[storage_type])
    try:
        array = np.ndarray(size, kind, numbers, offset * kind.itemsize, tuple(step * kind.itemsize for step in stride))
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{path}: the tensor of shape {size} reaches beyond its numbers") from None
    return array, storage_type == "BFloat16Storage"


def _counts(values: Any, length: int = 2) -> bool:
    return type(values) is tuple and len(values) == length and all(type(n) is int and 0 <= n < 1 << 48 for n in values)


def _storage(value: Any, path: Path) -> tuple[str, memoryview]:
    """Type and numbers of the storage that a call of `_load_from_bytes` describes."""
    if type(value) is not Call or value.function.name != "_load_from_bytes" or len(value.arguments) != 1:
        raise InputError(f"{path}: the tensor has no storage of its own")
    data = value.arguments[0]
    if type(data) is not memoryview:
        raise InputError(f"{path}: the storage is not a byte string")
    reader = PickleReader(data, f"{path} (the storage in it)")
    magic, version, system, described, keys = (reader.read() for _ in range(5))
    if magic != _MAGIC or version != _VERSION or type(system) is not dict or system.get("little_endian") is not True:
        raise InputError(f"{path}: the storage is not in torch.save's old format, little-endian")
    match described:
        case Persistent(("storage", Name(module, name), str(key), str(), int(count), None)) if (
            module,
            name,
        ) in STORAGES:
            pass
        case _:
            raise InputError(f"{path}: the storage is of a kind that is not read")
    numbers = data[reader.position :]
    size = count * np.dtype(_DTYPES[name]).itemsize
    if (
        type(keys) is not list
        or keys[:1] != [key]
        or len(numbers) != 8 + size
        or int.from_bytes(numbers[:8], "little") != count
    ):
        raise InputError(f"{path}: the storage is cut short, or longer than it says")
    return name, numbers[8:]
