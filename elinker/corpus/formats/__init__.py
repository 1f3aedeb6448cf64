"""All formats by name. A new one is a file with a `Format` in it and one line here."""

from pathlib import Path

from elinker.corpus.formats import conll, docbin, jsonl, parquet, plain, table
from elinker.corpus.inputs import html, web_archives
from elinker.corpus.records import Format, ReadOptions, Source
from elinker.errors import UsageError

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
    if not fitting:
        known = ", ".join(input_suffixes())
        raise UsageError(
            f"{source.name}: no reader for files ending in {source.suffix or 'no suffix'}",
            hint=f"readable: {known}; --lines or --jsonl read any file as text or JSON lines",
        )
    if len(fitting) > 1:
        head = source.head()
        recognised = [one for one in fitting if one.recognises is not None and one.recognises(head)]
        return (recognised or [one for one in fitting if one.recognises is None])[0]
    return fitting[0]


def output_format(name: str | None, path: Path | None) -> Format:
    """The format to write: the named one, else the one of the path's suffix, else JSON lines.

    Raises:
        UsageError: there is no such format, or the suffix is of none.
    """
    if name is not None:
        found = FORMATS.get(name)
        if found is None or found.write is None:
            raise UsageError(f"no output format {name!r}", hint=f"one of: {', '.join(writable())}")
        return found
    if path is None:
        return jsonl.FORMAT
    for one in FORMATS.values():
        if path.suffix.lower() in one.writes:
            return one
    suffixes = ", ".join(suffix for one in FORMATS.values() for suffix in one.writes)
    raise UsageError(
        f"{path}: no output format for the suffix {path.suffix or '(none)'!r}",
        hint=f"end it in {suffixes}, or give --format",
    )
