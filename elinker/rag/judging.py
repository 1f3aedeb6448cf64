"""A question to a model with reflection tokens (Self-RAG, arXiv 2310.11511): one hop, one answer a passage, the best.

The model judges by the probabilities of its reflection tokens whether to retrieve at all; then for every passage it
writes an answer of its own, over a copy of the same cache, and judges whether the passage is relevant, whether it
supports the answer, and how useful the answer is. Section 3.3 of the paper has the scores.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from elinker.onegen.answering import AnswerLayout
from elinker.onegen.rows import RowCache
from elinker.onegen.settings import ReflectionSettings
from elinker.rag.answer import Answer, Retrieved, Step, Stop
from elinker.rag.events import Asked, Finished, Found, Written
from elinker.rag.rows import Query, Row
from elinker.rag.settings import RagSettings


class JudgingRow(Row):
    """Decides whether to retrieve, then either answers by itself or has every passage answered by a `CandidateRow`.

    Arguments as for `Row`.
    """

    def __init__(
        self,
        number: int,
        query: Query,
        ids: Sequence[int],
        cache: RowCache,
        layout: AnswerLayout,
        settings: RagSettings,
    ) -> None:
        super().__init__(number, query, ids, cache, layout, settings)
        self._reflection = _reflection(layout)
        self._decided = False
        self._waiting: list[CandidateRow] = []
        self.best: Row = self
        """The row whose cache goes on with the answer that was chosen."""

    def blocked(self) -> frozenset[int]:
        """A query token is written only where retrieval was decided on."""
        return frozenset((self._layout.query,))

    def take(self, token: int, logits: Tensor) -> None:
        """Decide whether to retrieve, from the probabilities of the two tokens; later, go on."""
        if self._decided:
            super().take(token, logits)
            return
        self._decided = True
        tokens = self._layout.reflection
        wanted, unwanted = tokens[self._reflection.retrieve], tokens[self._reflection.no_retrieve]
        share, _ = _shares(logits, (wanted, unwanted))
        mode = self._settings.mode
        if mode == "always" or (mode == "adaptive" and share > self._settings.threshold):
            self.feed = [wanted, self._layout.query]
            self.asking = True
            self.events.append(Asked(self.query.question))
        else:
            self.feed = [unwanted]
        self._written += len(self.feed)
        if not self.asking and self._spent():
            self._finish("budget")

    def found(self, passages: Sequence[Retrieved]) -> None:
        """Have each passage that fits answered, all of them at once."""
        self.asking = False
        room = self._layout.max_length - self.cache.length - 1
        read = [(passage, self._layout.context(passage.passage.title, passage.passage.text)) for passage in passages]
        read = [(passage, ids) for passage, ids in read if len(ids) < room]
        step = Step(
            self.query.question, tuple(passage for passage, _ in read), sum(len(ids) for _, ids in read), self._written
        )
        if not read:
            self._finish("budget")
            return
        self._steps.append(step)
        self.events.append(Found(step))
        self._waiting = [CandidateRow(self, passage, ids) for passage, ids in read]
        self.children = [*self._waiting]
        self.done = True

    def candidate_done(self) -> None:
        """Choose the best answer when the last one is there; the events go with the row that was last."""
        if not all(candidate.done for candidate in self._waiting):
            return
        weights = self._settings.weights
        best = max(
            self._waiting, key=lambda candidate: candidate.score(weights.relevance, weights.support, weights.utility)
        )
        self.best = best
        answer = best.result
        if answer is None:
            return
        answer = replace(
            answer,
            steps=tuple(self._steps),
            tokens_read=self._read + sum(candidate.read for candidate in self._waiting),
            tokens_written=self._written + sum(candidate.written for candidate in self._waiting),
        )
        if answer.text:
            self.events.append(Written(answer.text, answer=True))
        self.events.append(Finished(answer))


class CandidateRow(Row):
    """An answer from one passage, over a copy of the cache of the question; its events are kept back."""

    def __init__(self, parent: JudgingRow, passage: Retrieved, ids: Sequence[int]) -> None:
        cache = RowCache(parent.cache.length + len(ids) + parent._settings.max_tokens)
        cache.begin_with(parent.cache)
        super().__init__(parent.number, parent.query, ids, cache, parent._layout, parent._settings)
        self.ids = list(parent.ids)
        self.result: Answer | None = None
        self._parent = parent
        self._reflection = _reflection(parent._layout)
        self._steps = [Step(parent.query.question, (passage,), len(ids), 0)]
        self._relevance, self._support, self._utility = 0.0, 0.0, 0.0
        self._first, self._supported, self._graded = True, False, False

    @property
    def read(self) -> int:
        """Tokens read beside those of the question."""
        return self._read

    @property
    def written(self) -> int:
        """Tokens written."""
        return self._written

    def score(self, relevance: float, support: float, utility: float) -> float:
        """The judgements, weighted: relevance in [0, 1], support in [0, 1], utility in [-1, 1]."""
        return relevance * self._relevance + support * self._support + utility * self._utility

    def blocked(self) -> frozenset[int]:
        """One hop only: nothing is asked again."""
        return frozenset((self._layout.query,))

    def take(self, token: int, logits: Tensor) -> None:
        """Note down judgements: of relevance where writing begins, of support and utility where such a token comes."""
        names, ids = self._reflection, self._layout.reflection
        if self._first:
            self._relevance = _shares(logits, [ids[names.relevant], ids[names.irrelevant]])[0]
            self._first = False
        support = [ids[text] for text in names.support]
        if token in support and not self._supported:
            full, partial, _ = _shares(logits, support)
            self._support, self._supported = full + 0.5 * partial, True
        utility = [ids[text] for text in names.utility]
        if token in utility and not self._graded:
            grades = torch.linspace(-1.0, 1.0, len(utility), dtype=torch.float64).tolist()
            shares = _shares(logits, utility)
            self._utility = sum(grade * share for grade, share in zip(grades, shares, strict=True))
            self._graded = True
        super().take(token, logits)

    def _finish(self, stop: Stop) -> None:
        super()._finish(stop)
        finished = self.events.pop()
        assert isinstance(finished, Finished)
        self.result = finished.answer
        self._parent.candidate_done()
        self.events = [*self._parent.events]
        self._parent.events = []

    def _show(self) -> None:
        """Nothing is shown before the best answer is chosen."""


def _reflection(layout: AnswerLayout) -> ReflectionSettings:
    reflection = layout.settings.reflection
    assert reflection is not None, "such rows are made for models with reflection tokens"
    return reflection


def _shares(logits: Tensor, ids: Sequence[int]) -> list[float]:
    """The probabilities of a few tokens among each other."""
    return [float(share) for share in torch.softmax(logits[list(ids)].double(), dim=0)]
