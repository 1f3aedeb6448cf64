"""Sentences of a text as spans: what a passage is split by, and what each of its vectors stands for. A rule, no model.

A sentence ends at `.`, `!`, `?` or their like before white space, with the quotes and brackets that close behind it, at
an empty line, and at the end. A full stop behind an initial, a title (`Dr.`) or another common abbreviation ends none,
nor does one before a lower-case letter. Training data for sentence vectors is to be split by the same rule.
"""

import re

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|[。！？]+[」』”）]*|\n\s*\n")
_SHORT = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[^\W\d_]|Dr|Mr|Mrs|Ms|St|Jr|Sr|Prof|Rev|Gen|Col|Lt|Sgt|Capt|Hon|Mt|Ft|No|vs|etc|ca|approx|Inc"
    r"|Ltd|Co|Corp|e\.g|i\.e|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|(?:[^\W\d_]\.)+[^\W\d_])$"
)
_BEFORE = 12


def split_sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as (start, end): in order, not overlapping, without white space at either side.

    Together they hold every character of the text that is no white space.
    """
    sentences: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match[0].startswith(".") and _goes_on(text, match):
            continue
        _add(sentences, text, start, match.end())
        start = match.end()
    _add(sentences, text, start, len(text))
    return sentences


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence goes on behind this full stop."""
    following = text[match.end() : match.end() + _BEFORE].lstrip()
    before = text[max(0, match.start() - _BEFORE) : match.start()]
    return following[:1].islower() or (match[0] == "." and bool(_SHORT.search(before)))


def _add(sentences: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    first, last = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
    if first < last:
        sentences.append((first, last))
