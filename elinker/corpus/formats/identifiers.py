"""Entity ids as files state them, brought to one form; and as addresses, for formats that name entities by address."""

import re
from urllib.parse import quote, unquote

from elinker.errors import InputError

WIKIDATA = "http://www.wikidata.org/entity/"
OWN = "urn:elinker:entity:"
"""Before an id that is neither a QID nor an address; what follows is the id, percent-encoded."""

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
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


def entity_uri(identifier: str) -> str:
    """An id as an address that `entity_of` turns into the same id: of Wikidata for a QID, else itself or under `OWN`.

    Raises:
        InputError: the id has a lone surrogate.
    """
    if is_qid(identifier):
        return WIKIDATA + identifier
    if _ADDRESS.fullmatch(identifier) and entity_of(identifier) == identifier:
        return identifier
    return OWN + encoded(identifier)


def entity_name(identifier: str) -> str:
    """An id as it is, or under `OWN` where `entity_of` would make another one of it."""
    return identifier if entity_of(identifier) == identifier else OWN + encoded(identifier)


def entity_of(uri: str) -> str:
    """The id that an address stands for: what `entity_uri` made of it, else as `normalise_id` has it."""
    return unquote(uri.removeprefix(OWN)) if uri.startswith(OWN) else normalise_id(uri)


def encoded(text: str, safe: str = "") -> str:
    """A text percent-encoded as UTF-8.

    Raises:
        InputError: it has a lone surrogate.
    """
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        raise InputError(f"a lone surrogate \\u{ord(text[error.start]):04x} cannot be written as UTF-8") from None


def is_qid(identifier: str) -> bool:
    """Whether an id is a plain id of Wikidata, such as `Q42`."""
    return _QID.fullmatch(identifier) is not None


def title_of(name: str) -> str:
    """A page's name as its title: `Apple_Inc.` is `Apple Inc.`."""
    return " ".join(name.replace("_", " ").split())
