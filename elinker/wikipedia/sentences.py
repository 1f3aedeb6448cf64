"""The first sentence of an article, which serves as its entity's description. A rule, not a sentence splitter."""

import re

LONGEST = 300
"""Characters of a description; a longer sentence is cut at a blank."""

_STOP = re.compile(r"[.!?。](?=\s|$)|[。！？]")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:[A-ZÀ-Þ]|Dr|Mr|Mrs|Ms|St|Jr|Sr|Prof|Rev|Gen|Col|Lt|Sgt|Capt|Hon|Mt|Ft|No|vs|etc|ca|c|b|d|r|fl"
    r"|approx|Inc|Ltd|Co|Corp|e\.g|i\.e|lit|pron|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|(?:[A-Z]\.)+[A-Z])$"
)


def first_sentence(text: str) -> str:
    """The text up to its first full stop that ends no abbreviation and stands in no brackets."""
    for match in _STOP.finditer(text[: 4 * LONGEST]):
        before = text[: match.start()]
        if before.count("(") > before.count(")"):
            continue
        following = text[match.end() :].lstrip()
        if match[0] == "." and (_ABBREVIATED.search(before[-12:]) or following[:1].islower()):
            continue
        return _cut(text[: match.end()])
    return _cut(text)


def _cut(sentence: str) -> str:
    if len(sentence) <= LONGEST:
        return sentence
    return sentence[: LONGEST - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
