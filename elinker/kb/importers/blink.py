"""BLINK's and ELQ's `entity.jsonl`: a Wikipedia article a line (https://github.com/facebookresearch/BLINK)."""

from dataclasses import dataclass
from typing import Literal

from elinker.errors import InputError
from elinker.kb.importers.records import json_object, shortened, text
from elinker.kb.readers import entity_of
from elinker.schema import Entity

_PAGE = "curid="


@dataclass(frozen=True, slots=True)
class BlinkReader:
    """Turns a line of `entity.jsonl` into an entity: title, and the beginning of the article as description.

    Args:
        ids: the number of the Wikipedia page at the end of `idx`, or the Wikidata id in `kb_idx`, which only ELQ's
            file has.
        description_length: characters of `text` that are kept.
    """

    ids: Literal["wikipedia", "wikidata"] = "wikipedia"
    description_length: int = 300

    def __call__(self, line: bytes) -> Entity | str | None:
        """The entity of a line, or why it is left out.

        Raises:
            InputError: the line is not an entity of BLINK.
        """
        record = json_object(line)
        if "title" not in record or "text" not in record:
            raise InputError("not an entity of BLINK: no title or no text")
        page, entity = text(record, "idx").rpartition(_PAGE)[2].strip(), text(record, "entity")
        identifier = page if self.ids == "wikipedia" else text(record, "kb_idx")
        if not identifier:
            return f"no {'idx' if self.ids == 'wikipedia' else 'kb_idx'}"
        return entity_of(
            {
                "id": identifier,
                "label": text(record, "title"),
                "aliases": [entity],
                "description": shortened(text(record, "text"), self.description_length),
            }
        )
