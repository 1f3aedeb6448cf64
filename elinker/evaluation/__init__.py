"""Score entity linking: read benchmarks, run a linker over them, compare, report. Loading models is not done here."""

from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.evaluation.metrics import Disambiguation, Scores, base_coverage, score, score_disambiguation

__all__ = [
    "Disambiguation",
    "GoldDocument",
    "GoldMention",
    "Scores",
    "base_coverage",
    "score",
    "score_disambiguation",
]
