"""Cutting a text into tokens such that every mention starts and ends at one; shared by the formats that have tokens."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from elinker.corpus.losses import Loss, Losses
from elinker.errors import InputError
from elinker.schema import Document, Mention

if TYPE_CHECKING:
    from spacy.language import Language


@dataclass(frozen=True, slots=True)
class Piece:
    """A token from `start` to `end` (characters); `starts_sentence` says that a sentence begins with it."""

    start: int
    end: int
    starts_sentence: bool


@cache
def english() -> "Language":
    """spaCy's blank English pipeline with its rule-based sentence splitter; no model is needed."""
    import spacy

    language = spacy.blank("en")
    language.add_pipe("sentencizer")
    return language


def pieces(document: Document) -> list[Piece]:
    """The tokens of a document in order, whitespace among them, without gaps or overlaps.

    spaCy's tokens are cut where a mention starts or ends within one, so the spans stay exact. The blank that spaCy
    counts as a token's trailing space is a piece of its own here. No sentence begins within a mention.

    Raises:
        InputError: the text cannot be tokenized (a lone surrogate).
    """
    cuts, sentences = _spacy_cuts(document.text)
    for mention in document.mentions:
        cuts |= {mention.start, mention.end}
    sentences -= _within(sorted(sentences), document.mentions)
    return [Piece(start, end, start in sentences) for start, end in pairwise(sorted(cuts))]


def covered(tokens: Sequence[Piece], mentions: Iterable[Mention]) -> Iterator[range]:
    """For each mention the indices of its tokens; the tokens may leave out whitespace at which no mention ends."""
    starts = [piece.start for piece in tokens]
    for mention in mentions:
        yield range(bisect_left(starts, mention.start), bisect_left(starts, mention.end))


def on_words(document: Document, losses: Losses) -> tuple[list[Mention | None], list[Piece]]:
    """Each mention without whitespace at its edges (None where nothing is left), and the tokens that are words.

    A mention that changes is counted. Words are the pieces that are not whitespace.

    Raises:
        InputError: see `pieces`.
    """
    trimmed = [_trimmed(mention) for mention in document.mentions]
    cut = replace(document, mentions=tuple(mention for mention in trimmed if mention is not None))
    words = [piece for piece in pieces(cut) if not document.text[piece.start : piece.end].isspace()]
    losses[Loss.BLANK] += trimmed.count(None)
    losses[Loss.MOVED] += sum(
        after is not None and after is not before for before, after in zip(document.mentions, trimmed, strict=True)
    )
    return trimmed, words


def _trimmed(mention: Mention) -> Mention | None:
    text = mention.text.strip()
    if not text:
        return None
    if len(text) == len(mention.text):
        return mention
    start = mention.start + len(mention.text) - len(mention.text.lstrip())
    return replace(mention, start=start, end=start + len(text), text=text)


def _within(positions: Sequence[int], mentions: Iterable[Mention]) -> set[int]:
    """Those of the sorted positions that are strictly within a mention."""
    found: set[int] = set()
    for mention in mentions:
        found.update(positions[bisect_right(positions, mention.start) : bisect_left(positions, mention.end)])
    return found


def _spacy_cuts(text: str) -> tuple[set[int], set[int]]:
    language = english()
    try:
        # The tokenizer itself, because calling the pipeline refuses texts over a million characters.
        doc: Any = language.tokenizer(text)
    except UnicodeEncodeError as error:
        raise InputError(f"the text has a lone surrogate at character {error.start}") from None
    for _, component in language.pipeline:
        doc = component(doc)
    cuts = {0, len(text)}
    sentences = set()
    starting = False
    for token in doc:
        cuts |= {token.idx, token.idx + len(token.text)}
        starting = starting or token.is_sent_start
        if starting and not token.is_space:
            sentences.add(token.idx)
            starting = False
    return cuts, sentences
