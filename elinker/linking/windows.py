"""Long texts as windows that fit one pass, and the mentions of windows as mentions of the text.

A window ends at a sentence end wherever one lies within reach; nothing overlaps there. A sentence longer than a window
is cut between tokens, and the window after the cut starts `OVERLAP` tokens early, so that a mention over the cut is
whole in one of the two. `merge` then applies the rule: of two mentions that overlap, the one that does not touch the
cut wins, then the longer, then the earlier window's.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from elinker.onegen.source import Source

OVERLAP = 24
"""Source tokens shared by two windows at a cut inside a sentence."""

_BLOCK = 100_000
_PARAGRAPH = re.compile(r"\n\s*\n\s*|\r\n\s*\r\n\s*")


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `start` to `end` of a source; `cut_before` and `cut_after` say that a side lies inside a sentence."""

    start: int
    end: int
    cut_before: bool = False
    cut_after: bool = False


def split_windows(source: Source, size: int, protected: Sequence[tuple[int, int]] = ()) -> list[Window]:
    """Cover a source with windows of at most `size` tokens.

    Args:
        source: the tokens of the whole text.
        size: tokens a window may have.
        protected: token ranges that no window border may cut where they are shorter than the overlap.
    """
    windows: list[Window] = []
    ends = [end for end in _sentence_ends(source) if not any(first < end < last for first, last in protected)]
    start, cut = 0, False
    while start < len(source):
        limit = start + size
        if limit >= len(source):
            windows.append(Window(start, len(source), cut, False))
            break
        reach = bisect_left(ends, limit + 1) - 1
        if reach >= 0 and ends[reach] > start + (OVERLAP if cut else 0):
            windows.append(Window(start, ends[reach], cut, False))
            start, cut = ends[reach], False
        else:
            end = _boundary_before(source, limit, start)
            windows.append(Window(start, end, cut, True))
            start, cut = _boundary_before(source, end - min(OVERLAP, size // 2), start), True
    return windows


def merge(windows: Sequence[Window], mentions: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, int, int, int]]:
    """Mentions of a text from those of its windows, by the rule of this module.

    Args:
        windows: the windows of one text in order.
        mentions: for each window its mentions, token ranges counted from the window's start.

    Returns:
        (start, end, window, number in the window) in order of start, not overlapping; tokens of the whole text.
    """
    found: list[tuple[bool, int, int, tuple[int, int, int, int]]] = []
    for index, (window, spans) in enumerate(zip(windows, mentions, strict=True)):
        for number, (first, last) in enumerate(spans):
            start, end = window.start + first, window.start + last
            touches = (window.cut_before and start == window.start) or (window.cut_after and end == window.end)
            found.append((touches, start - end, index, (start, end, index, number)))
    kept: list[tuple[int, int, int, int]] = []
    by_window: dict[int, list[tuple[int, int]]] = {}
    for _, _, index, mention in sorted(found):
        near = [span for other in (index - 1, index, index + 1) for span in by_window.get(other, ())]
        if all(mention[1] <= start or mention[0] >= end for start, end in near):
            kept.append(mention)
            by_window.setdefault(index, []).append(mention[:2])
    return sorted(kept)


def _boundary_before(source: Source, index: int, start: int) -> int:
    """The last place in (start, index] that is not inside a character; `index` where there is none."""
    place = index
    while place > start + 1 and not source.is_boundary(place):
        place -= 1
    return place if source.is_boundary(place) and place > start else index


def _sentence_ends(source: Source) -> list[int]:
    """Token positions where a sentence or paragraph ends."""
    positions = {bisect_left(source.starts, end) for end in _sentence_offsets(source.text)}
    return sorted(position for position in positions if source.is_boundary(position))


def _sentence_offsets(text: str) -> Iterator[int]:
    """Character offsets at which sentences end, the white space behind them included."""
    for first, last in _blocks(text):
        document = _sentencizer()(text[first:last])
        yield from (first + sentence.end_char for sentence in document.sents)
        yield last


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, cut further where one is too long for a sentence splitter to take at once."""
    start = 0
    for end in [*(match.end() for match in _PARAGRAPH.finditer(text)), len(text)]:
        while start < end:
            stop = min(end, start + _BLOCK)
            yield start, stop
            start = stop


@lru_cache(maxsize=1)
def _sentencizer() -> Any:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline
