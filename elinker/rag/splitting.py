"""Documents as passages: whole sentences up to a number of tokens, the next passage beginning a few sentences early.

Reading files is in `documents`, storing passages in `indexing`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from elinker.errors import UsageError
from elinker.onegen.answering import AnswerLayout
from elinker.onegen.source import Source
from elinker.rag.answer import Passage
from elinker.rag.sentences import split_sentences

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


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of a long one; `overlaps` says that it may begin inside the part before it."""

    start: int
    end: int
    tokens: int
    overlaps: bool = False


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

    def split(self, document: SourceDocument) -> Iterator[Chunk]:
        """The passages of a document in order, as they are asked for; none where it holds no text.

        A passage's id is that of its document, with `:0`, `:1` … behind it where there are several.
        """
        groups = self._groups(self._pieces(document.text))
        first, second = next(groups, None), next(groups, None)
        if first is not None and second is None:
            yield self._chunk(document, first, document.id)
        elif first is not None and second is not None:
            for number, group in enumerate(chain((first, second), groups)):
                yield self._chunk(document, group, f"{document.id}:{number}")

    def _pieces(self, text: str) -> Iterator[_Piece]:
        """Sentences; those that are too long for a passage are cut between tokens, each part overlapping the last."""
        for start, end in split_sentences(text):
            source = self._layout.source(text[start:end])
            if len(source) <= self._size:
                yield _Piece(start, end, len(source))
                continue
            overlaps = False
            for first, stop in self._cuts(source):
                begin = 0 if first == 0 else source.starts[first]
                part = source.text[begin : source.starts[stop] if stop < len(source) else None]
                begin += len(part) - len(part.lstrip())
                if part.strip():  # nothing is left of a character whose pieces were cut apart: the next part has it
                    yield _Piece(start + begin, start + begin + len(part.strip()), stop - first, overlaps)
                    overlaps = True

    def _cuts(self, source: Source) -> Iterator[tuple[int, int]]:
        """Token ranges of the parts of a long sentence."""
        first, stop = 0, 0
        while stop < len(source):
            end = _boundary(source, first, min(len(source), first + self._size))
            if end <= stop:  # the overlap left no room for the next whole character
                first = stop
                continue
            stop = end
            yield first, stop
            early = stop - self._overlap
            first = early if early > first and source.is_boundary(early) else stop

    def _groups(self, pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
        """Consecutive pieces that fit into a passage together."""
        group: list[_Piece] = []
        for piece in pieces:
            if group and (piece.overlaps or sum(held.tokens for held in group) + piece.tokens > self._size):
                yield group
                group = [] if piece.overlaps else self._kept(group, piece)
            group.append(piece)
        if group:
            yield group

    def _kept(self, group: Sequence[_Piece], following: _Piece) -> list[_Piece]:
        """The last pieces of a passage that the next one begins with, before the piece that did not fit."""
        for first in range(1, len(group)):
            tokens = sum(piece.tokens for piece in group[first:])
            if tokens <= self._overlap and tokens + following.tokens <= self._size:
                return list(group[first:])
        return []

    def _chunk(self, document: SourceDocument, pieces: Sequence[_Piece], identifier: str) -> Chunk:
        start, end = pieces[0].start, pieces[-1].end
        text = document.text[start:end]
        entities = dict.fromkeys(entity for first, last, entity in document.links if start <= first and last <= end)
        passage = Passage(identifier, document.id, document.title, text, start, end, tuple(entities))
        if self._layout.passage.unit == "passage":
            return Chunk(passage, ())
        sentences = tuple((piece.start - start, piece.end - start) for piece in pieces)
        read = len(self._layout.document(document.title, text, sentences).retrieval)
        return Chunk(passage, sentences[:read])


def _boundary(source: Source, first: int, stop: int) -> int:
    """The last place up to `stop` that is not inside a character, or `stop`."""
    return next((place for place in range(stop, first, -1) if source.is_boundary(place)), stop)
