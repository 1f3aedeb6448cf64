"""First guesses of where mentions are. A draft costs nothing when it is wrong but passes: verification decides."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.source import Source

_SURE = 10.0
"""The wishes of drafters that know nothing of probabilities."""


@dataclass(slots=True)
class Draft:
    """Wishes at each border of a source, before its tokens and behind the last: above zero where a mention should open,
    and where one that is open should close. They are log odds: the further from zero, the surer.

    The decoder writes the pass's own scores over the wishes, so a draft gets better with every pass.
    """

    opens: list[float]
    closes: list[float]

    def wants(self, state: CopyState, allowed: Sequence[Action]) -> Action:
        """One of `allowed` (never empty)."""
        return allowed[-1] if len(allowed) == 1 or self._wish(state) > 0 else allowed[0]

    def doubt(self, state: CopyState) -> float:
        """The probability that the wish is wrong, at most a half."""
        odds = math.exp(-abs(self._wish(state)))
        return odds / (1 + odds)

    def _wish(self, state: CopyState) -> float:
        return (self.opens if state.opened is None else self.closes)[state.position]


class Drafter(Protocol):
    """Guesses the mentions of a source.

    Where `reads_states` is true, it is asked after a pass of the model over the prompt; otherwise before.
    """

    reads_states: bool

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """The first draft.

        Args:
            source: the text.
            states: where `reads_states`, the last hidden states of its tokens in the prompt, shape (tokens, dim).
        """
        ...


def draft_of(source: Source, spans: Sequence[tuple[int, int]]) -> Draft:
    """A draft of token ranges. A mention opened elsewhere would end with its word, or run of capitalised words."""
    opens = [-_SURE] * (len(source) + 1)
    closes = [_SURE if _ends_run(source, index) else -_SURE for index in range(len(source) + 1)]
    for start, end in spans:
        opens[start] = _SURE
        closes[start + 1 : end] = [-_SURE] * (end - start - 1)
        closes[end] = _SURE
    return Draft(opens, closes)


class PlainCopy:
    """No mention at all."""

    reads_states = False

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """See `Drafter`."""
        return draft_of(source, ())


class Capitalised:
    """Runs of capitalised words, but for a lone one that begins a sentence."""

    reads_states = False

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """See `Drafter`."""
        spans: list[tuple[int, int]] = []
        start = 0
        while start < len(source):
            end = start + 1
            if source.types[start]:
                while not _ends_run(source, end):
                    end += 1
                if not (_begins_sentence(source, start) and _words(source, start, end) == 1):
                    spans.append((start, end))
            start = end
        return draft_of(source, spans)


class SpansOfTexts:
    """Spans that are known beforehand, such as the entities of an upstream tagger.

    Args:
        spans: for each text its spans in characters, in order; texts without any are copied plainly.
    """

    reads_states = False

    def __init__(self, spans: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        self._spans = spans

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """See `Drafter`."""
        return draft_of(source, token_ranges(source, self._spans.get(source.text, ())))


class KnownMentions:
    """For each of certain sources, its mentions: right in nearly all places, or they would not be drafted.

    Args:
        sources: the objects that will be drafted.
        mentions: token ranges of each.
    """

    reads_states = False

    def __init__(self, sources: Sequence[Source], mentions: Sequence[Sequence[tuple[int, int]]]) -> None:
        self._mentions = {id(source): ranges for source, ranges in zip(sources, mentions, strict=True)}

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """See `Drafter`."""
        return draft_of(source, self._mentions[id(source)])


def token_ranges(source: Source, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of tokens for spans of characters in order; without those that cover none or overlap the one before."""
    kept: list[tuple[int, int]] = []
    for start, end in spans:
        tokens = source.tokens_of(start, end)
        if tokens is not None and (not kept or tokens[0] >= kept[-1][1]):
            kept.append(tokens)
    return kept


def _ends_run(source: Source, index: int) -> bool:
    """Whether a word, or a run of capitalised words, ends before token `index`."""
    if index in (0, len(source)):
        return index > 0
    return not source.continues_word(index) and not (source.types[index - 1] and source.types[index])


def _begins_sentence(source: Source, index: int) -> bool:
    start = source.starts[index]
    before = source.text[max(0, start - 8) : start].rstrip(" \t\"'“”‘’«»([-—–")
    return not before or before[-1] in ".!?:\n"


def _words(source: Source, start: int, end: int) -> int:
    return 1 + sum(not source.continues_word(index) for index in range(start + 1, end))
