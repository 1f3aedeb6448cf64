"""Offsets in UTF-16 code units, as Java and JavaScript count, and the characters of a text that they stand for."""

from bisect import bisect_left
from functools import cached_property


class CodeUnits:
    """A text's offsets in characters and in code units, of which characters beyond U+FFFF have two."""

    def __init__(self, text: str) -> None:
        self._text = text

    def units(self, character: int) -> int:
        """How many code units stand before a character."""
        return character + bisect_left(self._wide, character)

    def characters(self, start: int, end: int) -> tuple[int, int] | None:
        """The characters that a span in code units stands for, None where it is none or cuts one in two."""
        span = self._character(start), self._character(end)
        inside = 0 <= span[0] < span[1] <= len(self._text)
        return span if inside and (self.units(span[0]), self.units(span[1])) == (start, end) else None

    def _character(self, unit: int) -> int:
        """The character at a code unit; meaningless for one within a character."""
        return unit - bisect_left(self._wide_units, unit)

    @cached_property
    def _wide(self) -> list[int]:
        return [index for index, character in enumerate(self._text) if character > "\uffff"]

    @cached_property
    def _wide_units(self) -> list[int]:
        return [index + before for before, index in enumerate(self._wide)]
