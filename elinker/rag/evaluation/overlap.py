"""What two answers, two sets of supporting facts or two sets of triples have in common. Averages are made elsewhere.

The definitions are those of `hotpot_evaluate_v1.py` (https://github.com/hotpotqa/hotpot) and
`2wikimultihop_evaluate_v1.1.py` (https://github.com/Alab-NII/2wikimultihop); that of `match` is Self-RAG's
(arXiv 2310.11511, section 4.1).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from elinker.rag.evaluation.normalisation import VERDICTS, Ruler, normalise_evidence, normalise_squad

Fact = tuple[str, int]
"""A supporting fact: the title of a page and the index of a sentence in it, from 0."""

Triple = tuple[str, str, str]
"""Subject, relation and object."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far a prediction and its gold agree. `exact` is 0 or 1."""

    exact: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, exact: float, precision: float, recall: float) -> "Overlap":
        """With the harmonic mean of precision and recall as F1; 0 where both are 0."""
        total = precision + recall
        return cls(exact, precision, recall, 2 * precision * recall / total if total > 0 else 0.0)


NOTHING = Overlap(0.0, 0.0, 0.0, 0.0)


def answer_overlap(answer: str, gold: Iterable[str], ruler: Ruler) -> Overlap:
    """The best exact match, precision, recall and F1 over several gold answers, each by itself the best.

    Precision and recall count words, as often as they occur, after normalisation.
    """
    best = NOTHING
    for one in gold:
        found = _answer(ruler.normalise(answer), ruler.normalise(one), verdicts=ruler.verdicts)
        best = Overlap(
            max(best.exact, found.exact),
            max(best.precision, found.precision),
            max(best.recall, found.recall),
            max(best.f1, found.f1),
        )
    return best


def _answer(answer: str, gold: str, *, verdicts: bool) -> Overlap:
    exact = float(answer == gold)
    if verdicts and not exact and (answer in VERDICTS or gold in VERDICTS):
        return NOTHING
    words, gold_words = answer.split(), gold.split()
    common = (Counter(words) & Counter(gold_words)).total()
    if common == 0:
        return Overlap(exact, 0.0, 0.0, 0.0)
    return Overlap.of(exact, common / len(words), common / len(gold_words))


def match(answer: str, gold: Iterable[str]) -> bool:
    """Whether the answer holds one of the gold answers as it is written, case and all (Self-RAG's `match`)."""
    return any(one in answer for one in gold)


def normalised_match(answer: str, gold: Iterable[str], ruler: Ruler) -> bool:
    """Whether the answer holds one of the gold answers as consecutive words, after normalisation of both."""
    words = f" {ruler.normalise(answer)} "
    return any(f" {words_of_one} " in words for one in gold if (words_of_one := ruler.normalise(one)))


def facts_overlap(predicted: Collection[Fact], gold: Collection[Fact], *, any_case: bool) -> Overlap:
    """Supporting facts as sets; `any_case` compares titles in lower case, as 2WikiMultihopQA does."""
    mine = [_fact(fact, any_case) for fact in set(predicted)]
    theirs = [_fact(fact, any_case) for fact in set(gold)]
    right, missed = sum(fact in theirs for fact in mine), sum(fact not in mine for fact in theirs)
    return Overlap.of(
        float(right == len(mine) and not missed),
        right / len(mine) if mine else 0.0,
        right / (right + missed) if right + missed else 0.0,
    )


def _fact(fact: Fact, any_case: bool) -> Fact:
    return (fact[0].lower(), fact[1]) if any_case else fact


def evidence_overlap(predicted: Iterable[Triple], gold: Sequence[Iterable[Triple]]) -> Overlap:
    """Triples as a set. Each gold triple is given in all its spellings, and one in any of them is right."""
    mine = {_normalised(triple) for triple in predicted}
    spellings = [{_normalised(triple) for triple in each} for each in gold]
    right = sum(any(triple in each for each in spellings) for triple in mine)
    return Overlap.of(
        float(right == len(mine) == len(spellings)),
        right / len(mine) if mine else 0.0,
        right / len(spellings) if spellings else 0.0,
    )


def _normalised(triple: Triple) -> Triple:
    subject, relation, value = triple
    return normalise_evidence(subject), normalise_evidence(relation), normalise_evidence(value)


def joint_overlap(*parts: Overlap) -> Overlap:
    """Several tasks as one: exact matches, precisions and recalls multiplied, F1 from the products (HotpotQA)."""
    return Overlap.of(
        prod(part.exact for part in parts), prod(part.precision for part in parts), prod(part.recall for part in parts)
    )


def chosen_label(answer: str, choices: Mapping[str, Sequence[str]]) -> str | None:
    """The label that an answer to a multiple-choice question or a claim chooses; None where it chooses none.

    In this order: the answer is a label, or begins with one and `:`, `.`, `,` or `)`; it is a text of a choice; it
    holds texts of exactly one choice. Case and, in texts, SQuAD's normalisation are ignored.

    Args:
        answer: what the model wrote.
        choices: by label, the texts that say the same.
    """
    written = answer.strip().lstrip("([").strip()
    for label in choices:
        rest = written[len(label) :].lstrip()
        if written[: len(label)].casefold() == label.casefold() and (not rest or rest[0] in ":.,)]"):
            return label
    normal = normalise_squad(answer)
    texts = {label: {normalise_squad(text) for text in each} - {""} for label, each in choices.items()}
    same = [label for label, each in texts.items() if normal in each]
    held = [label for label, each in texts.items() if any(f" {text} " in f" {normal} " for text in each)]
    return same[0] if same else held[0] if len(held) == 1 else None
