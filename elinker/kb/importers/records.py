"""JSON lines as the importers read them: one object a line, and fields of known types."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from elinker.errors import InputError

_loads: Callable[[bytes], Any]
try:
    import orjson
except ImportError:  # all is the same but slower: docs/importing.md has figures
    _loads = json.loads
else:
    _loads = orjson.loads


def json_object(line: bytes) -> dict[str, Any]:
    """The object of a line.

    Raises:
        InputError: it is broken JSON, or not an object.
    """
    try:
        value = _loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"broken JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"not a JSON object but {type(value).__name__}")
    return value


def mapping(record: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A field that is an object; an absent, null or empty one is empty, also where PHP wrote it as `[]`.

    Raises:
        InputError: it is something else.
    """
    value = record.get(field)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{field} is not an object but {type(value).__name__}")
    return value


def text(record: Mapping[str, Any], field: str) -> str:
    """A field that is a string, or a whole number given as one; an absent or null one is empty.

    Raises:
        InputError: it is something else.
    """
    value = record.get(field)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{field} is not a string but {type(value).__name__}")
    return str(value)


def texts(record: Mapping[str, Any], field: str) -> list[str]:
    """A field that is a list of strings; an absent or null one is empty.

    Raises:
        InputError: it is something else.
    """
    value = record.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{field} is not a list of strings")
    return value


def shortened(passage: str, length: int) -> str:
    """A passage on one line, cut to `length` characters at the end of a word, with `…` where something was cut."""
    passage = " ".join(passage.split())
    if len(passage) <= length:
        return passage
    kept = passage[: length - 1]
    if not passage[length - 1].isspace() and " " in kept:
        kept = kept[: kept.rindex(" ")]
    return kept.rstrip(" ,;:") + "…"
