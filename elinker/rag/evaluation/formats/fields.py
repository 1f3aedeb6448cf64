"""Fields of questions read with a check: what is missing or of the wrong type is an error that names it."""

from typing import Any

from elinker.errors import InputError


def text(value: dict[str, Any], name: str) -> str:
    """A text that is not blank."""
    found = value.get(name)
    if not isinstance(found, str) or not found.strip():
        raise InputError(f"field {name!r} is no text")
    return found


def optional_text(value: dict[str, Any], name: str) -> str | None:
    """A text, or None where the field is absent or null."""
    found = value.get(name)
    if found is not None and not isinstance(found, str):
        raise InputError(f"field {name!r} is no text")
    return found


def identifier(value: dict[str, Any], name: str, default: str) -> str:
    """An id as a text, be it a text or a number; `default` where there is none."""
    found = value.get(name)
    if found is None:
        return default
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise InputError(f"field {name!r} is neither text nor number")
    return str(found)


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts; nothing for null."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"field {name!r} is not a list of texts")
    return tuple(value)


def pairs(value: Any, name: str) -> list[tuple[Any, Any]]:
    """A list of pairs, as HotpotQA has supporting facts and context; nothing for null."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, list) and len(one) == 2 for one in value):
        raise InputError(f"field {name!r} is not a list of pairs")
    return [(one[0], one[1]) for one in value]
