"""The formats of `elinker.corpus` as formats of labelled texts, with the rules that gold mentions have."""

from collections.abc import Callable, Iterator
from pathlib import Path

from elinker.corpus.formats.mention_types import sorted_mentions
from elinker.corpus.records import BadRecord, Format, ReadOptions, Source
from elinker.errors import InputError
from elinker.labelled.source import Reject
from elinker.schema import Document


def reader(form: Format) -> Callable[[Path, Reject], Iterator[Document]]:
    """The `read` of labelled texts for a format: bad records are rejected, and documents with blank mentions."""

    def read(path: Path, reject: Reject) -> Iterator[Document]:
        for record in form.read(Source(str(path), path.name, path), ReadOptions()):
            if isinstance(record, BadRecord):
                reject(InputError(str(record)))
                continue
            document = record.document
            blank = next((mention for mention in document.mentions if mention.text.isspace()), None)
            if blank is None:
                yield sorted_mentions(document)
            else:
                reject(
                    InputError(
                        f"{record.source}: document {document.id!r}: span {blank.start}:{blank.end} holds nothing but "
                        "whitespace"
                    )
                )

    return read


def recogniser(form: Format) -> Callable[[Path, str], bool]:
    """Whether the first bytes of a file are of a format that tells them."""
    recognises = form.recognises
    if recognises is None:
        return lambda path, head: path.suffix.lower() in form.reads
    return lambda path, head: recognises(head.encode("utf-8", "replace"))
