"""The reader of pickles against Python's own unpickler on what it admits, and against attacks on the rest."""

import builtins
import collections
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.kb.importers.pickled import PickleReader

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.tuples(inner)
        | st.lists(inner, min_size=4, max_size=5).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.just(collections.OrderedDict())
    ),
    max_leaves=12,
)


def read(data: bytes) -> Any:
    return PickleReader(memoryview(data), "file.pkl").read()


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
def test_plain_values_are_read_as_python_reads_them(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=300), st.sampled_from([3, 4, 5]))
def test_bytes_are_views_of_the_file(value: bytes, protocol: int) -> None:
    found = read(pickle.dumps([value, value], protocol))
    assert all(isinstance(view, memoryview) and bytes(view) == value for view in found)


def test_long_lists_come_in_batches() -> None:
    labels = [f"Q{number}" for number in range(5000)]
    assert read(pickle.dumps(labels)) == labels


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_input_error(data: bytes) -> None:
    try:
        read(data)
    except InputError as error:
        assert "file.pkl" in error.message


@given(PLAIN, st.data())
def test_a_pickle_cut_short_is_an_input_error(value: Any, data: Any) -> None:
    whole = pickle.dumps(value, 4)
    with pytest.raises(InputError):
        read(whole[: data.draw(st.integers(0, len(whole) - 1))])


class Reduces:
    """Pickles as a call of what it is given."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


class SetsState:
    def __init__(self) -> None:
        self.x = 1


def attacks(flag: Path) -> dict[str, bytes]:
    """Pickles that make `flag` when Python loads them, or would do worse."""
    command = f"touch {flag}"
    system = b"cposix\nsystem\n" if os.name == "posix" else b"cnt\nsystem\n"
    text = b"X" + struct.pack("<I", len(command)) + command.encode()

    def short(name: str) -> bytes:
        return b"\x8c" + bytes([len(name)]) + name.encode()

    code = f"open({str(flag)!r}, 'w')"
    return {
        "global": b"\x80\x02" + system + text + b"\x85R.",
        "stack global": b"\x80\x04" + short("os") + short("system") + b"\x93" + text + b"\x85R.",
        "stack global from memo": b"\x80\x04"
        + short("system")
        + b"\x940"
        + short("os")
        + b"h\x00\x93"
        + text
        + b"\x85R.",
        "builtins.eval": pickle.dumps(Reduces(builtins.eval, (code,))),
        "builtins.exec in protocol 0": pickle.dumps(Reduces(builtins.exec, (code,)), 0),
        "getattr chain": pickle.dumps(Reduces(getattr, (Reduces(__import__, ("os",)), "system"))),
        "dotted name": b"\x80\x04" + short("torch.storage") + short("io.os.system") + b"\x93" + text + b"\x85R.",
        "inst": b"(" + text + b"iposix\nsystem\n.",
        "obj": b"\x80\x02(" + system + text + b"o.",
        "newobj": b"\x80\x02" + system + text + b"\x85\x81.",
        "newobj_ex": b"\x80\x04" + short("os") + short("system") + b"\x93" + text + b"\x85}\x92.",
        "build": pickle.dumps(SetsState()),
        "ext1": b"\x80\x02\x82\x01.",
        "ext2": b"\x80\x02\x83\x01\x00.",
        "ext4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "text persistent id": b"\x80\x02Psomething\n.",
        "subprocess in a container": pickle.dumps([1, {"a": (Reduces(os.system, (command,)),)}]),
        "call of a string": b"\x80\x02" + text + text + b"\x85R.",
        "call of a storage type": b"\x80\x02ctorch\nHalfStorage\n" + text + b"\x85R.",
        "call made a function": b"\x80\x02ccollections\nOrderedDict\n" + text + b"\x85R" + text + b"\x85R.",
        "module with a line end": b"\x80\x04" + short("torch._utils\nos") + short("system") + b"\x93.",
        "set": pickle.dumps({1, 2}, 4),
        "float": pickle.dumps(1.5),
        "complex": pickle.dumps(1j),
        "bytearray": pickle.dumps(bytearray(b"x" * 10), 5),
        "out of band": b"\x80\x05\x97.",
    }


@pytest.mark.parametrize("name", attacks(Path("flag")))
def test_an_attack_is_refused_before_anything_runs(tmp_path: Path, name: str) -> None:
    flag = tmp_path / "flag"
    with pytest.raises(InputError):
        read(attacks(flag)[name])
    assert not flag.exists()


@pytest.mark.parametrize("name", ["global", "stack global", "builtins.eval", "subprocess in a container", "obj"])
def test_the_attacks_are_real(tmp_path: Path, name: str) -> None:
    flag = tmp_path / "flag"
    pickle.load(io.BytesIO(attacks(flag)[name]))
    assert flag.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0fx.",  # a byte string longer than the file
        b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0fx.",
        b"\x80\x02B\xff\xff\xff\x7fx.",
        b"\x80\x02X\xff\xff\xff\xffx.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",  # LONG4
        b"\x80\x02" + b"]" * 20_000 + b".",
        b"\x80\x02" + b"(" * 1000 + b"t" * 1000 + b".",
        b"\x80\x02" + b"N" * (2 << 20) + b".",
        b"\x80\x02" + b")" + b"\x85" * 20_000 + b".",
        b"\x80\x02h\x05.",  # a memo that was never written
        b"\x80\x02j\xff\xff\xff\xff.",
        b"\x80\x02Nr\xff\xff\xff\x7fj\xff\xff\xff\x7f0.",
        b"\x80\x02]q\x00h\x00ah\x00.",  # two values left over
        b"\x80\x02}]Ns.",  # a list as a key
        b"\x80\x02.",
        b"",
    ],
)
def test_lengths_and_depths_that_lead_nowhere_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read(data)


def test_a_list_in_itself_is_read_and_not_followed() -> None:
    value = read(b"\x80\x02]q\x00h\x00a.")
    assert value[0] is value


def test_a_refusal_names_what_was_found_and_where() -> None:
    with pytest.raises(InputError, match=r"the name 'posix.system' at byte \d+; only tensors"):
        read(b"\x80\x02cposix\nsystem\n.")
