"""How answers are made alike before they are compared: the normalisations of the published evaluation scripts.

Nothing is compared here.
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_REMOVED = str.maketrans(dict.fromkeys(string.punctuation))
_BLANKED = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))

VERDICTS = frozenset({"yes", "no", "noanswer"})
"""Answers that are right or wrong as a whole (HotpotQA): words in common with another answer count nothing."""


def normalise_squad(text: str) -> str:
    """Lower case, ASCII punctuation removed, then the articles *a*, *an*, *the*; white space is one blank.

    SQuAD 1.1's definition (Rajpurkar et al. 2016), which HotpotQA, 2WikiMultihopQA and Self-RAG took over. Words that
    punctuation joins grow together: `Jean-Luc` becomes `jeanluc`.
    """
    return _without_articles(text.lower().translate(_REMOVED))


def normalise_triviaqa(text: str) -> str:
    """TriviaQA's definition (Joshi et al. 2017): as SQuAD's, but punctuation and ‘ ’ ´ become blanks.

    So words that punctuation joins come apart: `Jean-Luc` becomes `jean luc`, `Bach's` becomes `bach s`.
    """
    return _without_articles(text.lower().translate(_BLANKED))


def normalise_evidence(text: str) -> str:
    """2WikiMultihopQA's normalisation of the parts of a triple: as SQuAD's, but articles stay."""
    return " ".join(text.lower().translate(_REMOVED).split())


def _without_articles(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text).split())


@dataclass(frozen=True, slots=True)
class Ruler:
    """How a dataset's own script compares an answer with a gold answer.

    `verdicts` says that yes, no and noanswer are right or wrong as a whole.
    """

    normalise: Callable[[str], str]
    verdicts: bool = False


HOTPOTQA = Ruler(normalise_squad, verdicts=True)
"""HotpotQA and 2WikiMultihopQA; elinker's own questions."""
SQUAD = Ruler(normalise_squad)
"""PopQA, ARC and PubHealth, as Self-RAG compares."""
TRIVIAQA = Ruler(normalise_triviaqa)
