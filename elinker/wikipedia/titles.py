"""What the first pass over a dump learns: which titles are articles, where redirects lead, what disambiguates."""

import re
from collections.abc import Iterable, Iterator

from elinker.corpus.formats.identifiers import title_of
from elinker.wikipedia.dump import Page

DISAMBIGUATION_TEMPLATES = (
    "disambiguation", "disambig", "disamb", "dab", "hndis", "geodis", "human name disambiguation",
    "place name disambiguation", "letter–number combination disambiguation", "begriffsklärung", "homonymie",
    "desambiguación", "desambiguação", "disambigua", "dp", "ujednoznacznienie", "неоднозначность", "förgrening",
)  # fmt: skip
"""Names, in lower case, of templates that mark a disambiguation page on large Wikipedias."""

_MAX_REDIRECTS = 5


class TitleTable:
    """Articles by title with their page ids, and redirects with their targets, all in memory.

    An article takes 140 bytes, a redirect 180 and its entry in `aliases` 100 (measured, titles of 20 characters).
    """

    def __init__(self, disambiguation_templates: Iterable[str] = DISAMBIGUATION_TEMPLATES) -> None:
        self.pages: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.disambiguations = 0
        names = "|".join(re.escape(name).replace(r"\ ", "[ _]") for name in disambiguation_templates)
        self._disambiguates = re.compile(rf"\{{\{{\s*(?:{names})\s*(?:\||\}}\}})|__DISAMBIG__", re.IGNORECASE)

    def add(self, page: Page, *, disambiguates: bool = False) -> None:
        """Take a page of the first pass; only articles and redirects between them are kept."""
        if page.namespace != 0 or not page.title:
            return
        if page.redirect is not None:
            self.redirects[page.title] = page.redirect
        elif disambiguates or self._disambiguates.search(page.text):
            self.disambiguations += 1
        else:
            self.pages[page.title] = page.id

    def resolve(self, link: str) -> str | None:
        """The title of the article that a link's target leads to; None where there is none in the dump."""
        title = canonical(link)
        for _ in range(_MAX_REDIRECTS):
            if title in self.pages:
                return title
            target = self.redirects.get(title)
            if target is None:
                return None
            title = canonical(target)
        return None

    def aliases(self) -> dict[str, list[str]]:
        """The titles of redirects by the article that they lead to; a redirect to a section is none."""
        found: dict[str, list[str]] = {}
        for source, target in self.redirects.items():
            title = None if "#" in target else self.resolve(target)
            if title is not None:
                found.setdefault(title, []).append(source)
        return found

    def names(self) -> Iterator[tuple[str, str]]:
        """Every title and the title of its article."""
        for title in self.pages:
            yield title, title
        for source in self.redirects:
            target = self.resolve(source)
            if target is not None:
                yield source, target


def canonical(link: str) -> str:
    """A link's target as the title of a page: no section, blanks for underscores, the first letter a capital."""
    title = title_of(link.partition("#")[0])
    return title[:1].upper() + title[1:]
