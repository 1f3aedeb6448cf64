"""Linking figures of parts of a benchmark: by entity type, by mention length, by whether training saw the entity.

The counts are those of `linking` in `metrics`. A right or a missed link belongs to the group of its gold mention; a
false link to the group that it would be in itself: by the type of the predicted entity, the length of the predicted
mention, and whether training saw the predicted entity.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from elinker.evaluation.gold import GoldDocument
from elinker.evaluation.known_entities import KnownEntities
from elinker.evaluation.matching import Counts, Link, compare
from elinker.evaluation.metrics import Figures, pairs
from elinker.schema import Document

NO_TYPE = "no type known"
LONGEST = 4
"""Mentions of this many words and more are one group."""

Groups = Callable[[str, Link], Iterable[str]]
"""The groups of a link in a text."""


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the links of a benchmark."""

    name: str
    counts: Counts

    @property
    def figures(self) -> Figures:
        """Micro figures of the group."""
        return Figures.of(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Name, figures and counts as plain JSON values."""
        figures, counts = self.figures, self.counts
        return {
            "name": self.name,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "counts": {
                "true_positives": counts.true_positives,
                "false_positives": counts.false_positives,
                "false_negatives": counts.false_negatives,
            },
        }


def by_type(gold: Sequence[GoldDocument], predicted: Sequence[Document], known: KnownEntities) -> list[Group]:
    """Groups by coarse type of the entity, the largest first. An entity of several types counts in each."""
    return _largest_first(_grouped(gold, predicted, lambda text, link: known.types(link[1]) or (NO_TYPE,)))


def by_length(gold: Sequence[GoldDocument], predicted: Sequence[Document]) -> list[Group]:
    """Groups by the number of words (parts between white space) of the mention: one, two, three, four and more."""
    return sorted(_grouped(gold, predicted, _length), key=lambda group: group.name)


def by_seen(gold: Sequence[GoldDocument], predicted: Sequence[Document], seen: Set[str]) -> list[Group]:
    """Two groups: entities among the ids of the training data, and others."""
    return sorted(
        _grouped(gold, predicted, lambda text, link: ("seen" if link[1] in seen else "unseen",)),
        key=lambda group: group.name,
    )


def _length(text: str, link: Link) -> tuple[str]:
    (start, end), _ = link
    words = len(text[start:end].split())
    return (f"{LONGEST}+ words" if words >= LONGEST else f"{words} word{'s' * (words != 1)}",)


def _grouped(gold: Sequence[GoldDocument], predicted: Sequence[Document], groups: Groups) -> list[Group]:
    counts: defaultdict[str, Counts] = defaultdict(Counts)
    for benchmark, document in pairs(gold, predicted):
        compared = compare(benchmark, document)
        right = compared.gold_links & compared.predicted_links
        false = compared.predicted_links - compared.gold_links - compared.links_aside()
        missed = compared.gold_links - compared.predicted_links
        for links, each in ((right, Counts(1, 0, 0)), (false, Counts(0, 1, 0)), (missed, Counts(0, 0, 1))):
            for link in links:
                for name in groups(benchmark.text, link):
                    counts[name] += each
    return [Group(name, total) for name, total in counts.items()]


def _largest_first(groups: Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.counts.true_positives - group.counts.false_negatives, group.name))
