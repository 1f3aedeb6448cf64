"""Running wikitext as plain paragraphs, each link with where its words stand in the text and the page it leads to."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from elinker.wikipedia.markup import running_text

# Links travel through the clean-up as OPEN number MIDDLE words CLOSE; XML text cannot hold these characters.
_OPEN, _MIDDLE, _CLOSE = "\x01", "\x02", "\x03"
_LINK = re.compile("\x01([0-9]+)\x02([^\x01-\x03]*)\x03")
_TRAIL = re.compile("\x03([^\\W\\d_]+)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_QUOTES = re.compile(r"'{2,}")
_SWITCH = re.compile(r"__[A-Z]{3,}__|~{3,5}")
_HEADING = re.compile(r"(={1,6})(.+?)\1\s*")
_NO_PROSE = ("*", "#", ":", ";", "|", "!", "{|")
_UNCLOSED = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}")
_EMPTY_BRACKETS = re.compile(r"\s?[(\[][\s,;:/–-]*[)\]]")
_AFTER_BRACKET = re.compile(r"(?<=\()[\s,;]+")
_BEFORE_STOP = re.compile(r"[^\S\n]+(?=[,.;:!?)](?:\s|$))")
_SPACES = re.compile(r"\s+")

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*")
_SISTERS = frozenset(
    (
        "b", "c", "commons", "d", "doi", "foundation", "hdl", "incubator", "m", "meta", "mw", "n", "oeis", "phab", "q",
        "s", "species", "v", "voy", "w", "wikt", "wiktionary",
    )
)  # fmt: skip
_FILE, _CATEGORY = 6, 14


@dataclass(frozen=True, slots=True)
class Link:
    """Words of a paragraph, from `start` to `end`, and the target of their link as the wikitext has it."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text on one line, and its links in order; `section` is the nearest heading, empty before the first."""

    text: str
    section: str
    links: tuple[Link, ...]


def paragraphs(wikitext: str, namespaces: Mapping[int, str]) -> list[Paragraph]:
    """The paragraphs of a page.

    Lists, indented lines and what lies in tables, templates, references and captions are left out, and so is a
    paragraph with braces or brackets that do not pair. Lines that only one line break parts are one paragraph.

    Raises:
        InputError: the markup is nested too deeply.
    """
    links = _Links(namespaces)
    text = _TRAIL.sub(_take_in, running_text(_CONTROL.sub("", wikitext), links.show))
    text = _SWITCH.sub("", _QUOTES.sub(_apostrophes, text))
    return [paragraph for section, block in _blocks(text) if (paragraph := _paragraph(section, block, links.targets))]


class _Links:
    """What stands for the links of a page; `targets` are those of the links to articles, by their number."""

    def __init__(self, namespaces: Mapping[int, str]) -> None:
        self.targets: list[str] = []
        self._others = {name.lower() for number, name in namespaces.items() if number != 0}
        self._others |= {"wikipedia", "wp", "help", "template", "user", "talk", "portal", "special", "draft", "module"}
        names = {_FILE: {"file", "image", "media"}, _CATEGORY: {"category"}}
        self._hidden = {name for each in names.values() for name in each}
        self._hidden |= {namespaces.get(number, "").lower() for number in names} - {""}

    def show(self, link: str, shown: str | None) -> str:
        """The words of a link, marked where it leads to an article; nothing for one that shows no words."""
        target = html.unescape(link).strip()
        if self._is_hidden(target):
            return ""
        own = link.removeprefix(":") if shown is None else _QUOTES.sub(_apostrophes, shown)
        words = _SPACES.sub(" ", own).strip() or target.removeprefix(":")
        if _OPEN in words or not self._is_article(target.partition("#")[0]):
            return words
        self.targets.append(target)
        return f"{_OPEN}{len(self.targets) - 1}{_MIDDLE}{words}{_CLOSE}"

    def _is_hidden(self, target: str) -> bool:
        """Whether a link shows no words: a file, a category, the same page in another language."""
        prefix, colon, rest = target.partition(":")
        if not colon or rest.startswith(" "):
            return False
        return prefix.strip().lower().replace("_", " ") in self._hidden or (
            _LANGUAGE.fullmatch(prefix) is not None and prefix not in _SISTERS
        )

    def _is_article(self, target: str) -> bool:
        """Whether a link that shows words leads to an article of this wiki."""
        prefix, colon, _ = target.partition(":")
        name = prefix.strip().lower().replace("_", " ")
        return bool(prefix) and not (colon and (name in self._others or name in self._hidden or prefix in _SISTERS))


def _take_in(match: re.Match[str]) -> str:
    """Small letters right behind a link belong to its words, as in `[[bus]]es`."""
    letters = match[1]
    taken = next((index for index, letter in enumerate(letters) if not letter.islower()), len(letters))
    return f"{letters[:taken]}{_CLOSE}{letters[taken:]}"


def _apostrophes(match: re.Match[str]) -> str:
    """What is left of a run of apostrophes without italics (2), bold (3) and both (5)."""
    count = len(match[0])
    return "'" if count == 4 else "'" * max(0, count - 5)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Section and text of each run of lines of prose."""
    section = ""
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        stripped = line.strip()
        heading = _HEADING.fullmatch(stripped)
        if stripped and not heading and not stripped.startswith(_NO_PROSE) and not line.startswith(" "):
            lines.append(stripped)
            continue
        if lines:
            yield section, " ".join(lines)
            lines = []
        if heading:
            section = _SPACES.sub(" ", html.unescape(_LINK.sub(r"\2", heading[2]))).strip()


def _paragraph(section: str, block: str, targets: list[str]) -> Paragraph | None:
    if _UNCLOSED.search(block):
        return None
    block = _AFTER_BRACKET.sub("", _EMPTY_BRACKETS.sub("", block))
    block = _BEFORE_STOP.sub("", block).strip()
    text = _Text()
    links = []
    for index, part in enumerate(_LINK.split(block)):
        if index % 3 == 0:
            text.add(part)
        elif index % 3 == 1:
            target = targets[int(part)]
        else:
            start, end = text.add_word(part)
            if start < end:
                links.append(Link(start, end, target))
    joined = str(text)
    return Paragraph(joined, section, tuple(links)) if joined else None


class _Text:
    """Pieces joined with single blanks for all whitespace, character references replaced."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def add(self, piece: str) -> None:
        """Append running text."""
        plain = _plain(piece)
        if plain.startswith(" ") and (not self._parts or self._parts[-1].endswith(" ")):
            plain = plain[1:]
        if plain:
            self._parts.append(plain)
            self._length += len(plain)

    def add_word(self, piece: str) -> tuple[int, int]:
        """Append words without blanks at their ends and return their start and end."""
        plain = _plain(piece).strip()
        start = self._length
        if plain:
            self._parts.append(plain)
            self._length += len(plain)
        return start, self._length

    def __str__(self) -> str:
        return "".join(self._parts).rstrip()


def _plain(piece: str) -> str:
    return _SPACES.sub(" ", _CONTROL.sub("", html.unescape(piece)))
