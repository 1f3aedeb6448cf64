"""All formats by name. A new one is a file with a `Format` in it and one line here."""

from pathlib import Path

from elinker.corpus.formats import (
    brat,
    conll,
    conllu,
    displacy,
    docbin,
    jsonl,
    label_studio,
    mention_table,
    nif,
    parquet,
    plain,
    prodigy,
    table,
    tei,
    web_annotation,
    webanno,
)
from elinker.corpus.formats.several_files import ZIP_SUFFIX
from elinker.corpus.inputs import html, web_archives
from elinker.corpus.records import Format, ReadOptions, Source
from elinker.errors import UsageError

HEAD = 1 << 20
"""Bytes of a file that its format is told from."""

MANY_KINDS = (".xml", ".json", ".ttl")
"""Suffixes of much that is no annotated text: such a file is read only where a format recognises it."""

FORMATS = {
    one.name: one
    for one in (
        plain.FORMAT,
        jsonl.FORMAT,
        table.CSV,
        table.TSV,
        parquet.FORMAT,
        conll.FORMAT,
        docbin.FORMAT,
        conllu.FORMAT,
        nif.FORMAT,
        tei.FORMAT,
        brat.FORMAT,
        webanno.FORMAT,
        label_studio.FORMAT,
        prodigy.FORMAT,
        web_annotation.FORMAT,
        displacy.FORMAT,
        mention_table.CSV,
        mention_table.TSV,
        html.FORMAT,
        web_archives.FORMAT,
    )
}


def writable() -> list[str]:
    """Names of the formats that annotations can be written in."""
    return [one.name for one in FORMATS.values() if one.write is not None]


def input_suffixes() -> tuple[str, ...]:
    """Suffixes of the files that can be read."""
    return tuple(dict.fromkeys(suffix for one in FORMATS.values() for suffix in one.reads))


def input_format(source: Source, options: ReadOptions) -> Format:
    """The format that a source is read in: what the options say, else what its suffix and first bytes say.

    Raises:
        UsageError: no format reads such a file.
    """
    if options.jsonl and source.suffix not in jsonl.FORMAT.reads:
        return jsonl.FORMAT
    fitting = [one for one in FORMATS.values() if source.suffix in one.reads]
    if source.is_standard_input or (not fitting and options.lines):
        return plain.FORMAT
    found = _told(source, fitting, options)
    if found is not None:
        return found
    if fitting:
        names = ", ".join(one.name for one in fitting)
        raise UsageError(f"{source.name}: does not begin like a file of {names}")
    known = ", ".join(input_suffixes())
    raise UsageError(
        f"{source.name}: no reader for files ending in {source.suffix or 'no suffix'}",
        hint=f"readable: {known}; --lines or --jsonl read any file as text or JSON lines",
    )


def is_readable(source: Source, options: ReadOptions) -> bool:
    """Whether a format reads a file that lies in a folder: XML and JSON are also what is no text for elinker."""
    fitting = [one for one in FORMATS.values() if source.suffix in one.reads]
    return _told(source, fitting, options) is not None


def _told(source: Source, fitting: list[Format], options: ReadOptions) -> Format | None:
    """Of the formats that a suffix fits, the one that recognises the file, else the one that takes any."""
    takes_any = next((one for one in fitting if one.recognises is None), None)
    own_fields = (options.text_field, options.id_field) != ("text", "id")
    if takes_any is jsonl.FORMAT and own_fields:
        return takes_any
    if len(fitting) == 1 and source.suffix not in MANY_KINDS:
        return fitting[0]
    head = source.head(HEAD)
    return next((one for one in fitting if one.recognises is not None and one.recognises(head)), takes_any)


def output_format(name: str | None, path: Path | None) -> Format:
    """The format to write: the named one, else the one of the path's suffix, else JSON lines.

    Raises:
        UsageError: there is no such format, or the suffix is of none.
    """
    if name is not None:
        found = FORMATS.get(name)
        if found is None or found.write is None:
            raise UsageError(f"no output format {name!r}", hint=f"one of: {', '.join(writable())}")
        if found.write_files is not None and (path is None or path.suffix.lower() != ZIP_SUFFIX):
            raise UsageError(
                f"{name} has a file for each document",
                hint=f"name a file ending in {ZIP_SUFFIX}, or let elinker convert write a folder",
            )
        return found
    if path is None:
        return jsonl.FORMAT
    file_name = path.name.lower()
    fitting = [(suffix, one) for one in FORMATS.values() for suffix in one.writes if file_name.endswith(suffix)]
    if fitting:  # .label-studio.json is more than .json
        return max(fitting, key=lambda pair: len(pair[0]))[1]
    suffixes = ", ".join(suffix for one in FORMATS.values() for suffix in one.writes)
    raise UsageError(
        f"{path}: no output format for the suffix {path.suffix or '(none)'!r}",
        hint=f"end it in {suffixes}, or give --format",
    )
