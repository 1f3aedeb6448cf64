"""JSON lines: elinker's own (`Document.to_json`, docs/formats.md) and anybody's with a text field."""

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, BinaryIO

from elinker.corpus.formats.mention_types import sorted_mentions
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source, short
from elinker.errors import InputError
from elinker.schema import Document

_LARGE = re.compile(r"[eE]\+?\d{3}|\d{300}")
"""What a number may look like that is too large for a float; all others are spared a call."""

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_OWN_FIELDS = ("schema", "id", "text", "mentions", "meta")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a line; blank lines are skipped, a line without an id gets `file:line`."""
    for number, line, content in decode_lines(source, options):
        if isinstance(line, InputError):
            yield BadRecord(source.name, number, str(line), readable(content))
        elif line.strip():
            try:
                document = parse(line, options, default_id=f"{source.id}:{number}")
                yield Located(document, source.name, number)
            except InputError as error:
                yield BadRecord(source.name, number, str(error), short(line.rstrip("\r\n")))


def parse(line: str, options: ReadOptions, *, default_id: str) -> Document:
    """The document of one line.

    Raises:
        InputError: the line is not JSON, has no text, holds a lone surrogate, or is a broken line of elinker's own.
    """
    value = load(line)
    if not isinstance(value, dict):
        raise InputError(f"the line is {_json_type(value)}, not a JSON object")
    return document_of(value, options, default_id=default_id)


def document_of(value: Mapping[str, Any], options: ReadOptions, *, default_id: str) -> Document:
    """The document of an object: elinker's own or anybody's with a text.

    Raises:
        InputError: it has no text, or is a broken one of elinker's own.
    """
    own_names = options.text_field == "text" and options.id_field == "id"
    if own_names and _is_own(value):
        own = {**value, "id": _id(value.get("id"), default_id), "meta": _meta(value, _OWN_FIELDS)}
        return sorted_mentions(Document.from_json(own))
    if options.text_field not in value:
        names = ", ".join(map(repr, value)) or "none"
        raise InputError(f"no field {options.text_field!r}", hint=f"fields: {names}; name one with --text-field")
    text = value[options.text_field]
    if not isinstance(text, str):
        raise InputError(f"field {options.text_field!r} is {_json_type(text)}, not a string")
    identifier = _id(value.get(options.id_field), default_id)
    return Document(identifier, text, meta=_meta(value, (options.text_field, options.id_field, "meta")))


def load(line: str) -> Any:
    """The JSON value of a line. `NaN` and `Infinity`, which JSON does not have, and numbers beyond a float are null.

    Where an object has a name twice, the last one counts.

    Raises:
        InputError: the line is not JSON, is nested too deeply, or holds a lone surrogate.
    """
    try:
        value = json.loads(line, parse_constant=lambda _: None, parse_float=_finite if _LARGE.search(line) else None)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise InputError("not JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"not JSON that can be read: {error}") from None
    if _SURROGATE_ESCAPE.search(line):
        _check_surrogates(value, "the line")
    return value


def _finite(number: str) -> float | None:
    value = float(number)
    return value if isfinite(value) else None


def _check_surrogates(value: Any, where: str) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"{where} has a lone surrogate \\u{ord(value[error.start]):04x} at character {error.start}"
            ) from None
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_surrogates(name, "a field name")
            _check_surrogates(item, f"field {name!r}")
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item, where)


def _is_own(value: Mapping[str, Any]) -> bool:
    """Whether a line is elinker's own: other people's files have a field called `mentions` too, so its shape counts."""
    mentions = value.get("mentions")
    if not isinstance(mentions, list):
        return False
    if isinstance(value.get("schema"), int):
        return True
    if not mentions:
        return value.keys() <= set(_OWN_FIELDS)
    return all(isinstance(mention, dict) and {"start", "end", "text"} <= mention.keys() for mention in mentions)


def _meta(value: Mapping[str, Any], used: tuple[str, ...]) -> dict[str, Any]:
    """The fields that are not `used`, beside what an object called `meta` already holds; nothing is overwritten."""
    others = {name: item for name, item in value.items() if name not in used}
    meta = value.get("meta", {})
    if isinstance(meta, dict) and not others.keys() & meta.keys():
        return {**meta, **others}
    return {**others, "meta": meta}


def _id(value: Any, default: str) -> str:
    return default if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json_type(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


class JsonlWriter:
    """Writes `Document.to_json()` as one UTF-8 line a document, characters as themselves rather than as escapes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, document: Document) -> None:
        """Add a line; see `Writer.write`."""
        self._stream.write(encode(document.to_json()) + b"\n")

    def finish(self) -> None:
        """Nothing is held back."""


def encode(value: Any) -> bytes:
    """JSON as UTF-8 bytes without line breaks.

    Raises:
        InputError: the value has a lone surrogate, a number that is not finite, or a type that JSON does not have.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"a lone surrogate \\u{ord(error.object[error.start]):04x} cannot be written as UTF-8"
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be written as JSON: {error}") from None


FORMAT = Format("jsonl", reads=(".jsonl", ".ndjson"), read=read, writes=(".jsonl", ".ndjson"), write=JsonlWriter)
