"""Fitting a `Decision` on held-out texts: bonuses, probability, threshold."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from elinker.linking.antecedents import antecedents
from elinker.linking.decision import Decision, Evidence
from elinker.schema import Document, Mention

BONUSES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Judged:
    """A predicted mention against the labels.

    `evidence` belongs to its candidates; `entity_id` is the right entity, None where there is none in the base.
    """

    mention: Mention
    evidence: tuple[Evidence, ...]
    entity_id: str | None

    def ranked(self, decision: Decision) -> tuple[list[Evidence], str]:
        """Evidence in the decision's order, and the id that comes first."""
        order = decision.rank(self.evidence)
        return [self.evidence[index] for index in order], self.mention.candidates[order[0]].entity_id


def judge(
    predicted: Sequence[Document],
    labels: Sequence[Mapping[tuple[int, int], str | None]],
    is_named: Callable[[str, str], bool],
    bears_name: Callable[[str], bool],
) -> list[Judged]:
    """Predicted mentions with what they should link to.

    A mention that the labels have without an entity is left out where it bears a name of the base: it may well be
    that entity, unmarked.

    Args:
        predicted: linked documents, NIL mentions kept.
        labels: for each document, spans with entity id or None.
        is_named: whether (text, entity id) is a name of that entity.
        bears_name: whether a text is a name of any entity.
    """
    judged = []
    for document, spans in zip(predicted, labels, strict=True):
        sources = antecedents([mention.text for mention in document.mentions])
        for mention, source in zip(document.mentions, sources, strict=True):
            span = (mention.start, mention.end)
            if not mention.candidates or (span in spans and spans[span] is None and bears_name(mention.text)):
                continue
            recalled = None if source is None else document.mentions[source].entity_id
            evidence = tuple(
                Evidence(candidate.score, is_named(mention.text, candidate.entity_id), candidate.entity_id == recalled)
                for candidate in mention.candidates
            )
            judged.append(Judged(mention, evidence, spans.get(span)))
    return judged


def fit(judged: Sequence[Judged], gold: int) -> Decision:
    """The decision that suits judged mentions.

    Each bonus is the least that is as good as the best within one standard error (the rule of Breiman et al. 1984, for
    paired samples): held-out texts of one style favour names more than other texts do. The probability is a logistic
    regression, the threshold maximises micro F1 of links.

    Args:
        judged: what `judge` gives.
        gold: number of mentions with an entity in the labels, found or not.
    """
    with_entity = [item for item in judged if item.entity_id is not None]
    if not with_entity:
        return Decision()
    plain = Decision()
    for key in ("name_bonus", "recall_bonus"):
        plain = _least_good_enough([plain.model_copy(update={key: bonus}) for bonus in BONUSES], with_entity)
    rows, right = [], []
    for item in judged:
        evidence, first = item.ranked(plain)
        rows.append(plain.features(evidence))
        right.append(first == item.entity_id)
    fitted = plain.model_copy(update={"weights": _logistic(rows, right)})
    probabilities = [fitted.probability(item.ranked(fitted)[0]) for item in judged]
    return fitted.model_copy(update={"threshold": _best_threshold(probabilities, right, gold)})


def _least_good_enough(choices: Sequence[Decision], judged: Sequence[Judged]) -> Decision:
    """The first choice that the best one beats by no more than a standard error of their paired difference."""
    right = [[item.ranked(choice)[1] == item.entity_id for item in judged] for choice in choices]
    best = max(right, key=sum)
    for choice, own in zip(choices, right, strict=True):
        gained = sum(theirs and not mine for theirs, mine in zip(best, own, strict=True))
        lost = sum(mine and not theirs for theirs, mine in zip(best, own, strict=True))
        if gained - lost <= math.sqrt(gained + lost):
            return choice
    return choices[-1]


def _logistic(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> tuple[float, float, float, float]:
    features = torch.tensor(rows, dtype=torch.float64)
    features = torch.cat([features, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
    target = torch.tensor(right, dtype=torch.float64)
    weights = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(features @ weights, target)
        loss = loss + _RIDGE * weights[:-1].square().sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    score, margin, named, intercept = (round(value, 4) for value in weights.tolist())
    return score, margin, named, intercept


def _best_threshold(probabilities: Sequence[float], right: Sequence[bool], gold: int) -> float:
    """The least threshold, on a grid of hundredths, that maximises F1 = 2 right / (predicted + gold)."""
    best, best_f1 = 0.5, -1.0
    for hundredth in range(100):
        threshold = hundredth / 100
        kept = [
            is_right for probability, is_right in zip(probabilities, right, strict=True) if probability >= threshold
        ]
        f1 = 2 * sum(kept) / (len(kept) + gold) if kept or gold else 0.0
        if f1 > best_f1 + 1e-9:
            best, best_f1 = threshold, f1
    return best
