"""Figures of each question, and what they come to over all questions and over kinds of question.

What each figure counts is in docs/rag-evaluation.md. Tables are made in `report`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elinker.evaluation.intervals import Interval
from elinker.evaluation.resampling import Resampling, draws
from elinker.rag.evaluation.normalisation import normalise_squad
from elinker.rag.evaluation.overlap import (
    NOTHING,
    Overlap,
    answer_overlap,
    chosen_label,
    evidence_overlap,
    facts_overlap,
    joint_overlap,
    match,
    normalised_match,
)
from elinker.rag.evaluation.predictions import Prediction
from elinker.rag.evaluation.questions import Question
from elinker.rag.evaluation.retrieval import best_ranks, hop_ranks

RANKS = (1, 2, 5, 10, 20)
"""Ranks down to which recall is told, as far as a system retrieves so many passages."""

ORDER = (
    *("answer_em", "answer_f1", "answer_precision", "answer_recall", "match", "match_normalised", "label"),
    *(f"{task}_{figure}" for task in ("facts", "evidence", "joint") for figure in ("em", "f1", "precision", "recall")),
    *("recognised", "refused", "tokens_read", "tokens_written", "retrievals"),
)
"""Figures in the order in which they are told; those of retrieval come behind."""

Figures = dict[str, float]
"""Figures of one question by name: shares from 0 to 1, or counts. A figure that has no meaning for it is left out."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question, what was answered (None where there is no prediction) and its figures."""

    question: Question
    prediction: Prediction | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Scores:
    """All questions of a file with their figures.

    `missing` counts questions without prediction: every figure of theirs is 0, as in the published scripts.
    """

    scored: tuple[Scored, ...]

    @property
    def missing(self) -> int:
        """How many questions have no prediction."""
        return sum(one.prediction is None for one in self.scored)

    @property
    def names(self) -> list[str]:
        """The figures that at least one question has, in the order in which they are told."""
        seen = dict.fromkeys(name for one in self.scored for name in one.figures)
        return sorted(seen, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def mean(self, name: str) -> float | None:
        """The mean of a figure over the questions that have it."""
        values = self._values(name)
        return sum(values) / len(values) if values else None

    def count(self, name: str) -> int:
        """How many questions have a figure."""
        return len(self._values(name))

    def intervals(self, resampling: Resampling) -> dict[str, Interval]:
        """The intervals of all figures' means by bootstrap over the questions that have them (percentiles)."""
        together: dict[tuple[int, ...], list[str]] = {}
        for name in self.names:
            having = tuple(place for place, one in enumerate(self.scored) if name in one.figures)
            together.setdefault(having, []).append(name)
        found = {}
        for places, names in together.items():  # of the same questions the draws are the same
            values = np.array([[self.scored[place].figures[name] for name in names] for place in places])
            means = np.concatenate([drawn @ values / len(places) for drawn in draws(len(places), resampling)])
            outside = (1 - resampling.confidence) / 2
            low, high = np.quantile(means, [outside, 1 - outside], axis=0)
            for column, name in enumerate(names):
                value = float(values[:, column].mean())
                found[name] = Interval(value, float(low[column]), float(high[column]))
        return found

    def parts(self, key: Callable[[Question], str | None]) -> dict[str, "Scores"]:
        """The questions by what `key` says of them, in order of their names; those without are left out."""
        groups: dict[str, list[Scored]] = {}
        for one in self.scored:
            name = key(one.question)
            if name is not None:
                groups.setdefault(name, []).append(one)
        return {name: Scores(tuple(groups[name])) for name in sorted(groups)}

    def _values(self, name: str) -> list[float]:
        return [one.figures[name] for one in self.scored if name in one.figures]


def by_type(question: Question) -> str | None:
    """The dataset's own kind of a question."""
    return question.type


def by_hops(question: Question) -> str | None:
    """How many hops a question takes, where its dataset says so."""
    return f"{len(question.hops)} hops" if len(question.hops) > 1 else "1 hop" if question.hops else None


def score(questions: Sequence[Question], predictions: Mapping[str, Prediction], *, unknown: str = "") -> Scores:
    """Compare predictions with gold answers, facts, triples and passages.

    Args:
        questions: all of a file, or some.
        predictions: by id of their question.
        unknown: what the system says where it finds no answer, besides what the questions want said.
    """
    system = _System.of(questions, predictions.values(), unknown)
    return Scores(
        tuple(
            Scored(question, predictions.get(question.id), _figures(question, predictions.get(question.id), system))
            for question in questions
        )
    )


@dataclass(frozen=True, slots=True)
class _System:
    """What a system says at all: where it names no facts for any question, they are not counted against it."""

    facts: bool
    evidence: bool
    ranks: tuple[int, ...]
    counts: bool
    refusals: Collection[str]
    """What is to be said where the passages do not hold the answer, normalised."""

    @classmethod
    def of(cls, questions: Sequence[Question], predictions: Collection[Prediction], unknown: str) -> "_System":
        most = max((len(step) for one in predictions for step in one.steps or ()), default=0)
        wanted = [text for question in questions if not question.answerable for text in question.answers]
        retrieves = any(one.steps is not None for one in predictions)
        return cls(
            any(one.facts is not None for one in predictions),
            any(one.evidence is not None for one in predictions),
            tuple(rank for rank in RANKS if rank <= max(most, 1)) if retrieves else (),
            any(one.tokens_read is not None for one in predictions),
            frozenset(normalise_squad(text) for text in [unknown, *wanted] if text),
        )

    def refuses(self, prediction: Prediction | None) -> bool:
        """Whether a system says that it cannot answer, be it by an empty answer. To give none is not to say so."""
        if prediction is None or prediction.answer is None:
            return False
        normal = normalise_squad(prediction.answer)
        return normal in ("", "noanswer") or normal in self.refusals


def _figures(question: Question, prediction: Prediction | None, system: _System) -> Figures:
    figures: Figures = {}
    refuses = float(system.refuses(prediction))
    if not question.answerable:
        figures["recognised"] = refuses
    else:
        if system.refusals:
            figures["refused"] = refuses
        figures |= _tasks(question, prediction, system) | _retrieval(question, prediction, system.ranks)
    if system.counts and prediction is not None and prediction.tokens_read is not None:
        figures["tokens_read"] = prediction.tokens_read
        figures["tokens_written"] = prediction.tokens_written or 0
        figures["retrievals"] = len(prediction.steps or ())
    return figures


def _tasks(question: Question, prediction: Prediction | None, system: _System) -> Figures:
    """Answer, supporting facts, triples, and all of them at once."""
    figures: Figures = {}
    answer = "" if prediction is None else prediction.answer or ""
    tasks: list[Overlap] = []
    if question.answers:
        tasks.append(_counted(prediction, answer_overlap(answer, question.answers, question.ruler)))
        figures |= _named("answer", tasks[-1]) | _matches(question, answer)
    if question.facts is not None and system.facts:
        given = prediction.facts if prediction else None
        found = NOTHING if given is None else facts_overlap(given, question.facts, any_case=question.any_case)
        tasks.append(found)
        figures |= _named("facts", found)
    if question.evidence is not None and system.evidence:
        triples = prediction.evidence if prediction else None
        tasks.append(NOTHING if triples is None else evidence_overlap(triples, question.evidence))
        figures |= _named("evidence", tasks[-1])
    wanted = [question.answers, question.facts, question.evidence]
    if len(tasks) > 1 and len(tasks) == sum(bool(part) for part in wanted):
        figures |= _named("joint", joint_overlap(*tasks))
    return figures


def _counted(prediction: Prediction | None, overlap: Overlap) -> Overlap:
    return NOTHING if prediction is None else overlap


def _named(task: str, overlap: Overlap) -> Figures:
    return {
        f"{task}_em": overlap.exact,
        f"{task}_f1": overlap.f1,
        f"{task}_precision": overlap.precision,
        f"{task}_recall": overlap.recall,
    }


def _matches(question: Question, answer: str) -> Figures:
    raw = question.raw_answers or question.answers
    if question.choices:
        verdict = chosen_label(answer, question.choices)
        return {"match": float(match(answer, raw)), "label": float(verdict in question.answers)}
    return {
        "match": float(match(answer, raw)),
        "match_normalised": float(normalised_match(answer, raw, question.ruler)),
    }


def _retrieval(question: Question, prediction: Prediction | None, ranks: Sequence[int]) -> Figures:
    if not question.hops or not ranks:
        return {}
    steps = () if prediction is None else prediction.steps or ()
    at_hop, anywhere = hop_ranks(question, steps), best_ranks(question, steps)
    figures: Figures = {}
    for limit in ranks:
        reached = [float(rank is not None and rank <= limit) for rank in at_hop]
        figures |= {f"hop_{hop}@{limit}": value for hop, value in enumerate(reached, start=1)}
        figures[f"all_hops@{limit}"] = min(reached)
        within = [rank is not None and rank <= limit for rank in anywhere]
        figures[f"any_step@{limit}"] = sum(within) / len(within)
    return figures


def to_json(scores: Scores, resampling: Resampling) -> dict[str, Any]:
    """All figures with intervals, over all questions, by type and by number of hops, as plain JSON values."""
    return {
        **_means(scores, resampling),
        "by_type": {name: _means(part, resampling) for name, part in scores.parts(by_type).items()},
        "by_hops": {name: _means(part, resampling) for name, part in scores.parts(by_hops).items()},
    }


def _means(scores: Scores, resampling: Resampling) -> dict[str, Any]:
    intervals = scores.intervals(resampling)
    figures = {name: {**intervals[name].to_json(), "questions": scores.count(name)} for name in scores.names}
    return {"questions": len(scores.scored), "missing": scores.missing, "figures": figures}
