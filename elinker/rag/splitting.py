"""Documents as passages: whole sentences up to a number of tokens, the next passage beginning a few sentences early.

Reading files is in `documents`, storing passages in `indexing`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from elinker.errors import UsageError
from elinker.onegen.answering import AnswerLayout
from elinker.onegen.source import Source
from elinker.rag.answer import Passage
from elinker.rag.sentences import split_sentences

Tokens = Callable[[int, int], int]
"""How many tokens begin between two characters."""

_SPARE = 4
"""Tokens by which a passage may grow when it is read by itself."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A text to be split. `links` are (start, end, entity id) of linked mentions, in characters of the text."""

    id: str
    title: str
    text: str
    links: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage with the characters of each of its sentences that has a vector; none where it has one vector in all."""

    passage: Passage
    sentences: tuple[tuple[int, int], ...]

    @property
    def vectors(self) -> int:
        """How many vectors it has."""
        return max(1, len(self.sentences))


class Splitter:
    """Cuts documents into passages that the model reads whole.

    Args:
        layout: how the model reads passages.
        size: tokens of a passage at most; by default what the model reads of one.
        overlap: tokens at the end of a passage that the next one may begin with, in whole sentences.

    Raises:
        UsageError: `size` is more than the model reads, or not more than `overlap`.
    """

    def __init__(self, layout: AnswerLayout, *, size: int | None = None, overlap: int = 0) -> None:
        longest = layout.passage.max_length
        self._layout = layout
        self._size = max(1, longest - _SPARE) if size is None else size
        self._overlap = overlap
        if not 0 < self._size <= longest:
            raise UsageError(f"passages of {self._size} tokens: the model reads 1 to {longest}")
        if not 0 <= overlap < self._size:
            raise UsageError(f"an overlap of {overlap} tokens does not fit passages of {self._size}")

    def split(self, document: SourceDocument) -> list[Chunk]:
        """The passages of a document in order; none where it holds no text.

        A passage's id is that of its document, with `:0`, `:1` … behind it where there are several.
        """
        source = self._layout.source(document.text)
        groups = list(self._groups(source, [*self._pieces(source)]))
        return [
            self._chunk(document, group, document.id if len(groups) == 1 else f"{document.id}:{number}")
            for number, group in enumerate(groups)
        ]

    def _pieces(self, source: Source) -> Iterator[tuple[int, int]]:
        """Sentences; those that are too long for a passage cut between tokens."""
        for start, end in split_sentences(source.text):
            first, last = bisect_left(source.starts, start), bisect_left(source.starts, end)
            if last - first <= self._size:
                yield start, end
                continue
            while first < last:
                stop = min(last, first + self._size)
                while stop < last and stop > first + 1 and not source.is_boundary(stop):
                    stop -= 1
                yield source.visible_start(first), source.ends[stop - 1] if stop < last else end
                if stop == last:
                    break
                early = stop - self._overlap
                first = early if early > first and source.is_boundary(early) else stop

    def _groups(self, source: Source, pieces: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
        """Consecutive pieces that fit into a passage together."""

        def tokens(start: int, end: int) -> int:
            return bisect_left(source.starts, end) - bisect_left(source.starts, start)

        first = 0
        while first < len(pieces):
            last = first + 1
            while last < len(pieces) and _follows(pieces, last) and self._fits(tokens, pieces, first, last):
                last += 1
            yield pieces[first:last]
            if last == len(pieces):
                return
            first = self._next(tokens, pieces, first, last)

    def _fits(self, tokens: Tokens, pieces: Sequence[tuple[int, int]], first: int, last: int) -> bool:
        return tokens(pieces[first][0], pieces[last][1]) <= self._size

    def _next(self, tokens: Tokens, pieces: Sequence[tuple[int, int]], first: int, last: int) -> int:
        """Where the next passage begins: as early as the overlap allows, if another sentence then fits."""
        for early in range(first + 1, last):
            near = tokens(pieces[early][0], pieces[last - 1][1]) <= self._overlap
            if near and _follows(pieces, last) and self._fits(tokens, pieces, early, last):
                return early
        return last

    def _chunk(self, document: SourceDocument, pieces: Sequence[tuple[int, int]], identifier: str) -> Chunk:
        start, end = pieces[0][0], pieces[-1][1]
        text = document.text[start:end]
        entities = dict.fromkeys(entity for first, last, entity in document.links if start <= first and last <= end)
        passage = Passage(identifier, document.id, document.title, text, start, end, tuple(entities))
        if self._layout.passage.unit == "passage":
            return Chunk(passage, ())
        sentences = tuple((first - start, last - start) for first, last in pieces)
        read = len(self._layout.document(document.title, text, sentences).retrieval)
        return Chunk(passage, sentences[:read])


def _follows(pieces: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether a piece begins behind the one before it, and not inside it as the pieces of a long sentence may."""
    return pieces[number][0] >= pieces[number - 1][1]
