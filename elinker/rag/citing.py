"""What an answer rests on: from `[[n]]` in its text, or derived from the passages that were read.

A citation names a passage and characters of it, which are always words of that passage:

1. `[[n]]` in the answer cites the n-th passage that was read, counting one that was read twice twice. A number that no
   passage has cites nothing.
2. An answer without such marks cites every passage that contains its words, in the order in which they were read.
3. Where none does ("yes"), it cites the first passage of the last hop.

Words are compared without regard to case, accents and spaces. Of a passage that does not contain the answer, the
sentence whose vector was found is cited, or the whole passage.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from elinker.rag.answer import Citation, Passage, Retrieved, Step

_MARK = re.compile(r"\[\s*\[\s*(\d{1,4})\s*\]\s*\]")
_MARKS_BEHIND = re.compile(r"(?:\s*\[\s*\[\s*\d{1,4}\s*\]\s*\])+\s*$")
_WORD = re.compile(r"\w+|[^\w\s]")


def numbered(text: str) -> str:
    """The text with its citation marks written `[[n]]`, whatever spaces a tokenizer put into them."""
    return _MARK.sub(r"[[\1]]", text)


def cite(text: str, steps: Sequence[Step]) -> tuple[Citation, ...]:
    """The citations of an answer, by the rules of this module."""
    found = [retrieved for step in steps for retrieved in step.passages]
    words = _MARK.sub(" ", text).strip()
    numbers = dict.fromkeys(int(number) for number in _MARK.findall(text))
    if numbers:
        return tuple(_citation(number, found[number - 1], words) for number in numbers if 0 < number <= len(found))
    once = {retrieved.passage.id: retrieved for retrieved in reversed(found)}.values()
    containing = [retrieved for retrieved in reversed(once) if find_words(words, retrieved.passage.text)]
    last = [step.passages[0] for step in steps[-1:] if step.passages]
    return tuple(_citation(number, retrieved, words) for number, retrieved in enumerate(containing or last, 1))


def entities_of(citations: Sequence[Citation]) -> tuple[str, ...]:
    """The entities of the cited passages, in order, each once."""
    return tuple(dict.fromkeys(entity for citation in citations for entity in citation.passage.entities))


def find_words(needle: str, text: str) -> tuple[int, int] | None:
    """Where a text holds the words of another, as characters of the text; None where it does not.

    Case, accents and spaces do not count, and words are whole. Of several places the first that agrees to the letter
    is taken, or the first.
    """
    wanted = [word for word, _, _ in _words(needle)]
    if not wanted:
        return None
    words = list(_words(text))
    forms = [word for word, _, _ in words]
    places: list[tuple[int, int]] = []
    for first in range(len(words) - len(wanted) + 1):
        if forms[first : first + len(wanted)] == wanted:
            places.append((words[first][1], words[first + len(wanted) - 1][2]))
    exact = (place for place in places if text[place[0] : place[1]] == needle.strip())
    return next(exact, places[0] if places else None)


def spelt(text: str, sources: Sequence[str]) -> str:
    """The text as a source spells it, which a lower-casing tokenizer does not know; itself where none holds it.

    Marks of citations at its end stay.
    """
    words = _MARKS_BEHIND.sub("", text)
    marks = "".join(f" [[{number}]]" for number in _MARK.findall(text[len(words) :]))
    for source in sources:
        if place := find_words(words, source):
            return source[place[0] : place[1]] + marks
    return words + marks


def read_passages(steps: Sequence[Step]) -> list[Passage]:
    """The passages that were read, in order: `[[1]]` is the first."""
    return [retrieved.passage for step in steps for retrieved in step.passages]


def _citation(number: int, retrieved: Retrieved, words: str) -> Citation:
    passage = retrieved.passage
    start, end = find_words(words, passage.text) or retrieved.sentence or (0, len(passage.text))
    return Citation(number, passage, start, end)


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        decomposed = unicodedata.normalize("NFKD", match[0].casefold())
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
        yield plain or match[0], match.start(), match.end()
