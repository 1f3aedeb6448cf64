"""At which rank each hop found what it needed. Averages over questions are made in `scoring`."""

from collections.abc import Sequence

from elinker.rag.evaluation.predictions import Found
from elinker.rag.evaluation.questions import Question


def hop_ranks(question: Question, steps: Sequence[Sequence[Found]]) -> tuple[int | None, ...]:
    """For each hop the rank, from 1, of the first passage that has what it needs; None where none has.

    With hops in order, the n-th hop looks at the n-th retrieval; a system that retrieves fewer times misses those
    that are left. Else every retrieval in turn takes, of what no earlier one took, what it ranks best: the n-th rank
    is that of the n-th passage found, and what nothing took is missed.
    """
    if question.in_order:
        needed = zip(question.hops, [*steps, *[()] * len(question.hops)], strict=False)
        return tuple(_rank(question, hop, step) for hop, step in needed)
    left = list(question.hops)
    ranks: list[int | None] = []
    for step in steps:
        found = [(rank, place) for place, hop in enumerate(left) if (rank := _rank(question, hop, step)) is not None]
        if found:
            rank, place = min(found)
            left.pop(place)
            ranks.append(rank)
    return (*ranks, *[None] * len(left))


def best_ranks(question: Question, steps: Sequence[Sequence[Found]]) -> tuple[int | None, ...]:
    """For each hop the best rank, over all retrievals, of a passage that has what it needs."""
    ranks = [[_rank(question, hop, step) for step in steps] for hop in question.hops]
    return tuple(min((rank for rank in each if rank is not None), default=None) for each in ranks)


def _rank(question: Question, hop: frozenset[str], step: Sequence[Found]) -> int | None:
    return next((rank for rank, one in enumerate(step, start=1) if hop & one.named(question.named_by)), None)
