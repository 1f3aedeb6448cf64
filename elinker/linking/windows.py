"""Long texts as windows that fit one pass, and the mentions of windows as mentions of the text.

A window ends at a sentence end wherever one lies within reach; nothing overlaps there. A sentence longer than a window
is cut between tokens, and the window after the cut starts `OVERLAP` tokens early, so that a mention over the cut is
whole in one of the two. `merge` then applies the rule: of two mentions that overlap, the one that does not touch the
cut wins, then the longer, then the earlier window's.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from elinker.onegen.source import SURROGATE, Source

OVERLAP = 24
"""Source tokens shared by two windows at a cut inside a sentence."""

_BLOCK = 2_000
"""Characters that the sentence splitter gets at once: its time grows with the square of a run of punctuation."""

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
    if len(source) <= size:
        return [Window(0, len(source))] if len(source) else []
    windows: list[Window] = []
    ends = _outside(_sentence_ends(source), protected)
    start, covered, cut = 0, 0, False
    while start < len(source):
        limit = start + size
        if limit >= len(source):
            windows.append(Window(start, len(source), cut, False))
            break
        reach = bisect_right(ends, limit) - 1
        if reach >= 0 and ends[reach] > covered:
            windows.append(Window(start, ends[reach], cut, False))
            start = covered = ends[reach]
            cut = False
        else:
            end = _boundary_before(source, limit, covered) or limit
            windows.append(Window(start, end, cut, True))
            start, covered, cut = _after_cut(source, start, end, size), end, True
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
    for _, _, _, mention in sorted(found):
        place = bisect_left(kept, mention)
        after_previous = place == 0 or kept[place - 1][1] <= mention[0]
        if after_previous and (place == len(kept) or mention[1] <= kept[place][0]):
            kept.insert(place, mention)
    return kept


def _outside(places: Sequence[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """The places, ascending, that lie inside none of the ranges."""
    ordered = sorted(ranges)
    kept: list[int] = []
    number, reach = 0, 0
    for place in places:
        while number < len(ordered) and ordered[number][0] < place:
            reach = max(reach, ordered[number][1])
            number += 1
        if reach <= place:
            kept.append(place)
    return kept


def _boundary_before(source: Source, index: int, after: int) -> int | None:
    """The last place in (after, index] that is not inside a character, if there is one."""
    return next((place for place in range(index, after, -1) if source.is_boundary(place)), None)


def _after_cut(source: Source, start: int, end: int, size: int) -> int:
    """Where the window behind a cut at `end` starts: early, so long as whole characters beyond the cut fit in it."""
    early = _boundary_before(source, end - min(OVERLAP, size // 2), start)
    if early is None or _boundary_before(source, min(early + size, len(source)), end) is None:
        return end
    return early


def _sentence_ends(source: Source) -> list[int]:
    """Token positions where a sentence or paragraph ends."""
    positions = {bisect_left(source.starts, end) for end in _sentence_offsets(source.text)}
    return sorted(position for position in positions if source.is_boundary(position))


def _sentence_offsets(text: str) -> Iterator[int]:
    """Character offsets at which sentences and paragraphs end."""
    readable = SURROGATE.sub("\ufffd", text)
    for first, last in pairwise([0, *(match.end() for match in _PARAGRAPH.finditer(text)), len(text)]):
        while first < last:
            stop = min(last, first + _BLOCK)
            ends = [first + sentence.end_char for sentence in _sentencizer()(readable[first:stop]).sents]
            if stop < last:
                ends.pop()  # where the block ends, not the sentence
            yield from ends
            first = ends[-1] if ends and stop < last else stop
        yield last


@lru_cache(maxsize=1)
def _sentencizer() -> Any:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline
