"""A question with all that its dataset knows of it. Reading a format is in `formats`, comparing in `scoring`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from elinker.rag.evaluation.normalisation import SQUAD, Ruler
from elinker.rag.evaluation.overlap import Fact, Triple


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a dataset gives along with a question: title and text, as sentences where it has them.

    `spans` are the characters of each sentence in `text`.
    """

    title: str
    text: str
    spans: tuple[tuple[int, int], ...]
    id: str | None = None

    @classmethod
    def of_sentences(cls, title: str, sentences: tuple[str, ...]) -> "Page":
        """Sentences one after the other, with a blank where the dataset has none between two."""
        text, spans = "", []
        for sentence in sentences:
            between = " " if text and sentence and not (text[-1].isspace() or sentence[0].isspace()) else ""
            spans.append((len(text) + len(between), len(text) + len(between) + len(sentence)))
            text += between + sentence
        return cls(title, text, tuple(spans))

    def sentence_at(self, start: int, end: int) -> int | None:
        """The index of the sentence that shares most characters with `start:end` of the text; None where none does."""
        shared = [min(end, last) - max(start, first) for first, last in self.spans]
        best = max(range(len(shared)), key=shared.__getitem__, default=None)
        return best if best is not None and shared[best] > 0 else None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, or a claim to be judged.

    Args:
        id: unique in its file.
        text: what the pipeline is asked.
        answers: gold answers, any of which is right; none where the file has none (a blind test set).
        ruler: how the dataset's script compares answers.
        raw_answers: gold answers as they are written, for `match`; those of `answers` where it is empty.
        type: the dataset's own kind of question.
        hops: for each hop the passages that have what is needed, any of them; by id of passage or document, or by
            title.
        named_by: what `hops` name passages by.
        in_order: whether the n-th hop is the n-th retrieval; else the passages are needed in any order.
        answerable: whether the passages hold the answer. Where they do not, `answers` is what is to be said then.
        pages: the question's own context.
        facts: gold supporting facts; None where the dataset has none.
        any_case: whether titles of supporting facts are compared in lower case.
        evidence: gold triples, each in all its spellings; None where the dataset has none.
        choices: texts by label, for multiple choice and claims.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    ruler: Ruler = SQUAD
    raw_answers: tuple[str, ...] = ()
    type: str | None = None
    hops: tuple[frozenset[str], ...] = ()
    named_by: Literal["id", "title"] = "id"
    in_order: bool = True
    answerable: bool = True
    pages: tuple[Page, ...] = ()
    facts: frozenset[Fact] | None = None
    any_case: bool = False
    evidence: tuple[frozenset[Triple], ...] | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
