"""Passages about the entities: their description and their facts in sentences.

The index holds one an entity. The training reads them in parts of a few facts, which keeps its conversations short.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from facts import Base, Entity, Fact
from relations import Relation

_FACTS_A_PASSAGE = 2


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage, or a part of one, and the relations that it states."""

    id: str
    title: str
    text: str
    relations: tuple[str, ...]

    @property
    def entity(self) -> str:
        """The id of the entity that it is about."""
        return self.id.partition(".")[0]


def statement(relation: Relation, subject: str, object: str, generator: random.Random) -> str:
    """A sentence that states a fact."""
    sentence = generator.choice(relation.statements).replace("{s}", subject).replace("{o}", object)
    return sentence[:-1] if sentence.endswith("..") else sentence


def whole(parts: Sequence[Passage]) -> list[Passage]:
    """The passages of the index: all parts about an entity, one after the other, under its id."""
    of: dict[str, list[Passage]] = defaultdict(list)
    for part in parts:
        of[part.entity].append(part)
    return [
        Passage(entity, own[0].title, " ".join(part.text for part in own), sum((part.relations for part in own), ()))
        for entity, own in of.items()
    ]


def write(base: Base, facts: Sequence[Fact], relations: dict[str, Relation], generator: random.Random) -> list[Passage]:
    """The parts of the passages of all entities; the first of each has its description."""
    of: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        of[fact.subject].append(fact)
    found = []
    for entity in base.entities.values():
        own = of[entity.id]
        generator.shuffle(own)
        for number in range(max(1, -(-len(own) // _FACTS_A_PASSAGE))):
            part = own[number * _FACTS_A_PASSAGE : (number + 1) * _FACTS_A_PASSAGE]
            sentences = [] if number else _opening(entity, base)
            sentences += [statement(relations[fact.relation], entity.label, fact.object, generator) for fact in part]
            name = entity.id if number == 0 else f"{entity.id}.{number + 1}"
            found.append(Passage(name, entity.title, " ".join(sentences), tuple(fact.relation for fact in part)))
    return found


def _opening(entity: Entity, base: Base) -> list[str]:
    text = entity.description[0].upper() + entity.description[1:]
    alias = next((alias for alias in entity.aliases if base.aliases.get(alias) == entity.id and len(alias) > 3), None)
    return [text.rstrip(".") + "."] + ([f"Also called {alias.rstrip('.')}."] if alias else [])
