"""Counters over annotated documents, filled in one pass. Memory grows with what is counted, not with the documents."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any

from elinker.corpus.formats.mention_types import MENTION_TYPES, typed_mentions
from elinker.schema import Document
from elinker.statistics.histogram import COUNT_EDGES, DOCUMENT_EDGES, MENTION_EDGES, SCORE_EDGES, Histogram

Pair = tuple[str, str]


class Statistics:
    """What is known of the documents so far.

    `entities` counts mentions by entity id, `documents_with` documents, `forms` the texts of an entity's mentions,
    `unlinked` those of NIL mentions, `stated_types` the types that files themselves give their mentions. `pairs`, kept
    only where it is asked for, counts the documents in which two entities are both mentioned, ids in order.
    """

    def __init__(self, *, pairs: bool = False) -> None:
        self.documents = 0
        self.bad = 0
        self.mentions = 0
        self.linked = 0
        self.characters = 0
        self.without_mentions = 0
        self.entities: Counter[str] = Counter()
        self.documents_with: Counter[str] = Counter()
        self.labels: dict[str, str] = {}
        self.forms: dict[str, Counter[str]] = {}
        self.unlinked: Counter[str] = Counter()
        self.stated_types: Counter[str] = Counter()
        self.pairs: Counter[Pair] | None = Counter() if pairs else None
        self.scores = Histogram(SCORE_EDGES, last_closed=True)
        self.mention_lengths = Histogram(MENTION_EDGES)
        self.document_lengths = Histogram(DOCUMENT_EDGES)
        self.mentions_per_document = Histogram(COUNT_EDGES)

    @property
    def nil(self) -> int:
        """Mentions without an entity."""
        return self.mentions - self.linked

    def add(self, document: Document) -> None:
        """Count a document. Its length counts characters, as a mention's; scores are those of linked mentions."""
        self.documents += 1
        self.characters += len(document.text)
        self.without_mentions += not document.mentions
        self.document_lengths.add(len(document.text))
        self.mentions_per_document.add(len(document.mentions))
        typed = MENTION_TYPES in document.meta
        for mention, kind in typed_mentions(document):
            self.mentions += 1
            self.mention_lengths.add(len(mention.text))
            if typed:
                self.stated_types[kind] += 1
            if mention.entity_id is None:
                self.unlinked[mention.text] += 1
                continue
            self.linked += 1
            self.entities[mention.entity_id] += 1
            self.forms.setdefault(mention.entity_id, Counter())[mention.text] += 1
            if mention.label is not None:
                self.labels.setdefault(mention.entity_id, mention.label)
            self.scores.add(min(max(mention.score, 0.0), 1.0))
        entities = sorted({mention.entity_id for mention in document.mentions if mention.entity_id is not None})
        self.documents_with.update(entities)
        if self.pairs is not None:
            self.pairs.update(combinations(entities, 2))

    def types(self, types_of: Callable[[str], Iterable[str] | None]) -> Counter[str]:
        """Mentions by the types of their entities, all types of an entity; `types_of` is None for unknown ids."""
        counted: Counter[str] = Counter()
        for entity_id, mentions in self.entities.items():
            for name in types_of(entity_id) or ():
                counted[name] += mentions
        return counted

    def to_json(self, *, top: int, types: Counter[str] | None) -> dict[str, Any]:
        """Everything as plain JSON values, of entities, forms and types the `top` most frequent."""
        return {
            "documents": self.documents,
            "documents_without_mentions": self.without_mentions,
            "bad": self.bad,
            "characters": self.characters,
            "mentions": self.mentions,
            "linked": self.linked,
            "nil": self.nil,
            "linking_rate": rate(self.linked, self.mentions),
            "nil_rate": rate(self.nil, self.mentions),
            "distinct_entities": len(self.entities),
            "top_entities": [
                {
                    "entity_id": entity_id,
                    "label": self.labels.get(entity_id),
                    "mentions": count,
                    "documents": self.documents_with[entity_id],
                    "distinct_forms": len(self.forms[entity_id]),
                    "forms": dict(self.forms[entity_id].most_common(top)),
                }
                for entity_id, count in self.entities.most_common(top)
            ],
            "top_nil": dict(self.unlinked.most_common(top)),
            "types": None if types is None else dict(types.most_common(top)),
            "stated_types": dict(self.stated_types.most_common(top)),
            "scores": self.scores.to_json(),
            "mention_lengths": self.mention_lengths.to_json(),
            "document_lengths": self.document_lengths.to_json(),
            "mentions_per_document": self.mentions_per_document.to_json(),
        }


def rate(part: int, whole: int) -> float | None:
    """A share from 0 to 1; None of nothing."""
    return part / whole if whole else None
