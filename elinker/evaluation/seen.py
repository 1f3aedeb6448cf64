"""The entities that training saw, from a list of ids or from labelled texts."""

from pathlib import Path

from elinker.errors import InputError
from elinker.labelled import read_labelled

ID_LIST = (".txt", ".ids")
"""Suffixes of files that are lists of ids."""


def read_seen(path: Path) -> frozenset[str]:
    """The ids of a file: one a line in a `.txt` or `.ids` file, else those of the gold mentions of labelled texts.

    Raises:
        InputError: the file cannot be read or names no entity.
    """
    if path.suffix.lower() in ID_LIST:
        try:
            ids = {line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()} - {""}
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text ({error.reason})", hint="convert the file to UTF-8") from None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from None
    else:
        mentions = (mention for document in read_labelled(path) for mention in document.mentions)
        ids = {mention.entity_id for mention in mentions if mention.entity_id is not None}
    if not ids:
        raise InputError(f"{path}: no entity ids", hint="give a list of ids, one a line, or labelled texts")
    return frozenset(ids)
