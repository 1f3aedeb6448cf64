"""Passages about the entities, one each: its description and its facts in sentences."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facts import Base, Entity, Fact
from relations import Relation


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage, its id that of its entity, and the relations that it states."""

    id: str
    title: str
    text: str
    relations: tuple[str, ...]


def statement(relation: Relation, subject: str, object: str, generator: random.Random) -> str:
    """A sentence that states a fact."""
    article = "an" if object[:1].lower() in "aeiou" else "a"
    sentence = generator.choice(relation.statements).replace(" a {o}", f" {article} {{o}}")
    sentence = sentence.replace("{s}", subject).replace("{o}", object)
    return sentence[:-1] if sentence.endswith("..") else sentence


def write(
    base: Base, facts: Sequence[Fact], relations: dict[str, Relation], generator: random.Random
) -> Iterator[Passage]:
    """The passages of all entities."""
    of: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        of[fact.subject].append(fact)
    for entity in base.entities.values():
        own = of[entity.id]
        generator.shuffle(own)
        told = [statement(relations[fact.relation], entity.label, fact.object, generator) for fact in own]
        text = " ".join([*_opening(entity, base), *told])
        yield Passage(entity.id, entity.title, text, tuple(fact.relation for fact in own))


def _opening(entity: Entity, base: Base) -> list[str]:
    text = entity.description[0].upper() + entity.description[1:]
    alias = next((alias for alias in entity.aliases if base.aliases.get(alias) == entity.id and len(alias) > 3), None)
    return [text.rstrip(".") + "."] + ([f"Also called {alias.rstrip('.')}."] if alias else [])
