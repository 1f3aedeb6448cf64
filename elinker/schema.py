"""The nouns of entity linking: Entity, Candidate, Mention, Document. No behaviour beyond JSON and checks lives here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elinker.errors import InputError

SCHEMA_VERSION = 1
"""Version of the JSON form of a `Document`; it grows when a reader of the old form would misread the new one."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entry of a knowledge base.

    `types` are coarse classes such as `person` or `place`, most specific use first; `id` is unique in its base
    (a Wikidata QID in the starter base).
    """

    id: str
    label: str
    aliases: tuple[str, ...] = ()
    description: str = ""
    types: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The label and then the aliases."""
        return (self.label, *self.aliases)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity that a mention may refer to. `score` is the cosine of mention and entity vector, in [-1, 1]."""

    entity_id: str
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Mention:
    """A named span of a text and what it refers to.

    `start` and `end` count characters (Unicode code points) of the document's text, `text` is exactly that slice.
    `entity_id` and `label` are None for NIL, a mention whose entity is not in the base. `score` is the probability, in
    [0, 1], that the first candidate is right; `candidates` come best first.
    """

    start: int
    end: int
    text: str
    entity_id: str | None = None
    label: str | None = None
    score: float = 0.0
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its mentions in order of `start`. `meta` holds JSON-able fields that travel along.

    Raises:
        InputError: a mention's offsets do not select its text.
    """

    id: str
    text: str
    mentions: tuple[Mention, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for mention in self.mentions:
            exact = self.text[mention.start : mention.end] == mention.text
            if not exact or not 0 <= mention.start < mention.end <= len(self.text):
                raise InputError(
                    f"document {self.id!r}: mention {mention.text!r} is not the text at {mention.start}:{mention.end}",
                    hint="offsets count characters of the original text, not bytes or tokens",
                )

    def to_json(self) -> dict[str, Any]:
        """The document as plain JSON values, one line of elinker's JSONL (docs/formats.md)."""
        return {
            "schema": SCHEMA_VERSION,
            "id": self.id,
            "text": self.text,
            "mentions": [
                {
                    "start": mention.start,
                    "end": mention.end,
                    "text": mention.text,
                    "entity_id": mention.entity_id,
                    "label": mention.label,
                    "score": round(mention.score, 4),
                    "candidates": [
                        {
                            "entity_id": candidate.entity_id,
                            "label": candidate.label,
                            "score": round(candidate.score, 4),
                        }
                        for candidate in mention.candidates
                    ],
                }
                for mention in self.mentions
            ],
            "meta": dict(self.meta),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Document":
        """The inverse of `to_json`; `label`, `score`, `candidates`, `meta` and `schema` may be absent.

        Raises:
            InputError: a field is missing or of the wrong type, or the line is of a newer schema.
        """
        version = value.get("schema", SCHEMA_VERSION)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise InputError(f"schema {version!r} is newer than {SCHEMA_VERSION}", hint="update elinker")
        try:
            return cls(
                id=str(value["id"]),
                text=_typed(value["text"], str, "text"),
                mentions=tuple(_mention(mention) for mention in _objects(value.get("mentions", []), "mentions")),
                meta=_typed(value.get("meta", {}), dict, "meta"),
            )
        except KeyError as error:
            raise InputError(f"field {error.args[0]!r} is missing") from None


def _mention(value: Mapping[str, Any]) -> Mention:
    label = value.get("label")
    entity_id = value.get("entity_id")
    return Mention(
        start=_typed(value["start"], int, "start"),
        end=_typed(value["end"], int, "end"),
        text=_typed(value["text"], str, "mention text"),
        entity_id=None if entity_id is None else _typed(entity_id, str, "entity_id"),
        label=None if label is None else _typed(label, str, "label"),
        score=float(_typed(value.get("score", 0.0), (int, float), "score")),
        candidates=tuple(
            Candidate(
                entity_id=_typed(candidate["entity_id"], str, "candidate entity_id"),
                label=_typed(candidate.get("label", ""), str, "candidate label"),
                score=float(_typed(candidate.get("score", 0.0), (int, float), "candidate score")),
            )
            for candidate in _objects(value.get("candidates", []), "candidates")
        ),
    )


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    return [_typed(item, dict, f"{name}[]") for item in _typed(value, list, name)]


def _typed(value: Any, kind: Any, name: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, kind):
        expected = kind.__name__ if isinstance(kind, type) else "number"
        raise InputError(f"field {name!r} is {type(value).__name__}, not {expected}")
    return value
