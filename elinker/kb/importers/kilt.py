"""KILT's knowledge source: a Wikipedia article a line, as JSON (https://github.com/facebookresearch/KILT)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from elinker.errors import InputError
from elinker.kb.importers.records import json_object, mapping, shortened, text, texts
from elinker.kb.readers import entity_of
from elinker.schema import Entity


@dataclass(frozen=True, slots=True)
class KiltReader:
    """Turns a line of `kilt_knowledgesource.json` into an entity: the article's title and Wikidata's names.

    Args:
        ids: whether the Wikidata id or the number of the Wikipedia page becomes the id.
        description_length: characters of the first paragraph that are kept where Wikidata has no description.
    """

    ids: Literal["wikidata", "wikipedia"] = "wikidata"
    description_length: int = 300

    def __call__(self, line: bytes) -> Entity | str | None:
        """The entity of a line, or why it is left out.

        Raises:
            InputError: the line is not a record of the knowledge source.
        """
        record = json_object(line)
        page, title = text(record, "wikipedia_id"), text(record, "wikipedia_title")
        if not page or not title:
            raise InputError("not a record of KILT: no wikipedia_id or no wikipedia_title")
        wikidata = mapping(record, "wikidata_info")
        identifier = page if self.ids == "wikipedia" else text(wikidata, "wikidata_id")
        if not identifier:
            return "no Wikidata id"
        label = text(wikidata, "wikidata_label")
        return entity_of(
            {
                "id": identifier,
                "label": title,
                "aliases": [label, *_aliases(wikidata)],
                "description": text(wikidata, "description") or self._first_paragraph(record),
            }
        )

    def _first_paragraph(self, record: Mapping[str, Any]) -> str:
        """The paragraph after the title, which is the first of `text`."""
        paragraphs = [paragraph for paragraph in texts(record, "text")[1:] if paragraph.strip()]
        return shortened(paragraphs[0], self.description_length) if paragraphs else ""


def _aliases(wikidata: Mapping[str, Any]) -> list[str]:
    """A list of strings, or the same under `alias`, as some releases have it."""
    nested = wikidata.get("aliases")
    return texts(nested, "alias") if isinstance(nested, dict) else texts(wikidata, "aliases")
