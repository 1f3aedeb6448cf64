"""A text as the model reads it: token ids with exact character offsets. Literal markup in it is ordinary text."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: Python's strings may hold it, tokenizers refuse it."""

_LONG_RUN = 3
"""Signs on end that are read as one; pairs (`--`, `''`) have a meaning of their own."""


@dataclass(frozen=True, slots=True)
class Source:
    """Token ids of a text; token `i` stands for `text[starts[i]:ends[i]]`.

    `starts` and `ends` never decrease. Characters that the tokenizer drops (white space, zero-width characters) lie
    between tokens; several tokens of one character (byte pieces) share its offsets; a token whose characters the
    tokenizer trims from its offsets (a space) stands for none. `types[i]` is 0, 1 (capitalised) or 2 (all capitals).
    """

    text: str
    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    types: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, start: int, end: int) -> "Source":
        """Tokens `start` to `end`; the text and its offsets stay whole."""
        return Source(
            self.text, self.ids[start:end], self.starts[start:end], self.ends[start:end], self.types[start:end]
        )

    def is_boundary(self, index: int) -> bool:
        """Whether tokens `index - 1` and `index` stand for different characters."""
        return index in (0, len(self)) or self.starts[index] >= self.ends[index - 1]

    def is_edge(self, index: int) -> bool:
        """Whether a mention may begin or end there: not inside a character, nor inside a word of letters with case.

        Scripts without case (Chinese, Thai, Arabic …) do not show where a word ends, so any character may be an edge.
        """
        if index in (0, len(self)):
            return True
        start = self.starts[index]
        before, after = self.text[start - 1 : start], self.text[start : start + 1]
        return self.is_boundary(index) and not (self.continues_word(index) and _cased(before) and _cased(after))

    def continues_word(self, index: int) -> bool:
        """Whether token `index` stands in the same word as the token before it, or in the same character."""
        return index > 0 and _continues(self.text, self.ends[index - 1], self.starts[index])

    def is_blank(self, index: int) -> bool:
        """Whether token `index` stands for white space only."""
        return not self.text[self.starts[index] : self.ends[index]].strip()

    def may_begin(self, index: int) -> bool:
        """Whether a mention may begin with token `index`: not with white space, nor with a long run of one sign.

        Such a run is a rule, a leader or a mask over words that may not be shown.
        """
        start = self.starts[index]
        run = self.text[start : start + _LONG_RUN]
        return not (self.is_blank(index) or (run == run[:1] * _LONG_RUN and _is_sign(run[0])))

    def visible_start(self, index: int) -> int:
        """The first character of token `index` that is no white space."""
        piece = self.text[self.starts[index] : self.ends[index]]
        return self.starts[index] + len(piece) - len(piece.lstrip())

    @property
    def extent(self) -> tuple[int, int]:
        """Characters of the text that the tokens stand for: all of it, but for a slice what its tokens cover.

        A slice that begins after something else begins without the space between the two.
        """
        if not len(self):
            return 0, 0
        start = self.visible_start(0) if self.starts[0] else 0
        return min(start, self.ends[-1]), self.ends[-1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Characters of tokens `start` to `end`, without white space at either side.

        Combining marks behind the last character belong to it, although normalising tokenizers leave them uncovered.
        """
        first, last = self.starts[start], self.ends[end - 1]
        limit = self.starts[end] if end < len(self) else len(self.text)
        while last < limit and unicodedata.category(self.text[last])[0] == "M":
            last += 1
        piece = self.text[first:last]
        return first + len(piece) - len(piece.lstrip()), first + len(piece.rstrip())

    def tokens_of(self, start: int, end: int) -> tuple[int, int] | None:
        """The smallest range of tokens that covers the characters `start` to `end`; None where none covers any."""
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        if first >= last or start >= end:
            return None
        while not self.is_boundary(first):
            first -= 1
        while not self.is_boundary(last):
            last += 1
        return first, last


def read_source(text: str, tokenizer: Any, reserved: Collection[int], *, runs_as_one: bool = False) -> Source:
    """Tokenise `text` without special tokens; no id of `reserved` occurs, whatever the text spells.

    Lone surrogates, which no tokenizer takes, are read as U+FFFD; offsets count the original text. With `runs_as_one` a
    punctuation mark or symbol that comes three times or more on end (`*****`, `...`) is one token over all of them.
    """
    pieces = read_pieces(SURROGATE.sub("\ufffd", text), tokenizer, reserved)
    if runs_as_one:
        pieces = [*_without_runs(pieces, text)]
    ids, starts, ends = (tuple(column) for column in zip(*pieces, strict=True)) if pieces else ((), (), ())
    return Source(text, ids, starts, ends, _case_types(text, starts, ends))


def read_pieces(
    text: str, tokenizer: Any, reserved: Collection[int], *, before: str = "", after: str = ""
) -> list[tuple[int, int, int]]:
    """Ids and character offsets of a text that stands between markup, all read as one.

    In the markup, ids of `reserved` are what they are. A stretch of the text that the tokenizer takes for one of them
    is cut after its first character and read again, by itself. The offsets count from the start of `before`.
    """
    whole = before + text + after
    if not whole:
        return []
    low, high = len(before), len(before) + len(text)
    encoding = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pieces: list[tuple[int, int, int]] = []
    for token_id, (start, end) in zip(encoding["input_ids"], encoding["offset_mapping"], strict=True):
        if token_id not in reserved or end <= low or start >= high:
            pieces.append((token_id, start, end))
        elif end - start < 2:
            if tokenizer.unk_token_id is not None:
                pieces.append((tokenizer.unk_token_id, start, end))
        else:
            for first, last in ((start, start + 1), (start + 1, end)):
                inner = read_pieces(whole[first:last], tokenizer, reserved)
                pieces.extend((token, first + begin, first + stop) for token, begin, stop in inner)
    return pieces


def _without_runs(pieces: Sequence[tuple[int, int, int]], text: str) -> Iterator[tuple[int, int, int]]:
    """The pieces, but one for each long run of those that stand for one and the same sign without a gap."""

    def run_of(numbered: tuple[int, tuple[int, int, int]]) -> tuple[int, int, str] | int:
        number, (token, start, end) = numbered
        sign = text[start:end]
        return (token, start - number, sign) if end - start == 1 and _is_sign(sign) else number

    for _, group in groupby(enumerate(pieces), key=run_of):
        run = [piece for _, piece in group]
        if len(run) < _LONG_RUN:
            yield from run
        else:
            yield run[0][0], run[0][1], run[-1][2]


def _is_sign(character: str) -> bool:
    """Whether a character is a punctuation mark or a symbol."""
    return unicodedata.category(character)[0] in "PS"


def _case_types(text: str, starts: Sequence[int], ends: Sequence[int]) -> tuple[int, ...]:
    types: list[int] = []
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if index and _continues(text, ends[index - 1], start):
            types.append(types[-1])  # a word's later pieces carry its first piece's class
            continue
        word_end = end
        while word_end < len(text) and text[word_end].isalnum() and text[word_end - 1].isalnum():
            word_end += 1
        word = text[start:word_end].lstrip()
        types.append(0 if not word[:1].isupper() else 2 if len(word) > 1 and word.isupper() else 1)
    return tuple(types)


def _continues(text: str, before: int, start: int) -> bool:
    """Whether a token that starts at `start` goes on in the word of the token that ends at `before`."""
    return start < before or (
        start == before and text[start - 1 : start].isalnum() and text[start : start + 1].isalnum()
    )


def _cased(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()
