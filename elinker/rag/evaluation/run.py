"""A pipeline's answers to the questions of a dataset, from an index or from the pages that each question brings.

Scoring is in `scoring`; models and indexes are loaded elsewhere.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinker.errors import InputError
from elinker.onegen.model import OneGen
from elinker.onegen.rows import RowCache
from elinker.rag.answer import Answer, Retrieved
from elinker.rag.evaluation.overlap import Fact
from elinker.rag.evaluation.questions import Page, Question
from elinker.rag.events import Finished
from elinker.rag.judging import JudgingRow
from elinker.rag.rag import Rag
from elinker.rag.rows import Query, Row
from elinker.rag.settings import RagSettings
from elinker.rag.splitting import Chunk, SourceDocument, Splitter
from elinker.rag.writing import Writer

BATCH = 16


def answers_from_index(rag: Rag, questions: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
    """Answers from the index of a pipeline, in order; questions that are too long to be asked are left out."""
    asked = [question for question in questions if _fits(rag, question)]
    yield from zip(asked, rag.answers((question.text for question in asked), batch_size=BATCH), strict=True)


def _fits(rag: Rag, question: Question) -> bool:
    try:
        rag.check(question.text)
    except InputError:
        return False
    return True


def answers_from_pages(
    onegen: OneGen, settings: RagSettings, questions: Sequence[Question]
) -> Iterator[tuple[Question, Answer]]:
    """Answers to each question from its own pages alone, as they are done.

    A question's pages are encoded when its turn comes and forgotten when it is answered: nothing is indexed, and a
    question is searched for among tens of vectors. Questions that are too long to be asked are left out.
    """
    pages = OwnPages(onegen)
    rows = (
        row for number, question in enumerate(questions) for row in _asked(onegen, settings, pages, number, question)
    )
    for number, event in Writer(onegen, pages, batch_size=BATCH).run(rows):
        if isinstance(event, Finished):
            pages.forget(questions[number].id)
            yield questions[number], event.answer


def _asked(onegen: OneGen, settings: RagSettings, pages: "OwnPages", number: int, question: Question) -> Iterator[Row]:
    """The row of a question, whose pages are then known; none where it is too long."""
    layout = onegen.answering
    ids = layout.prompt(question.text)
    if len(ids) > layout.max_length // 2:
        return
    pages.add(question)
    kind = JudgingRow if layout.settings.reflection else Row
    yield kind(number, Query(question.text, (question.id,)), ids, RowCache(len(ids)), layout, settings)


class OwnPages:
    """The pages of the questions that are being answered, searched exactly, each question's by themselves."""

    def __init__(self, onegen: OneGen) -> None:
        self._onegen = onegen
        self._splitter = Splitter(onegen.answering)
        self._chunks: dict[str, list[Chunk]] = {}
        self._vectors: dict[str, list[NDArray[np.float32]]] = {}

    def add(self, question: Question) -> None:
        """Split and encode the pages of a question."""
        documents = [SourceDocument(page.id or page.title, page.title, page.text) for page in question.pages]
        chunks = [chunk for document in documents for chunk in self._splitter.split(document)]
        read = [(chunk.passage.title, chunk.passage.text, chunk.sentences) for chunk in chunks]
        self._chunks[question.id] = chunks
        self._vectors[question.id] = self._onegen.encode_passages(read) if read else []

    def forget(self, question_id: str) -> None:
        """Drop the pages of a question that is answered."""
        del self._chunks[question_id], self._vectors[question_id]

    def retrieve(
        self, queries: NDArray[np.float32], k: int, entities: Sequence[str] = ()
    ) -> list[tuple[Retrieved, ...]]:
        """The nearest passages of a question, whose id stands where a pipeline's rows name entities to filter by."""
        [question_id] = entities
        found = []
        for query in queries:
            unit = query / (float(np.linalg.norm(query)) or 1.0)
            hits = [
                _best(chunk, vectors @ unit)
                for chunk, vectors in zip(self._chunks[question_id], self._vectors[question_id], strict=True)
            ]
            found.append(tuple(sorted(hits, key=lambda hit: -hit.score)[:k]))
        return found


def _best(chunk: Chunk, scores: NDArray[np.float32]) -> Retrieved:
    place = int(scores.argmax())
    return Retrieved(chunk.passage, float(scores[place]), chunk.sentences[place] if chunk.sentences else None)


def line(question: Question, answer: Answer) -> dict[str, Any]:
    """An answer as it is stored: with the id of its question, and the supporting facts that it rests on."""
    facts = (
        {}
        if question.facts is None
        else {"supporting_facts": sorted(list(fact) for fact in facts_of(question, answer))}
    )
    return {"id": question.id, **answer.to_json(), **facts}


def facts_of(question: Question, answer: Answer) -> frozenset[Fact]:
    """The sentences that an answer rests on, among those of the question's pages.

    They are, of the best passage of each retrieval, the sentence whose vector was found; of a passage with a single
    vector, the sentence that is cited.
    """
    pages = {page.title: page for page in question.pages}
    facts: list[Fact] = []
    for step in answer.steps:
        for retrieved in step.passages[:1]:
            cited = [(c.start, c.end) for c in answer.citations if c.passage.id == retrieved.passage.id]
            page = pages.get(retrieved.passage.title)
            for span in cited if retrieved.sentence is None else [retrieved.sentence]:
                index = None if page is None else _sentence(page, retrieved, span)
                if page is not None and index is not None:
                    facts.append((page.title, index))
    return frozenset(facts)


def _sentence(page: Page, retrieved: Retrieved, span: tuple[int, int]) -> int | None:
    """The sentence of a page that holds characters of a passage, wherever in the page the passage lies."""
    start = page.text.find(retrieved.passage.text[span[0] : span[1]])
    return None if start < 0 else page.sentence_at(start, start + span[1] - span[0])
