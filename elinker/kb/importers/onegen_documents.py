"""Entity documents of the reference code (`db.jsonl`) turned back into entities, by the model's own template."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from elinker.errors import InputError
from elinker.kb.importers.records import json_object, text
from elinker.kb.readers import entity_of
from elinker.schema import Entity

LONGEST = 20_000
"""Characters of the longest document that is taken apart; the pattern's time grows steeply with the length."""

_FIELD = re.compile(r"\{(label|aliases|description|types)\}")


def document_reader(template: str, begin: str = "") -> Callable[[bytes], Entity]:
    """A reader of lines: documents `{"uid", "messages"}`, or entities as `elinker kb build` reads them.

    A document that the template cannot have made has its id as label and its last message as description.

    Args:
        template: `document.template` of the model's settings.
        begin: a token at the start of the template that the documents lack, such as `<s>`.
    """
    pattern = _pattern(template.removeprefix(begin))

    def read(line: bytes) -> Entity:
        record = json_object(line)
        if "messages" not in record:
            return entity_of(record)
        identifier, parts = text(record, "uid"), list(_contents(record))
        document = "".join(parts)
        found = pattern.fullmatch(document.removeprefix(begin)) if len(document) <= LONGEST else None
        if found is None:
            return entity_of({"id": identifier, "label": identifier, "description": parts[-1]})
        fields = {name: value for name, value in found.groupdict().items() if value is not None}
        lists = {name: fields.pop(name, "").split(", ") for name in ("aliases", "types")}
        return entity_of({"id": identifier, "label": identifier} | fields | lists)

    return read


def _pattern(template: str) -> re.Pattern[str]:
    """What texts a template makes: its first `{field}` is a group, the same field again is the same text."""
    pieces, done, known = [], 0, set[str]()
    for found in _FIELD.finditer(template):
        pieces.append(re.escape(template[done : found.start()]))
        name = found[1]
        if name in known:
            pieces.append(f"(?P={name})")
        elif name == "aliases":
            pieces.append(r"(?: \((?P<aliases>.*?)\))?")
        else:
            pieces.append(f"(?P<{name}>.*?)")
        known.add(name)
        done = found.end()
    return re.compile("".join(pieces) + re.escape(template[done:]), re.DOTALL)


def _contents(record: Mapping[str, Any]) -> Iterator[str]:
    messages = record["messages"]
    if not isinstance(messages, list) or not messages:
        raise InputError("messages is not a list with something in it")
    for message in messages:
        if not isinstance(message, dict):
            raise InputError("a message is not an object")
        yield text(message, "content")
