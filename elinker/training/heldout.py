"""How well held-out texts are linked end to end: what the decision is fitted on, and what early stopping watches."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from elinker.kb import KnowledgeBase, build
from elinker.linking.linker import Linker, LinkerSettings
from elinker.onegen.model import OneGen
from elinker.schema import Document, Entity
from elinker.training.calibration import Judged, fit, judge
from elinker.training.labelled import LabelledText

_CANDIDATES = 30


def link_heldout(
    onegen: OneGen, base: KnowledgeBase, heldout: Sequence[LabelledText], *, top_k: int = _CANDIDATES
) -> tuple[list[Judged], int]:
    """The predicted mentions of held-out texts against their labels, and how many labels have an entity."""
    linker = Linker(onegen, base, LinkerSettings(top_k=max(top_k, _CANDIDATES)))
    labels = [{(start, end): entity for start, end, entity in text.mentions} for text in heldout]
    predicted = list(linker.pipe((Document(text.id, text.text) for text in heldout), keep_nil=True))

    def is_named(surface: str, entity_id: str) -> bool:
        return base.find(entity_id) in base.rows_named(surface)

    judged = judge(predicted, labels, is_named, lambda surface: bool(base.rows_named(surface)))
    return judged, sum(entity is not None for spans in labels for entity in spans.values())


def linking_f1(onegen: OneGen, entities: Sequence[Entity], heldout: Sequence[LabelledText]) -> float:
    """Micro F1 of end-to-end linking in a temporary base of `entities`, with the decision that fits these texts best.

    A link is right where span and entity are. An entity that is not among `entities` cannot be found, and counts.
    """
    with tempfile.TemporaryDirectory() as directory:
        base = build(entities, onegen, Path(directory) / "kb")
        judged, gold = link_heldout(onegen, base, heldout)
    decision = fit(judged, gold)
    ranked = [(item, *item.ranked(decision)) for item in judged]
    kept = [
        first == item.entity_id
        for item, evidence, first in ranked
        if decision.probability(evidence) >= decision.threshold
    ]
    return 2 * sum(kept) / (len(kept) + gold) if kept or gold else 0.0


def choose(
    entities: Sequence[Entity], heldout: Sequence[LabelledText], *, most_texts: int, most_entities: int, seed: int
) -> tuple[list[Entity], list[LabelledText]]:
    """Some held-out texts, and entities to link them to: theirs, then others drawn at random."""
    generator = random.Random(seed)
    texts = list(heldout) if len(heldout) <= most_texts else generator.sample(list(heldout), most_texts)
    wanted = {entity for text in texts for _, _, entity in text.mentions if entity is not None}
    others = [number for number, entity in enumerate(entities) if entity.id not in wanted]
    room = max(0, most_entities - len(wanted))
    drawn = set(others if len(others) <= room else generator.sample(others, room))
    chosen = [entity for number, entity in enumerate(entities) if entity.id in wanted or number in drawn]
    return chosen, texts
