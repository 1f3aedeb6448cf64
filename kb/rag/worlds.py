"""Invented worlds: facts that hold nowhere, told by passages that are only in the question's context.

Whoever answers questions about them must read, for there is nothing to remember.
"""

import random
from collections.abc import Sequence

from facts import Base
from passages import statement
from relations import NOUNS, Relation, of_noun

_POOLS = {
    "person": ("person",), "city": ("place",), "country": ("place", "organization"), "continent": ("place",),
    "organization": ("organization",), "work": ("creative work", "event"),
    "thing": ("product", "brand", "concept", "chemical"),
    "occupation": ("occupation",),
}  # fmt: skip
_SYLLABLES = (
    "ka", "ro", "mi", "ten", "bel", "dor", "lan", "sha", "vi", "ner", "gul", "tam", "os", "ber", "ri", "fen", "jo",
    "mar", "il", "da", "sto", "zen", "pa", "qui", "lo", "hu", "gra", "wy", "ne", "pol",
)  # fmt: skip


class World:
    """Names of every kind, and facts about them as they are needed."""

    def __init__(self, base: Base, relations: dict[str, Relation], generator: random.Random) -> None:
        self._relations = relations
        self._random = generator
        entities = base.entities.values()
        self._names = {
            kind: [entity.label for entity in entities if entity.kind in kinds] for kind, kinds in _POOLS.items()
        }

    def name(self, kind: str) -> str:
        """A name: of an entity of the base, whatever is true of it, or an invented one."""
        if kind == "year":
            return str(self._random.randint(1500, 2020))
        if self._random.random() < 0.6:
            return self._random.choice(self._names[kind])
        words = 2 if kind == "person" else self._random.choice((1, 1, 2, 3))
        return " ".join(
            "".join(self._random.choices(_SYLLABLES, k=self._random.choice((2, 2, 3)))).capitalize()
            for _ in range(words)
        )

    def chain(self, length: int) -> list[Relation]:
        """Relations of invented words, in the order in which they are followed."""
        kind = self._random.choice(("person", "city", "organization"))
        return [of_noun(noun, kind) for noun in self._random.sample(NOUNS, length)]

    def passage(self, relation: Relation | None, subject: str, object: str, others: Sequence[Relation]) -> str:
        """A text about a subject: the fact, where there is one, among others of different relations."""
        told = [statement(relation, subject, object, self._random)] if relation else []
        for other in others:
            told.append(statement(other, subject, self.name(other.object), self._random))
        self._random.shuffle(told)
        return " ".join(told)

    def others(self, relation: Relation, count: int) -> list[Relation]:
        """Relations that a subject of the same kind may have beside `relation`."""
        if relation.name not in self._relations:
            return [
                of_noun(noun, relation.object) for noun in self._random.sample(NOUNS, count) if noun != relation.name
            ]
        fitting = [one for one in self._relations.values() if one.subject == relation.subject and one is not relation]
        return self._random.sample(fitting, min(count, len(fitting)))
