"""ReFinED's additional entities, one JSON object a line (https://github.com/amazon-science/ReFinED)."""

import re

from elinker.errors import InputError
from elinker.kb.importers.classes import coarse_types
from elinker.kb.importers.records import json_object, text, texts
from elinker.kb.readers import entity_of
from elinker.schema import Entity

_QID = re.compile(r"Q[1-9][0-9]*")


def read_refined(line: bytes) -> Entity | str | None:
    """The entity of a line. Classes of Wikidata among its types become coarse types, other words stay as they are.

    Raises:
        InputError: the line is not an additional entity.
    """
    record = json_object(line)
    identifier = text(record, "id") or text(record, "entity_id")
    if not identifier or "label" not in record:
        raise InputError("not an entity of ReFinED: no id (or entity_id) or no label")
    types = texts(record, "entity_types")
    return entity_of(
        {
            "id": identifier,
            "label": text(record, "label"),
            "aliases": texts(record, "aliases"),
            "description": text(record, "description"),
            "types": [*coarse_types(types), *(name for name in types if not _QID.fullmatch(name))],
        }
    )
