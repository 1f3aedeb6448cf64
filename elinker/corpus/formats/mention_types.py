"""Types of mentions, which lie in a document's meta, kept beside their mentions when these are sorted or fewer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from elinker.schema import Document, Mention

MENTION_TYPES = "mention_types"
"""Key of `meta`: for each mention, in order, the list of its entity's types as they are named in the file."""
ENTITY = "ENTITY"
"""What formats that want a type get for a mention without one."""


def typed_mentions(document: Document) -> Iterator[tuple[Mention, str]]:
    """Each mention with its first type, `ENTITY` where it has none."""
    types = _stated(document.meta, len(document.mentions))
    for index, mention in enumerate(document.mentions):
        yield mention, ENTITY if types is None or not types[index] else types[index][0]


def with_types(meta: Mapping[str, Any], types: Sequence[str]) -> dict[str, Any]:
    """The meta of a document whose mentions have these types in their file; longer lists with the same firsts stay."""
    kept = {name: value for name, value in meta.items() if name != MENTION_TYPES}
    stated = _stated(meta, len(types))
    if stated is not None and [each[0] if each else ENTITY for each in stated] == list(types):
        return dict(meta)
    if any(one != ENTITY for one in types):
        kept[MENTION_TYPES] = [[] if one == ENTITY else [one] for one in types]
    return kept


def sorted_mentions(document: Document) -> Document:
    """The document with its mentions in order of `start`, of those that start together the longest first."""
    return _chosen(document, _order(document))


def outermost(document: Document) -> Document:
    """`sorted_mentions` without those that overlap an earlier one, for formats whose spans cannot."""
    chosen = []
    end = 0
    for index in _order(document):
        if document.mentions[index].start >= end:
            chosen.append(index)
            end = document.mentions[index].end
    return _chosen(document, chosen)


def _order(document: Document) -> list[int]:
    mentions = document.mentions
    return sorted(range(len(mentions)), key=lambda index: (mentions[index].start, -mentions[index].end))


def _chosen(document: Document, indices: Sequence[int]) -> Document:
    if list(indices) == list(range(len(document.mentions))):
        return document
    types = _stated(document.meta, len(document.mentions))
    meta = document.meta
    if types is not None:
        meta = {**meta, MENTION_TYPES: [types[index] for index in indices]}
    return replace(document, mentions=tuple(document.mentions[index] for index in indices), meta=meta)


def _stated(meta: Mapping[str, Any], count: int) -> list[list[str]] | None:
    """The types that meta states, None where what stands there is not a list of strings for every mention."""
    value = meta.get(MENTION_TYPES)
    if not isinstance(value, list) or len(value) != count:
        return None
    right = all(isinstance(each, list) and all(isinstance(one, str) and one for one in each) for each in value)
    return value if right else None
