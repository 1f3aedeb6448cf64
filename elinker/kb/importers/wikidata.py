"""Wikidata's JSON dump: one item a line, in the form of Wikibase's data model. Which items, in which languages.

Format: https://doc.wikimedia.org/Wikibase/master/php/docs_topics_json.html; the dump is one JSON array, an item a line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elinker.errors import InputError, UsageError
from elinker.kb.importers.classes import WIKIMEDIA_PAGES, coarse_types
from elinker.kb.importers.records import json_object, mapping, text
from elinker.kb.readers import entity_of
from elinker.schema import Entity

ANY_LANGUAGE = "mul"
"""Wikidata's code for names that hold in all languages."""

_QID = re.compile(r"Q[1-9][0-9]*")
_LANGUAGE = re.compile(r"[a-z]{2,}(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class WikidataReader:
    """Turns a line of the dump into an entity.

    Args:
        languages: their labels and aliases are an entity's names, the first label found is its label.
        fallbacks: languages to ask, in order, where none of `languages` has a label; `mul` always comes last.
        min_sitelinks: pages of any Wikimedia project that an item must have.
        wikipedia: code of a Wikipedia, such as `en`, in which an item must have an article.
        keep: classes (QIDs); only direct instances of one of them are kept. Empty: all.
        drop: classes whose direct instances are dropped.

    Raises:
        UsageError: a code or a QID is not one.
    """

    languages: Sequence[str] = ("en",)
    fallbacks: Sequence[str] = ()
    min_sitelinks: int = 0
    wikipedia: str | None = None
    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = WIKIMEDIA_PAGES

    def __post_init__(self) -> None:
        for code in (*self.languages, *self.fallbacks, *([self.wikipedia] if self.wikipedia else [])):
            if not _LANGUAGE.fullmatch(code):
                raise UsageError(f"{code!r} is not a language code", hint="for example en, de or pt-br")
        for qid in sorted(self.keep | self.drop):
            if not _QID.fullmatch(qid):
                raise UsageError(f"{qid!r} is not the id of a class", hint="for example Q5")

    def __call__(self, line: bytes) -> Entity | str | None:
        """The entity of a line, or why it is left out, or None for the brackets around the dump.

        Raises:
            InputError: the line is not an entity of Wikibase.
        """
        line = line.rstrip(b",")
        if line in (b"[", b"]", b""):
            return None
        if self._site and b'"%b"' % self._site.encode() not in line:
            return "no article in the Wikipedia asked for"  # known without the cost of parsing
        record = json_object(line)
        if "id" not in record or "type" not in record:
            raise InputError("not an entity of Wikidata: no id or no type")
        return self._left_out(record) or self._entity(record)

    @property
    def _site(self) -> str:
        return f"{self.wikipedia.replace('-', '_')}wiki" if self.wikipedia else ""

    def _left_out(self, record: Mapping[str, Any]) -> str | None:
        if record["type"] != "item":
            return "a property or lexeme, not an item"
        sitelinks = mapping(record, "sitelinks")
        if self._site and self._site not in sitelinks:
            return "no article in the Wikipedia asked for"
        if len(sitelinks) < self.min_sitelinks:
            return "too few sitelinks"
        classes = set(_classes(record))
        if self.keep and not classes & self.keep:
            return "of no class that is kept"
        if classes & self.drop:
            return "of a class that is dropped"
        return None

    def _entity(self, record: Mapping[str, Any]) -> Entity | str:
        names = self._names(record)
        if not names:
            return "no label in the languages asked for"
        return entity_of(
            {
                "id": text(record, "id"),
                "label": names[0],
                "aliases": names[1:],
                "description": self._description(record),
                "types": coarse_types(_classes(record)),
            }
        )

    def _names(self, record: Mapping[str, Any]) -> list[str]:
        """Label and aliases; all languages asked for give names, a fallback only where none of them has a label."""
        labels, aliases = mapping(record, "labels"), mapping(record, "aliases")
        chosen = [code for code in self.languages if code in labels]
        if not chosen:
            chosen = [code for code in (*self.fallbacks, ANY_LANGUAGE) if code in labels][:1]
        if not chosen:
            return []
        names = [_value(labels[code]) for code in chosen]
        for code in dict.fromkeys((*self.languages, *chosen, ANY_LANGUAGE)):
            names += map(_value, _listed(aliases.get(code)))
        return names

    def _description(self, record: Mapping[str, Any]) -> str:
        descriptions = mapping(record, "descriptions")
        asked = (*self.languages, *self.fallbacks, ANY_LANGUAGE)
        return next((_value(descriptions[code]) for code in asked if code in descriptions), "")


def _listed(terms: Any) -> list[Any]:
    if terms is not None and not isinstance(terms, list):
        raise InputError("the aliases of a language are not a list")
    return terms or []


def _value(term: Any) -> str:
    if not isinstance(term, dict) or not isinstance(term.get("value"), str):
        raise InputError("a label, alias or description has no value")
    return str(term["value"])


def _classes(record: Mapping[str, Any]) -> list[str]:
    """What an item is an instance of (P31): the statements of preferred rank, or else those of normal rank."""
    try:
        statements = mapping(record, "claims").get("P31") or []
        by_rank = [(statement["rank"], qid) for statement in statements for qid in _target(statement["mainsnak"])]
    except (TypeError, KeyError, AttributeError):
        raise InputError("a statement of P31 is not in Wikibase's form") from None
    preferred = [qid for rank, qid in by_rank if rank == "preferred"]
    return preferred or [qid for rank, qid in by_rank if rank == "normal"]


def _target(snak: Mapping[str, Any]) -> Iterator[str]:
    if snak["snaktype"] == "value":
        value = snak["datavalue"]["value"]
        yield str(value["id"]) if "id" in value else f"Q{value['numeric-id']}"
