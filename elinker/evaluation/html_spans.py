"""A text with marked spans as HTML: everything that was text stays text, and spans may nest or overlap."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

_CONTROL = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
"""Control characters have no look, and NUL is not allowed in HTML: their Unicode pictures stand for them."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A span to show: its CSS classes and categories, the label behind it and what pointing at it tells."""

    start: int
    end: int
    classes: tuple[str, ...]
    label: str
    title: str


def shown(text: str) -> str:
    """A text as HTML text or attribute value; what a page cannot hold is shown by a stand-in."""
    return escape(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).translate(_CONTROL))


def marked_text(text: str, spans: Sequence[Marked]) -> str:
    """The text with its spans as `<mark>` elements, in pieces where they overlap; a label stands behind each span."""
    cuts = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    return "".join(_piece(text, start, end, spans) for start, end in pairwise(cuts))


def _piece(text: str, start: int, end: int, spans: Sequence[Marked]) -> str:
    inside = _outermost_first(span for span in spans if span.start <= start and end <= span.end)
    if not inside:
        return shown(text[start:end])
    html = shown(text[start:end])
    for span in reversed(inside):
        label = f"<small>{shown(span.label)}</small>" if span.end == end else ""
        classes = " ".join(span.classes)
        html = f'<mark class="{shown(classes)}" title="{shown(span.title)}">{html}{label}</mark>'
    return html


def _outermost_first(spans: Iterator[Marked]) -> list[Marked]:
    return sorted(spans, key=lambda span: (span.start, -span.end))
