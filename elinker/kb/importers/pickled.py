"""Pickles read as data: a small machine that knows the opcodes of tensors and plain containers, and runs nothing.

Python's unpickler imports and calls what a file names. Here a name stays a name and a call stays a description of a
call; both are allowed for a short list only, and any other opcode or name ends the reading with its place in the file.
Long byte strings stay where they are in the file. What the descriptions mean is the business of `embeddings`.

Opcodes: `pickletools` of the standard library, protocols 2 to 5.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from elinker.errors import InputError

CALLABLE = frozenset(
    {
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "OrderedDict"),
    }
)
"""What a file may name in order to call it; the calls are described, never made."""

STORAGES = frozenset(("torch", f"{kind}Storage") for kind in ("Half", "BFloat16", "Float", "Double"))
"""Number types that a storage may name."""

_MAX_CONTAINERS = 10_000
_MAX_DEPTH = 64
_MAX_STACK = 1 << 20
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Name:
    """What a file refers to by module and name. It is not imported."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a file describes. It is not made."""

    function: Name
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Persistent:
    """What a file refers to by a persistent id."""

    identifier: Any


class PickleReader:
    """Reads pickles that stand one after the other in memory.

    Args:
        data: the file, or a part of it; it may be memory-mapped.
        path: what to call it in messages.
    """

    def __init__(self, data: memoryview, path: object) -> None:
        self.data = data
        self.position = 0
        self._path = path
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._containers = 0

    def read(self) -> Any:
        """The value of the next pickle; `position` is behind it afterwards.

        Numbers, strings, None, lists, tuples and dicts are themselves; bytes are memory views of the file.

        Raises:
            InputError: the pickle is cut short, or holds anything else than tensors and plain containers.
        """
        self._stack, self._marks, self._memo, self._containers = [], [], {}, 0
        try:
            while (opcode := self._take(1)[0]) != _STOP:
                handler = _HANDLERS.get(opcode)
                if handler is None:
                    raise self._refusal(f"opcode {bytes([opcode])!r}")
                handler(self)
                if len(self._stack) > _MAX_STACK or len(self._marks) > _MAX_DEPTH:
                    raise self._refusal("more nesting than a tensor with its labels has")
            value = self._stack.pop()
        except (IndexError, KeyError, TypeError, ValueError, RecursionError, struct.error):
            raise InputError(
                f"{self._path} is no sound pickle: it breaks off or goes wrong at byte {self.position:,}"
            ) from None
        if self._stack or self._marks:
            raise InputError(f"{self._path} is no sound pickle: it holds more than one value")
        return value

    def _refusal(self, what: str) -> InputError:
        return InputError(
            f"{self._path} is refused: {what} at byte {self.position - 1:,}; only tensors and plain lists are read",
            hint="nothing of it was run",
        )

    def _take(self, length: int) -> memoryview:
        """The next bytes, of which there must be so many."""
        end = self.position + length
        if end > len(self.data):
            raise IndexError
        part = self.data[self.position : end]
        self.position = end
        return part

    def _skip(self, length: int) -> None:
        self._take(length)

    def _number(self, layout: str) -> int:
        (number,) = struct.unpack(layout, self._take(struct.calcsize(layout)))
        return int(number)

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _text(self, layout: str) -> None:
        self._push(str(self._take(self._number(layout)), "utf-8", "surrogatepass"))

    def _line(self) -> str:
        window = bytes(self.data[self.position : self.position + 256])
        return str(self._take(window.index(b"\n") + 1)[:-1], "utf-8")

    def _container(self, value: Any) -> None:
        self._containers += 1
        if self._containers > _MAX_CONTAINERS:
            raise self._refusal(f"more than {_MAX_CONTAINERS:,} containers")
        self._push(value)

    def _tuple(self, length: int) -> None:
        if length > len(self._stack):
            raise IndexError
        items = tuple(self._stack[-length:])
        del self._stack[-length:]
        self._container(items)

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _unmark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise TypeError
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict:
            raise TypeError
        target.update(zip(items[::2], items[1::2], strict=True))

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise TypeError
        if (module, name) not in CALLABLE | STORAGES:
            raise self._refusal(f"the name {f'{module}.{name}'[:_SHOWN]!a}")
        self._push(Name(module, name))

    def _stack_name(self) -> None:
        name = self._stack.pop()
        self._name(self._stack.pop(), name)

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if type(function) is not Name or (function.module, function.name) not in CALLABLE:
            raise self._refusal("a call of what is no function")
        if type(arguments) is not tuple:
            raise TypeError
        self._container({} if function.name == "OrderedDict" and not arguments else Call(function, arguments))


_STOP = ord(".")

_HANDLERS: Mapping[int, Callable[[PickleReader], None]] = {
    0x80: lambda reader: reader._skip(1),  # protocol
    0x95: lambda reader: reader._skip(8),  # frame: its length is of no use here
    ord("("): PickleReader._mark,
    ord("N"): lambda reader: reader._push(None),
    0x88: lambda reader: reader._push(True),
    0x89: lambda reader: reader._push(False),
    ord("J"): lambda reader: reader._push(reader._number("<i")),
    ord("K"): lambda reader: reader._push(reader._number("<B")),
    ord("M"): lambda reader: reader._push(reader._number("<H")),
    0x8A: lambda reader: reader._push(int.from_bytes(reader._take(reader._number("<B")), "little", signed=True)),
    0x8C: lambda reader: reader._text("<B"),
    ord("X"): lambda reader: reader._text("<I"),
    0x8D: lambda reader: reader._text("<Q"),
    ord("C"): lambda reader: reader._push(reader._take(reader._number("<B"))),
    ord("B"): lambda reader: reader._push(reader._take(reader._number("<I"))),
    0x8E: lambda reader: reader._push(reader._take(reader._number("<Q"))),
    ord("]"): lambda reader: reader._container([]),
    ord("}"): lambda reader: reader._container({}),
    ord(")"): lambda reader: reader._container(()),
    ord("a"): lambda reader: reader._append([reader._stack.pop()]),
    ord("e"): lambda reader: reader._append(reader._unmark()),
    ord("s"): lambda reader: reader._set([reader._stack.pop(-2), reader._stack.pop()]),
    ord("u"): lambda reader: reader._set(reader._unmark()),
    ord("t"): lambda reader: reader._container(tuple(reader._unmark())),
    0x85: lambda reader: reader._tuple(1),
    0x86: lambda reader: reader._tuple(2),
    0x87: lambda reader: reader._tuple(3),
    0x94: lambda reader: reader._memo.update({len(reader._memo): reader._stack[-1]}),
    ord("q"): lambda reader: reader._memo.update({reader._number("<B"): reader._stack[-1]}),
    ord("r"): lambda reader: reader._memo.update({reader._number("<I"): reader._stack[-1]}),
    ord("h"): lambda reader: reader._push(reader._memo[reader._number("<B")]),
    ord("j"): lambda reader: reader._push(reader._memo[reader._number("<I")]),
    ord("c"): lambda reader: reader._name(reader._line(), reader._line()),
    0x93: PickleReader._stack_name,
    ord("R"): PickleReader._reduce,
    ord("Q"): lambda reader: reader._push(Persistent(reader._stack.pop())),
}
