"""From candidates to a decision: which candidate, with what probability, or NIL.

The order of candidates is cosine plus a bonus for one that bears the mention's words as a name. The probability that
the first is right comes from a logistic regression over three features of that order, fitted on held-out texts; below
the threshold, which is fitted with it, a mention is NIL.
"""

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

FEATURES = ("score", "margin", "named")


class Decision(BaseModel):
    """Weights of the decision; stored in `linker.json`.

    Args:
        name_bonus: added to the cosine of a candidate whose label or alias is the mention's text.
        weights: of the features score (cosine and bonus of the first candidate), margin (its distance to the second)
            and named (1 where the first bears the mention's words as a name), then the intercept.
        threshold: least probability of a link.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name_bonus: float = 0.0
    weights: tuple[float, float, float, float] = (10.0, 5.0, 0.0, -5.0)
    threshold: float = Field(default=0.5, ge=0, le=1)

    def rank(self, cosines: Sequence[float], named: Sequence[bool]) -> list[int]:
        """Indices of the candidates, best first; ties keep the order given."""
        values = [cosine + self.name_bonus * name for cosine, name in zip(cosines, named, strict=True)]
        return sorted(range(len(values)), key=lambda index: -values[index])

    def features(self, cosines: Sequence[float], named: Sequence[bool]) -> tuple[float, float, float]:
        """The three features of ranked candidates (at least one)."""
        values = [cosine + self.name_bonus * name for cosine, name in zip(cosines, named, strict=True)]
        margin = values[0] - values[1] if len(values) > 1 else 1.0
        return values[0], margin, float(named[0])

    def probability(self, cosines: Sequence[float], named: Sequence[bool]) -> float:
        """Probability that the first of ranked candidates is right; 0 where there is none."""
        if not cosines:
            return 0.0
        *weights, intercept = self.weights
        logit = intercept + sum(
            weight * feature for weight, feature in zip(weights, self.features(cosines, named), strict=True)
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
