"""spaCy's `.spacy` files, from `elinker.corpus` or anybody: `doc.ents` are the mentions, `kb_id_` their entities."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from elinker.corpus.formats import docbin
from elinker.corpus.records import BadRecord, ReadOptions, Source
from elinker.errors import InputError
from elinker.labelled.source import Reject
from elinker.schema import Document, Mention

SPACY_NIL = "NIL"
"""What spaCy's own entity linker writes where no entity fits (`EntityLinker.NIL`)."""


def recognises(path: Path, head: str) -> bool:
    """Whether the file is named `.spacy`; a compressed file cannot be told by its content."""
    return path.suffix.lower() == ".spacy"


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a `Doc`. The file is one compressed block, which is unpacked as a whole."""
    for record in docbin.read(Source(str(path), path.name, path), ReadOptions()):
        if isinstance(record, BadRecord):
            reject(InputError(str(record)))
        else:
            mentions = tuple(_without_nil(mention) for mention in record.document.mentions)
            yield replace(record.document, mentions=mentions)


def _without_nil(mention: Mention) -> Mention:
    return replace(mention, entity_id=None, label=None) if mention.entity_id == SPACY_NIL else mention
