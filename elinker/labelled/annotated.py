"""Annotated texts of any format and from anywhere that corpora are read from: what `convert` and `stats` take.

The formats of `elinker.corpus` are read as they are there, with places of bad records; those that only data sets have,
as `read_labelled` reads them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from elinker.corpus.formats import FORMATS, HEAD, conll, input_format
from elinker.corpus.inputs.archives import is_archive
from elinker.corpus.readers import find_sources, read_records
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError, UsageError
from elinker.labelled import aida, elevant, hipe, kilt, onegen
from elinker.labelled.source import Reject
from elinker.schema import Document

_GENERAL = ("jsonl", "prodigy", "conll", "tsv")
"""Formats whose suffixes data sets have too, so that the content decides."""


def _of_data_set(name: str, read: Callable[[Path, Reject], Iterator[Document]]) -> Format:
    def records(source: Source, options: ReadOptions) -> Iterator[Record]:
        if source.path is None:
            yield BadRecord(source.name, None, f"{name} is read from files, not from archives, addresses or pipes")
            return
        broken: list[InputError] = []
        for document in read(source.path, broken.append):
            yield from (BadRecord(source.name, None, str(error)) for error in broken)
            broken.clear()
            yield Located(document, source.name)
        yield from (BadRecord(source.name, None, str(error)) for error in broken)
        source.consumed = source.size or 0

    return Format(name, reads=(), read=records)


_RECOGNISERS = {
    "aida": aida.recognises,
    "hipe": hipe.recognises,
    "kilt": kilt.recognises,
    "onegen": onegen.recognises,
    "elevant": elevant.recognises,
}
_DATA_SETS = {
    name: _of_data_set(name, module.read)
    for name, module in {"aida": aida, "hipe": hipe, "kilt": kilt, "onegen": onegen, "elevant": elevant}.items()
}


def readable_formats() -> list[str]:
    """Names of the formats that can be read."""
    return sorted([*(one.name for one in FORMATS.values() if one.reads), *_DATA_SETS])


def read_annotated(
    inputs: Sequence[str], *, format: str | None = None, options: ReadOptions | None = None
) -> tuple[list[Source], Iterator[Record]]:
    """The sources that inputs name (see `find_sources`), and their records as they are asked for.

    Without `format` suffix and content tell it, for each file.

    Raises:
        UsageError: there is no such format, or an input cannot be read.
    """
    options = options or ReadOptions()
    if format is None:
        sources = find_sources(inputs, options)
        return sources, _records(sources, options)
    form = _named(format)
    # Whatever suffix a file has, its format is said.
    sources = find_sources(inputs, replace(options, jsonl=True))
    if any(is_archive(source) for source in sources):
        raise UsageError("a named format does not reach into archives", hint="unpack them, or leave the format out")
    folders = [Path(given) for given in inputs if Path(given).is_dir()]
    if form.reads and folders:
        inside = [source for source in sources if _is_in(source, folders)]
        sources = [source for source in sources if source.suffix in form.reads or source not in inside]
    return sources, _read_each(sources, form, options)


def _named(name: str) -> Format:
    form = _DATA_SETS.get(name) or FORMATS.get(name)
    if form is None or (name in FORMATS and not form.reads):
        raise UsageError(f"no input format {name!r}", hint=f"one of: {', '.join(readable_formats())}")
    return form


def _is_in(source: Source, folders: Sequence[Path]) -> bool:
    return source.path is not None and any(source.path.is_relative_to(folder) for folder in folders)


def _records(sources: Sequence[Source], options: ReadOptions) -> Iterator[Record]:
    for source in sources:
        form = None if is_archive(source) else _of(source, options)
        yield from read_records([source], options) if form is None else _read_each([source], form, options)


def _read_each(sources: Sequence[Source], form: Format, options: ReadOptions) -> Iterator[Record]:
    for source in sources:
        try:
            yield from form.read(source, options)
        except OSError as error:
            yield BadRecord(source.name, None, f"cannot be read: {error.strerror or error}")


def _of(source: Source, options: ReadOptions) -> Format | None:
    """The data set that a file is of, None for what corpora are read as."""
    if source.path is None or input_format(source, options).name not in _GENERAL:
        return None
    head = source.head(HEAD).decode("utf-8-sig", "replace")
    if conll.COMMENT in head:
        return None
    return next((_DATA_SETS[name] for name, told in _RECOGNISERS.items() if told(source.path, head)), None)
