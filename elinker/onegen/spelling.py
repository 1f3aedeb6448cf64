"""How a copy with markers of plain text is spelt in token ids: as the tokenizer reads the marked text. No tensors.

A copy falls into runs. A run begins at the text's start, behind each marker, and at each space before a word, over
which no token of a usual vocabulary reaches. So each is read by itself, with no more before it than the marker behind
which it begins. `elinker.onegen.rewriting` walks through the runs.
"""

from bisect import bisect_right
from collections.abc import Collection
from enum import Enum
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import Any

from elinker.onegen.settings import LinkingSettings
from elinker.onegen.source import SURROGATE, Source, read_pieces

_SHORT = 40
"""Characters of a text that is worth remembering: a word and what clings to it."""


class Border(Enum):
    """What a run begins behind, or ends before."""

    START = "start"
    SPACE = "space"
    OPEN = "open"
    CLOSE = "close"


class Reader:
    """Spells stretches of marked texts. It remembers them: the same words and markers come again and again.

    Args:
        linking: settings with markers that are plain text.
        tokenizer: a fast tokenizer.
        reserved: ids that no text may spell.
    """

    def __init__(self, linking: LinkingSettings, tokenizer: Any, reserved: Collection[int]) -> None:
        def read(text: str, before: str, after: str) -> tuple[tuple[int, int, int], ...]:
            return tuple(read_pieces(text, tokenizer, reserved, before=before, after=after))

        self._read = read
        self._remembered = lru_cache(maxsize=1 << 14)(read)
        query = linking.query + linking.forced
        marker = read("", "", linking.open)
        # The opening marker is cut between two of its inner tokens, on which no text before or behind has a bearing.
        half = max(1, len(marker) // 2)
        cut = marker[half][1] if len(marker) > 1 else len(linking.open)
        opening = tuple(token for token, _, _ in marker)
        closing = tuple(token for token, _, _ in read("", "", linking.close))
        self.after_close = tuple(token for token, _, _ in read("", query, ""))
        self._before = {
            Border.START: (linking.begin, 0, ()),
            Border.SPACE: ("", 0, ()),
            Border.OPEN: (linking.open, cut, opening[half:]),
            Border.CLOSE: (query, len(query), ()),
        }
        self._after = {
            None: ("", 0, ()),
            Border.OPEN: (linking.open, cut, opening[:half]),
            Border.CLOSE: (linking.close, len(linking.close), closing),
        }

    def spell(self, before: Border, text: str, after: Border | None = None) -> tuple[int, ...]:
        """Ids of a text between what it begins behind and the marker that ends it, if one does.

        Of an opening marker the first half belongs to what is before it, the second to what is behind.
        """
        left, first, left_ids = self._before[before]
        right, cut, right_ids = self._after[after]
        last = len(left) + len(text) + cut
        read = self._remembered if len(text) <= _SHORT else self._read
        pieces = read(text, left, right)
        if any(start < place < end for _, start, end in pieces for place in (first, last)):
            return (*left_ids, *(token for token, _, _ in self._read(text, "", "")), *right_ids)
        return tuple(token for token, start, end in pieces if start >= first and end <= last)


class Run:
    """A stretch of a copy, from a border to the next space before a word or the text's end, and its markings.

    Args:
        spelling: the source's.
        before: what it begins behind.
        start: token of the source that it begins with.
        inside: whether a mention is open in it.

    `ids` spell it with nothing more marked; `end` is the token of the source behind it.
    """

    def __init__(self, spelling: "Spelling", before: Border, start: int, *, inside: bool) -> None:
        self.spelling = spelling
        self.before = before
        self.start = start
        self.end = spelling.next_space(start)
        self.inside = inside
        self.ids = spelling.spell(before, start, spelling.source.ends[self.end - 1] if self.end > start else None)
        self._length_with: dict[int, int] = {}

    def certain(self, position: int) -> int:
        """How many of `ids` are written before the next choice from `position` on."""
        return min((place for mark, (place, _) in self._marks.items() if mark >= position), default=len(self.ids))

    def marked(self, position: int) -> tuple[int, ...]:
        """The run up to a marker at `position`: all of one that closes, the first half of one that opens."""
        source = self.spelling.source
        if self.inside:
            return self.spelling.spell(self.before, self.start, source.ends[position - 1], Border.CLOSE)
        return self.spelling.spell(self.before, self.start, source.visible_start(position), Border.OPEN)

    def choice(self, position: int) -> tuple[tuple[int, ...], int]:
        """Ids that lead to no marker at `position`, and the one that leads to it, all after `certain(position)` ids.

        Where later markers are told apart at the same token, theirs are among the first.
        """
        place, marked = self._marks[position]
        ids = [*self._onward[place : place + 1]]
        ids += [other[place] for mark, (same, other) in self._marks.items() if mark > position and same == place]
        if position == self.end:
            ids += [other[0] for same, other in self._next._marks.values() if same == 0] if self._next else []
        return tuple(dict.fromkeys(ids)) or marked[place : place + 1], marked[place]

    def length(self, position: int) -> int:
        """Ids from the run's start to the end of the copy with a marker at `position`, and nothing opened behind it."""
        if position not in self._length_with:
            marked = len(self.marked(position))
            if self.inside:
                marked += len(self.spelling.after_close)
                behind = self.spelling.behind_close(position)
            else:
                behind = self.spelling.behind_open(position)
            self._length_with[position] = marked + self.spelling.length(behind)
        return self._length_with[position]

    @cached_property
    def _marks(self) -> dict[int, tuple[int, tuple[int, ...]]]:
        """For each place that may have a marker: how many ids are written before the choice, and the ids with it."""
        source, found = self.spelling.source, {}
        marks = range(self.start + 1, self.end + 1) if self.inside else range(self.start, self.end)
        place = len(self.ids)
        for mark in reversed(marks):
            if not source.is_edge(mark) or not (self.inside or source.may_begin(mark)):
                continue
            ids = self.marked(mark)
            if self.inside:
                ids += self.spelling.after_close
            elif self._onward[: len(ids)] == ids:
                ids += self.spelling.behind_open(mark).ids
            place = min(place, _common(self._onward, ids))
            found[mark] = place, ids
        return dict(reversed(found.items()))

    @cached_property
    def _onward(self) -> tuple[int, ...]:
        """`ids` and the one that comes next where nothing more is marked."""
        following = self._next.ids[:1] if self._next is not None else () if self.inside else self.spelling.end[:1]
        return self.ids + following

    @cached_property
    def _next(self) -> "Run | None":
        return self.spelling.space(self.end, inside=self.inside) if self.end < len(self.spelling.source) else None


class Spelling:
    """The runs of a source's copy, made when they are asked for and kept.

    Args:
        source: the text.
        reader: spells stretches of it.
        end: ids that close the copy.
    """

    def __init__(self, source: Source, reader: Reader, end: tuple[int, ...]) -> None:
        self.source = source
        self.after_close = reader.after_close
        self.end = end
        self._reader = reader
        self._spaces = [index for index in range(1, len(source)) if self._at_space(index)]
        self._runs: dict[tuple[Border, int, bool], Run] = {}

    def start(self) -> Run:
        """The first run."""
        return self._run(Border.START, 0, inside=False)

    def space(self, position: int, *, inside: bool) -> Run:
        """The run that begins at the space before token `position`."""
        return self._run(Border.SPACE, position, inside=inside)

    def behind_open(self, position: int) -> Run:
        """The run behind a marker that opens a mention before token `position`."""
        return self._run(Border.OPEN, position, inside=True)

    def behind_close(self, position: int) -> Run:
        """The run behind a mention closed before token `position`."""
        return self._run(Border.CLOSE, position, inside=False)

    def next_space(self, position: int) -> int:
        """The token behind `position` at which the next run begins; the number of tokens where none does."""
        place = bisect_right(self._spaces, position)
        return self._spaces[place] if place < len(self._spaces) else len(self.source)

    def spell(self, before: Border, start: int, stop: int | None, after: Border | None = None) -> tuple[int, ...]:
        """Ids from a border at token `start` up to the character `stop` and a marker there; None stops at once."""
        first = self._first_character(before, start)
        text = self.source.text[first : first if stop is None else stop]
        return self._reader.spell(before, SURROGATE.sub("\ufffd", text), after)

    def length(self, run: Run) -> int:
        """Ids from the start of `run` to the end of the copy; no mention opens, an open one closes at the end."""
        if run.end < len(self.source):
            return len(run.ids) + self._lengths[run.inside][run.end]
        written = len(run.marked(run.end)) + len(self.after_close) if run.inside else len(run.ids)
        return written + len(self.end)

    @cached_property
    def _lengths(self) -> tuple[dict[int, int], dict[int, int]]:
        """`length` of the run at each space, outside and inside of a mention."""
        found: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.__dict__["_lengths"] = found  # the run before a space needs the one behind it
        for position in reversed(self._spaces):
            for inside in (False, True):
                found[inside][position] = self.length(self.space(position, inside=inside))
        return found

    def _run(self, before: Border, start: int, *, inside: bool) -> Run:
        key = before, start, inside
        if key not in self._runs:
            self._runs[key] = Run(self, before, start, inside=inside)
        return self._runs[key]

    def _at_space(self, index: int) -> bool:
        """Whether token `index` begins with the space behind a word, or such a space was dropped before it."""
        text, end = self.source.text, self.source.ends[index - 1]
        return self.source.is_boundary(index) and text[end : end + 1] == " " and text[end - 1 : end] != " "

    def _first_character(self, before: Border, start: int) -> int:
        if before is Border.START:
            return self.source.extent[0]
        return self.source.visible_start(start) if before is Border.OPEN else self.source.ends[start - 1]


def _common(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
