"""Entity ids as files state them, brought to one form, and files that give titles their Wikidata ids."""

import re
from urllib.parse import unquote

_QID = re.compile(r"Q[1-9][0-9]*")
_WIKIDATA = re.compile(r"(?:https?://(?:www\.|m\.)?wikidata\.org/(?:entity|wiki)/|wd:)(Q[1-9][0-9]*)")
_PAGE = re.compile(
    r"https?://(?:(?:[a-z-]+\.)?(?:m\.)?wikipedia\.org/wiki|(?:[a-z-]+\.)?dbpedia\.org/resource)/([^#]+).*"
)


def normalise_id(identifier: str) -> str:
    """A Wikidata URI as its QID, a Wikipedia or DBpedia URL as the page's title; anything else stays as it is.

    Titles are percent-decoded and have blanks for underscores. The language of a Wikipedia is not kept.
    """
    if found := _WIKIDATA.fullmatch(identifier):
        return found[1]
    if found := _PAGE.fullmatch(identifier):
        return title_of(unquote(found[1]))
    return identifier


def is_qid(identifier: str) -> bool:
    """Whether an id is a plain id of Wikidata, such as `Q42`."""
    return _QID.fullmatch(identifier) is not None


def title_of(name: str) -> str:
    """A page's name as its title: `Apple_Inc.` is `Apple Inc.`."""
    return " ".join(name.replace("_", " ").split())
