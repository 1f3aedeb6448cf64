"""What requests ask of a linker or of what answers questions, and how a batch of it is done; no queues, no HTTP."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elinker.schema import Document, Entity

if TYPE_CHECKING:
    from elinker.linking.linker import Linker
    from elinker.rag.answer import Answer
    from elinker.rag.rag import Rag


@dataclass(frozen=True, slots=True)
class Annotate:
    """Find the mentions of a document and link them; those of NIL are in the result too."""

    document: Document


@dataclass(frozen=True, slots=True)
class Disambiguate:
    """Link the document's own mentions."""

    document: Document


@dataclass(frozen=True, slots=True)
class Search:
    """At most `k` entities named by a text, and the `k` nearest to it, read as a mention."""

    text: str
    k: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: entities that bear the text as a name; the nearest ones with their cosines, best first."""

    named: tuple[Entity, ...]
    nearest: tuple[tuple[Entity, float], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question to answer from passages, or only from those that mention one of some entities."""

    text: str
    entities: tuple[str, ...] = ()


Job = Annotate | Disambiguate | Search
Result = Document | Found


def weight(job: Job) -> int:
    """The characters that the model reads for a job: a text once for each layer of nested mentions; never 0."""
    if isinstance(job, Search):
        return 1 + len(job.text)
    layers = nesting(job.document) if isinstance(job, Disambiguate) else 1
    return 1 + len(job.document.text) * max(1, layers)


def nesting(document: Document) -> int:
    """The most mentions of a document that lie over one character."""
    borders = sorted([(m.start, 1) for m in document.mentions] + [(m.end, -1) for m in document.mentions])
    depth = deepest = 0
    for _, step in borders:
        depth += step
        deepest = max(deepest, depth)
    return deepest


class LinkerWork:
    """Does batches of jobs with a linker, each kind of job in one go.

    Args:
        linker: only ever used by the thread that calls.
        on_tokens: told how many source tokens a batch had.
    """

    def __init__(self, linker: "Linker", on_tokens: Callable[[int], None]) -> None:
        self._linker = linker
        self._on_tokens = on_tokens

    def __call__(self, jobs: Sequence[Job]) -> list[Result]:
        """The result of each job, in order."""
        results: dict[int, Result] = {}
        tokens = self._linker.tokens_seen
        texts = {number: job.document for number, job in enumerate(jobs) if isinstance(job, Annotate)}
        results.update(zip(texts, self._linker.pipe(texts.values(), keep_nil=True), strict=True))
        given = {number: job.document for number, job in enumerate(jobs) if isinstance(job, Disambiguate)}
        results.update(zip(given, self._linker.pipe(given.values(), mentions="given"), strict=True))
        searches = {number: job for number, job in enumerate(jobs) if isinstance(job, Search)}
        if searches:
            results.update(zip(searches, self._search(list(searches.values())), strict=True))
        self._on_tokens(self._linker.tokens_seen - tokens)
        return [results[number] for number in range(len(jobs))]

    def _search(self, searches: Sequence[Search]) -> list[Found]:
        """As `KnowledgeBase.search`, those of the same `k` together; nothing is near to a text without tokens."""
        base = self._linker.kb
        vectors = self._linker.onegen.encode_queries([search.text for search in searches])
        by_k: defaultdict[int, list[int]] = defaultdict(list)
        for number, search in enumerate(searches):
            if vectors[number].any():
                by_k[search.k].append(number)
        nearest: dict[int, list[tuple[Entity, float]]] = {}
        for k, numbers in by_k.items():
            scores, rows = base.search(vectors[numbers], k)
            for number, of_rows, of_scores in zip(numbers, rows.tolist(), scores.tolist(), strict=True):
                nearest[number] = [(base.entity(row), score) for row, score in zip(of_rows, of_scores, strict=True)]
        return [
            Found(
                tuple(base.entity(row) for row in base.rows_named(search.text)[: search.k]),
                tuple(nearest.get(number, ())),
            )
            for number, search in enumerate(searches)
        ]


class RagWork:
    """Answers batches of questions, those about the same entities side by side.

    Args:
        rag: only ever used by the thread that calls.
    """

    def __init__(self, rag: "Rag") -> None:
        self._rag = rag

    def __call__(self, questions: Sequence[Question]) -> "list[Answer]":
        """The answer to each question, in order."""
        alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, question in enumerate(questions):
            alike[question.entities].append(number)
        answers: dict[int, Answer] = {}
        for entities, numbers in alike.items():
            texts = [questions[number].text for number in numbers]
            answers.update(zip(numbers, self._rag.answers(texts, entities=entities), strict=True))
        return [answers[number] for number in range(len(questions))]
