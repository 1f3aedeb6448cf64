"""First guesses of where mentions are. A draft costs nothing when it is wrong but passes: verification decides."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from elinker.onegen.grammar import Action, CopyState
from elinker.onegen.source import Source


class Drafter(Protocol):
    """Guesses the mentions of a source.

    Where `reads_states` is true, it is asked after a pass of the model over the prompt; otherwise before.
    """

    reads_states: bool

    def __call__(self, source: Source, states: Tensor | None) -> Sequence[tuple[int, int]]:
        """Token ranges in order, not overlapping.

        Args:
            source: the text.
            states: where `reads_states`, the last hidden states of its tokens in the prompt, shape (tokens, dim).
        """
        ...


class PlainCopy:
    """No mention at all."""

    reads_states = False

    def __call__(self, source: Source, states: Tensor | None) -> Sequence[tuple[int, int]]:
        """See `Drafter`."""
        return ()


class Capitalised:
    """Runs of capitalised words, but for a lone one that begins a sentence."""

    reads_states = False

    def __call__(self, source: Source, states: Tensor | None) -> Sequence[tuple[int, int]]:
        """See `Drafter`."""
        spans: list[tuple[int, int]] = []
        start = 0
        while start < len(source):
            if not source.types[start]:
                start += 1
                continue
            end = run_end(source, start)
            if not (_begins_sentence(source, start) and _words(source, start, end) == 1):
                spans.append((start, end))
            start = end
        return spans


def run_end(source: Source, start: int) -> int:
    """Where the run of capitalised words that holds token `start` ends; the end of its word where it is lower-case."""
    end = start + 1
    while end < len(source) and (source.continues_word(end) or (source.types[end] and source.types[start])):
        end += 1
    return end


class Draft:
    """A wanted continuation: walks the copy grammar and wants an action wherever more than one is allowed."""

    def __init__(self, source: Source, spans: Sequence[tuple[int, int]]) -> None:
        self._source = source
        self._opens = dict(spans)
        self._close_at: int | None = None

    def correct(self, state: CopyState, action: Action, opens: dict[int, bool], closes: dict[int, bool]) -> None:
        """Draft anew behind a correction.

        Args:
            state: where the rewriting stands before `action`.
            action: what the model does there.
            opens: what the pass said about opening before each later source token.
            closes: the same about closing, where the draft was inside a mention.
        """
        position = state.position
        self._opens = {
            start: self._end_of(start, closes) for start, wanted in opens.items() if wanted and start >= position
        }
        inside = action is Action.OPEN or (action is Action.COPY and state.opened is not None)
        self._close_at = self._end_of(position, closes) if inside else None

    def wants(self, state: CopyState, allowed: Sequence[Action]) -> Action:
        """One of `allowed` (never empty)."""
        if len(allowed) == 1:
            return allowed[0]
        if allowed[1] is Action.CLOSE:
            return Action.CLOSE if self._close_at is not None and state.position >= self._close_at else Action.COPY
        end = self._opens.get(state.position)
        if end is None:
            return Action.COPY
        self._close_at = end
        return Action.OPEN

    def _end_of(self, start: int, closes: dict[int, bool]) -> int:
        known = [position for position, wanted in closes.items() if wanted and position > start]
        guess = run_end(self._source, start)
        return min((position for position in known if position <= guess + 8), default=guess)


def _begins_sentence(source: Source, index: int) -> bool:
    start = source.starts[index]
    before = source.text[max(0, start - 8) : start].rstrip(" \t\"'“”‘’«»([-—–")
    return not before or before[-1] in ".!?:\n"


def _words(source: Source, start: int, end: int) -> int:
    return 1 + sum(not source.continues_word(index) for index in range(start + 1, end))


class SpansOfTexts:
    """Spans that are known beforehand, such as the entities of an upstream tagger.

    Args:
        spans: for each text its spans in characters, in order; texts without any are copied plainly.
    """

    reads_states = False

    def __init__(self, spans: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        self._spans = spans

    def __call__(self, source: Source, states: Tensor | None) -> Sequence[tuple[int, int]]:
        """See `Drafter`."""
        tokens = [source.tokens_of(start, end) for start, end in self._spans.get(source.text, ())]
        kept: list[tuple[int, int]] = []
        for span in tokens:
            if span is not None and (not kept or span[0] >= kept[-1][1]):
                kept.append(span)
        return kept


class KnownMentions:
    """For each of certain sources, its mentions: right in nearly all places, or they would not be drafted.

    Args:
        sources: the objects that will be drafted.
        mentions: token ranges of each.
    """

    reads_states = False

    def __init__(self, sources: Sequence[Source], mentions: Sequence[Sequence[tuple[int, int]]]) -> None:
        self._mentions = {id(source): ranges for source, ranges in zip(sources, mentions, strict=True)}

    def __call__(self, source: Source, states: Tensor | None) -> Sequence[tuple[int, int]]:
        """See `Drafter`."""
        return self._mentions[id(source)]
