"""Which relations can follow each other, and which compositions are held out from training."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from facts import Base, Fact

_SILLY = {
    ("capital", "country"),
    ("capital", "home country"),
    ("spouse", "spouse"),
    ("owner", "owner"),
    ("country", "country"),
}
_LEAST = 4
"""Chains that a composition must have to be asked about."""

Chain = tuple[Fact, ...]


class Compositions:
    """All chains of two and three facts, by the relations that they compose.

    Args:
        base: the entities.
        facts: all facts.
        generator: draws what is held out.
    """

    def __init__(self, base: Base, facts: Sequence[Fact], generator: random.Random) -> None:
        self._of: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._of[fact.subject].append(fact)
        self._titles = {entity.id: entity.title == entity.label for entity in base.entities.values()}
        self.chains: dict[tuple[str, ...], list[Chain]] = defaultdict(list)
        for fact in facts:
            if self._titles[fact.subject]:
                for chain in self._continued((fact,)):
                    self.chains[tuple(one.relation for one in chain)].append(chain)
        self.chains = {key: chains for key, chains in sorted(self.chains.items()) if len(chains) >= _LEAST}
        pairs = [key for key in self.chains if len(key) == 2]
        self.held_pairs = frozenset(generator.sample(pairs, len(pairs) // 4))
        triples = [key for key in self.chains if len(key) == 3 and not self._holds_pair(key)]
        self.held_triples = frozenset(generator.sample(triples, len(triples) // 5))

    def _continued(self, chain: Chain) -> Iterator[Chain]:
        last = chain[-1]
        if len(chain) > 1:
            yield chain
        if len(chain) == 3 or last.object_id is None or not self._titles[last.object_id]:
            return
        seen = {fact.subject for fact in chain} | {last.object_id}
        for fact in self._of[last.object_id]:
            if (last.relation, fact.relation) not in _SILLY and fact.object_id not in seen:
                yield from self._continued((*chain, fact))

    def _holds_pair(self, key: tuple[str, ...]) -> bool:
        return any(pair in self.held_pairs for pair in pairwise(key))

    def is_held_out(self, key: tuple[str, ...]) -> bool:
        """Whether no training question composes these relations, or these and others around them."""
        return self._holds_pair(key) or key in self.held_triples
