"""From candidates to a decision: which candidate, with what probability, or NIL.

The order of candidates is cosine plus a bonus for one that bears the mention's words as a name, and one for an entity
that a longer form of the same name was linked to earlier in the document. The probability that the first is right
comes from a logistic regression over three features of that order, fitted on held-out texts; below the threshold,
which is fitted with it, a mention is NIL.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a candidate.

    Args:
        cosine: of mention and entity vector.
        named: whether its label or an alias is the mention's text.
        recalled: whether the mention's antecedent (`elinker.linking.antecedents`) was linked to it.
    """

    cosine: float
    named: bool = False
    recalled: bool = False


class Decision(BaseModel):
    """Weights of the decision; stored in `linker.json`.

    Args:
        name_bonus: added to the cosine of a candidate that bears the mention's text as a name.
        recall_bonus: added to the cosine of the entity of the mention's antecedent.
        weights: of the features score (cosine and bonuses of the first candidate), margin (its distance to the second)
            and named (1 where the first bears the mention's words as a name), then the intercept.
        threshold: least probability of a link.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name_bonus: float = 0.0
    recall_bonus: float = 0.0
    weights: tuple[float, float, float, float] = (10.0, 5.0, 0.0, -5.0)
    threshold: float = Field(default=0.5, ge=0, le=1)

    def value(self, evidence: Evidence) -> float:
        """What candidates are ordered by."""
        return evidence.cosine + self.name_bonus * evidence.named + self.recall_bonus * evidence.recalled

    def rank(self, candidates: Sequence[Evidence]) -> list[int]:
        """Indices of the candidates, best first; ties keep the order given."""
        return sorted(range(len(candidates)), key=lambda index: -self.value(candidates[index]))

    def features(self, ranked: Sequence[Evidence]) -> tuple[float, float, float]:
        """The three features of ranked candidates (at least one)."""
        first = self.value(ranked[0])
        margin = first - self.value(ranked[1]) if len(ranked) > 1 else 1.0
        return first, margin, float(ranked[0].named)

    def probability(self, ranked: Sequence[Evidence]) -> float:
        """Probability that the first of ranked candidates is right; 0 where there is none."""
        if not ranked:
            return 0.0
        *weights, intercept = self.weights
        logit = intercept + sum(
            weight * feature for weight, feature in zip(weights, self.features(ranked), strict=True)
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
