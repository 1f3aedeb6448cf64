"""From a path to labelled documents: the list of formats, which one a file is in, and what to do with broken documents.

How a format is read stands in its own file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elinker.corpus.formats import HEAD, brat, conllu, label_studio, nif, parquet, prodigy, tei, web_annotation, webanno
from elinker.corpus.records import Format
from elinker.errors import InputError, UsageError
from elinker.labelled import aida, docbin, elevant, hipe, jsonl, kilt, onegen
from elinker.labelled.from_corpus import reader, recogniser
from elinker.labelled.source import Reject, at, raise_error
from elinker.labelled.titles import map_document
from elinker.schema import Document


@dataclass(frozen=True, slots=True)
class _Format:
    read: Callable[[Path, Reject], Iterator[Document]]
    recognises: Callable[[Path, str], bool]


def _of_corpus(form: Format, recognises: Callable[[Path, str], bool] | None = None) -> _Format:
    return _Format(reader(form), recognises or recogniser(form))


_FORMATS = {
    "docbin": _Format(docbin.read, docbin.recognises),
    "parquet": _of_corpus(parquet.FORMAT, lambda path, head: path.suffix.lower() in parquet.FORMAT.reads),
    "brat": _of_corpus(brat.FORMAT, brat.recognises),
    "webanno": _of_corpus(webanno.FORMAT),
    "aida": _Format(aida.read, aida.recognises),
    "hipe": _Format(hipe.read, hipe.recognises),
    "conllu": _of_corpus(conllu.FORMAT, lambda path, head: conllu.recognises(head.encode("utf-8", "replace"))),
    "nif": _of_corpus(nif.FORMAT),
    "tei": _of_corpus(tei.FORMAT),
    "web-annotation": _of_corpus(web_annotation.FORMAT),
    "label-studio": _of_corpus(label_studio.FORMAT),
    "kilt": _Format(kilt.read, kilt.recognises),
    "onegen": _Format(onegen.read, onegen.recognises),
    "elevant": _Format(elevant.read, elevant.recognises),
    "prodigy": _of_corpus(prodigy.FORMAT),
    "jsonl": _Format(jsonl.read, jsonl.recognises),
}
"""In the order in which they are asked whether a file is theirs."""

FORMATS = tuple(sorted(_FORMATS))
"""Names of the formats that can be read."""


def read_labelled(
    path: Path,
    *,
    format: str | None = None,
    skip: Callable[[InputError], None] | None = None,
    map_ids: Mapping[str, str] | None = None,
) -> Iterator[Document]:
    """The documents of a file with their gold mentions, in order of `start`, read as they are asked for.

    `entity_id` is the gold id, None for a mention whose entity is unknown or outside the annotators' base. Mentions may
    overlap. Without `format` the content tells it. A broken document raises, or is given to `skip` and left out.
    `map_ids` are ids by title (`titles.read_titles`): an id that is a title there is replaced.

    Raises:
        InputError: a document is broken (file and line are named), the file cannot be read, or its format is not clear.
        UsageError: there is no such format.
    """
    name = guess_format(path) if format is None else format
    if name not in _FORMATS:
        raise UsageError(f"no format {name!r} of labelled texts", hint=f"one of: {', '.join(FORMATS)}")
    reject = raise_error if skip is None else skip
    documents = _read(path, _FORMATS[name], reject) if format else _read_guessed(path, name, reject)
    return documents if map_ids is None else (map_document(document, map_ids) for document in documents)


def guess_format(path: Path) -> str:
    """The name of the format that a file's first bytes, or what lies in a folder, speak for.

    Raises:
        InputError: none does, or the file cannot be read.
    """
    head = "" if path.is_dir() else _head(path)
    for name, form in _FORMATS.items():
        if form.recognises(path, head):
            return name
    raise InputError(
        f"{path}: the format of these labelled texts is not clear from their beginning",
        hint=f"name it with --format, one of: {', '.join(FORMATS)}",
    )


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(HEAD).decode("utf-8-sig", "replace")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _read_guessed(path: Path, name: str, reject: Reject) -> Iterator[Document]:
    """As `_read`; what is wrong before the first good document may mean that the guess is."""
    good = 0

    def explain(error: InputError) -> None:
        advice = "" if error.hint is None else f"{error.hint}; "
        hint = f"{advice}read as {name!r}, --format names another format"
        reject(error if good else InputError(error.message, hint=hint))

    for document in _read(path, _FORMATS[name], explain):
        good += 1
        yield document


def _read(path: Path, form: _Format, reject: Reject) -> Iterator[Document]:
    try:
        yield from form.read(path, reject)
    except OSError as error:
        raise at(path, None, InputError(error.strerror or str(error))) from None
