"""Files that say which id a page's title has, and labelled texts with their titles replaced by such ids."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from elinker.corpus.formats.identifiers import is_qid, normalise_id, title_of
from elinker.errors import InputError
from elinker.labelled.elevant import ALTERNATIVES
from elinker.labelled.source import at, json_objects, lines, raise_error
from elinker.schema import Document, Mention


def read_titles(path: Path) -> dict[str, str]:
    """Ids by title, from a TSV (`title<TAB>id`) or, named `.jsonl`, from objects with `title` and `id`.

    The table is held in memory, some 200 bytes a title.

    Raises:
        InputError: the file cannot be read or a line is broken; file and line are named.
    """
    rows = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _rows(path)
    try:
        return {title_of(title): normalise_id(identifier) for title, identifier in rows}
    except OSError as error:
        raise at(path, None, InputError(error.strerror or str(error))) from None


def map_document(document: Document, ids: Mapping[str, str]) -> Document:
    """The document with every id that is a title of `ids` replaced, also in `meta["alternatives"]`.

    An id that is no title there stays. Titles match with their first letter in either case, as on Wikipedia.
    """
    mentions = tuple(_mapped(mention, ids) for mention in document.mentions)
    meta = document.meta
    if isinstance(meta.get(ALTERNATIVES), list):
        others = [
            {**one, "entity_id": map_id(one["entity_id"], ids)}
            if isinstance(one, dict) and isinstance(one.get("entity_id"), str)
            else one
            for one in meta[ALTERNATIVES]
        ]
        meta = {**meta, ALTERNATIVES: others}
    return replace(document, mentions=mentions, meta=meta)


def map_id(identifier: str, ids: Mapping[str, str]) -> str:
    """The id of a title, or what was given where `ids` does not have it; a QID is an id, though pages are named so."""
    if is_qid(identifier):
        return identifier
    title = title_of(identifier)
    return ids.get(title) or ids.get(title[:1].upper() + title[1:]) or identifier


def _mapped(mention: Mention, ids: Mapping[str, str]) -> Mention:
    if mention.entity_id is None:
        return mention
    return replace(mention, entity_id=map_id(mention.entity_id, ids))


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in lines(path):
        if isinstance(line, InputError):
            raise at(path, number, line)
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) < 2 or not cells[0].strip() or not cells[1].strip():
            raise at(path, number, InputError("not a title, a tab and an id"))
        yield cells[0], cells[1].strip()


def _json_rows(path: Path) -> Iterator[tuple[str, str]]:
    for number, value in json_objects(path, raise_error):
        title, identifier = value.get("title"), value.get("id")
        if not isinstance(title, str) or not isinstance(identifier, str):
            raise at(path, number, InputError("not an object with the strings 'title' and 'id'"))
        yield title, identifier
