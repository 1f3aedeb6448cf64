"""docs/annotation.schema.json says what `Document.to_json` writes: every line fits, every field is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from elinker import Candidate, Document, Mention

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "annotation.schema.json").read_text("utf-8"))
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
    "object": dict,
    "array": list,
}
KEYWORDS = {"$schema", "$id", "$defs", "$ref", "title", "description", "type", "const", "properties", "required"} | {
    "additionalProperties", "items", "minimum", "maximum", "minLength", "examples",
}  # fmt: skip


def problems(value: Any, schema: Any, path: str = "line") -> list[str]:
    """The part of JSON Schema that the file uses; a keyword that this does not know is a problem too."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    found = [f"{path}: unknown keyword {keyword}" for keyword in schema.keys() - KEYWORDS]
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, bool) or not any(isinstance(value, TYPES[kind]) for kind in kinds):
        return [*found, f"{path}: {value!r} is not {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{path}: {value!r} is out of range")
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        found.append(f"{path}: too short")
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += problems(item, schema["items"], f"{path}[{index}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{path}: {name} is not described" for name in value.keys() - properties.keys()]
        for name in properties.keys() & value.keys():
            found += problems(value[name], properties[name], f"{path}.{name}")
    return found


FULL = Document(
    "a",
    "Apple in Nowhere",
    (
        Mention(0, 5, "Apple", "Q312", "Apple Inc.", 0.9, (Candidate("Q312", "Apple Inc.", -0.25),)),
        Mention(9, 16, "Nowhere", score=0.1),
    ),
    {"year": 2024},
)


@pytest.mark.parametrize("document", [FULL, Document("b", "")])
def test_what_is_written_fits_the_schema(document: Document) -> None:
    assert problems(json.loads(json.dumps(document.to_json())), SCHEMA) == []


def test_every_described_field_is_written() -> None:
    line = FULL.to_json()
    mention = line["mentions"][0]
    assert SCHEMA["properties"].keys() == line.keys()
    assert SCHEMA["$defs"]["mention"]["properties"].keys() == mention.keys()
    assert SCHEMA["$defs"]["candidate"]["properties"].keys() == mention["candidates"][0].keys()


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"id": 5}, {"text": None}, {"mentions": {}}, {"extra": 1}, {"mentions": [{"start": -1}]}],
)
def test_what_is_not_ours_does_not_fit(change: dict[str, Any]) -> None:
    assert problems({**FULL.to_json(), **change}, SCHEMA) != []


def test_what_the_schema_requires_is_what_the_reader_requires() -> None:
    minimal = {name: FULL.to_json()[name] for name in SCHEMA["required"]}
    assert Document.from_json(minimal).text == FULL.text
