"""What answering gives: passages, what was retrieved at each hop, citations, the answer. No behaviour beyond JSON."""

from dataclasses import dataclass
from typing import Any, Literal

Stop = Literal["answer", "max_hops", "budget", "end"]
"""Why writing ended: the answer was closed; the model asked for a passage more often than `max_hops`; the budget of
tokens or the model's positions ran out; the text was ended without an answer."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document, whose text from character `start` to `end` is `text`.

    `id` is unique in its index; `entities` are the ids of the entities that are linked in it.
    """

    id: str
    document_id: str
    title: str
    text: str
    start: int
    end: int
    entities: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The passage as plain JSON values."""
        return {
            "id": self.id,
            "document_id": self.document_id,
            "title": self.title,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "entities": list(self.entities),
        }


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A passage that a query found. `score` is the cosine of the query and the passage's nearest vector, in [-1, 1].

    `sentence` are the characters of `passage.text` that this vector stands for; None where it stands for the whole.
    """

    passage: Passage
    score: float
    sentence: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The passage, its score and its sentence as plain JSON values."""
        return {
            **self.passage.to_json(),
            "score": round(self.score, 4),
            "sentence": None if self.sentence is None else list(self.sentence),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One hop: what the model wrote before it asked, and what was found.

    `tokens_written` are those of the query with its query token, `tokens_read` those of the passages that were read.
    """

    query: str
    passages: tuple[Retrieved, ...]
    tokens_read: int
    tokens_written: int

    def to_json(self) -> dict[str, Any]:
        """The step as plain JSON values."""
        return {
            "query": self.query,
            "passages": [retrieved.to_json() for retrieved in self.passages],
            "tokens_read": self.tokens_read,
            "tokens_written": self.tokens_written,
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer rests on: `[[number]]`, from 1, and the characters `start` to `end` of `passage.text`."""

    number: int
    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        """The cited words."""
        return self.passage.text[self.start : self.end]

    def to_json(self) -> dict[str, Any]:
        """The citation as plain JSON values; `start` and `end` count characters of the passage."""
        return {
            "number": self.number,
            "passage_id": self.passage.id,
            "document_id": self.passage.document_id,
            "title": self.passage.title,
            "start": self.start,
            "end": self.end,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question; `text` is None where none was written, and `stop` says why writing ended.

    `entities` are those of the cited passages, in order. `tokens_read` counts the prompt and all passages that were
    read, `tokens_written` all that was written: every token goes through the model once.
    """

    question: str
    text: str | None
    steps: tuple[Step, ...]
    citations: tuple[Citation, ...]
    entities: tuple[str, ...]
    tokens_read: int
    tokens_written: int
    stop: Stop

    def to_json(self) -> dict[str, Any]:
        """The answer as plain JSON values, one line of what `elinker rag ask` writes."""
        return {
            "question": self.question,
            "answer": self.text,
            "stop": self.stop,
            "citations": [citation.to_json() for citation in self.citations],
            "entities": list(self.entities),
            "steps": [step.to_json() for step in self.steps],
            "tokens_read": self.tokens_read,
            "tokens_written": self.tokens_written,
        }
