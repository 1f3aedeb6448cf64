"""What is known about the entities of a benchmark and of predictions: names and coarse types, from gold and base.

Error categories and the breakdown by type ask here. Nothing is scored.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from elinker.evaluation.gold import GoldDocument
from elinker.schema import Document, Entity

FindEntity = Callable[[str], Entity | None]
"""Looks an id up in a knowledge base."""

WIKIDATA_TYPES = {
    "Q95074": "fictional character",
    "Q215627": "person",
    "Q27096213": "place",
    "Q3895768": "place",
    "Q43229": "organization",
    "Q17537576": "creative work",
    "Q2424752": "product",
    "Q1656682": "event",
    "Q431289": "brand",
    "Q483394": "genre",
    "Q17376908": "language",
    "Q43460564": "chemical",
    "Q16521": "taxon",
    "Q9174": "religion",
    "Q7257": "ideology",
    "Q4164871": "position",
    "Q12737077": "occupation",
    "Q11862829": "academic discipline",
    "Q21070598": "narrative entity",
    "Q618779": "award",
    "Q12136": "disease",
    "Q4392985": "religious identity",
    "Q373899": "record chart",
    "Q22222786": "government program",
    "Q33829": "population",
    "Q41710": "population",
    "Q1075": "color",
    "Q179661": "treatment",
    "Q169872": "symptom",
    "Q4936952": "anatomy",
    "Q349": "sport",
    "Q729": "animal",
}
"""Wikidata classes that ELEVANT's benchmarks use as types, in the words of elinker's knowledge bases."""

_OTHER = "OTHER"
"""What ELEVANT writes for an entity of none of its types."""


@dataclass
class KnownEntities:
    """Names and types by entity id. The knowledge base, where there is one, is asked first, then the gold labels."""

    find: FindEntity | None = None
    _labels: dict[str, str] = field(default_factory=dict)
    _types: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _found: dict[str, Entity | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, gold: Iterable[GoldDocument], predicted: Iterable[Document] = (), find: FindEntity | None = None
    ) -> "KnownEntities":
        """What the base, the gold mentions and the predictions' labels tell."""
        known = cls(find)
        for document in gold:
            for mention in (*document.mentions, *document.alternatives):
                if mention.entity_id is not None:
                    known._tell(mention.entity_id, mention.label, mention.types)
        for output in predicted:
            for found in output.mentions:
                if found.entity_id is not None:
                    known._tell(found.entity_id, found.label, ())
                for candidate in found.candidates:
                    known._tell(candidate.entity_id, candidate.label, ())
        return known

    def label(self, entity_id: str) -> str | None:
        """The name of an entity, None where nobody told it."""
        entity = self._entity(entity_id)
        return entity.label if entity else self._labels.get(entity_id)

    def names(self, entity_id: str) -> tuple[str, ...]:
        """Label and aliases, or only the label, or nothing."""
        entity = self._entity(entity_id)
        if entity:
            return entity.names
        label = self._labels.get(entity_id)
        return () if label is None else (label,)

    def types(self, entity_id: str) -> tuple[str, ...]:
        """The coarse types of an entity; empty where nobody told them."""
        entity = self._entity(entity_id)
        return entity.types if entity and entity.types else self._types.get(entity_id, ())

    def _entity(self, entity_id: str) -> Entity | None:
        if self.find is None:
            return None
        if entity_id not in self._found:
            self._found[entity_id] = self.find(entity_id)
        return self._found[entity_id]

    def _tell(self, entity_id: str, label: str | None, types: tuple[str, ...]) -> None:
        if label:
            self._labels.setdefault(entity_id, label)
        if types:
            words = dict.fromkeys(WIKIDATA_TYPES.get(name, name) for name in types if name != _OTHER)
            self._types.setdefault(entity_id, tuple(words))
