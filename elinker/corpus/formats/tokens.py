"""Cutting a text into tokens such that every mention starts and ends at one; shared by the formats that have tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from elinker.corpus.records import in_order
from elinker.errors import InputError
from elinker.schema import Document

if TYPE_CHECKING:
    from spacy.language import Language


@dataclass(frozen=True, slots=True)
class Piece:
    """A token from `start` to `end` (characters); `starts_sentence` says that a sentence begins with it.

    `mention` is the index of the document's mention that it belongs to, None outside.
    """

    start: int
    end: int
    starts_sentence: bool
    mention: int | None


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
    counts as a token's trailing space is a piece of its own here.

    Raises:
        InputError: mentions overlap, or the text cannot be tokenized (a lone surrogate).
    """
    document = in_order(document)
    cuts, sentences = _spacy_cuts(document.text)
    owner: dict[int, int] = {}
    for index, mention in enumerate(document.mentions):
        cuts |= {mention.start, mention.end}
        owner[mention.start] = index
    return list(_pieces(document, sorted(cuts), sentences, owner))


def _pieces(document: Document, cuts: list[int], sentences: set[int], owner: dict[int, int]) -> Iterator[Piece]:
    current: int | None = None
    for start, end in pairwise(cuts):
        if current is not None and document.mentions[current].end <= start:
            current = None
        current = owner.get(start, current)
        yield Piece(start, end, start in sentences, current)


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
