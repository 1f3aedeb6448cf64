"""Files as documents to be split: everything that `elinker.corpus` reads, and PDF, Markdown and KILT's Wikipedia.

Annotated corpora keep their links: the entities of a passage are those of the mentions in it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from elinker.corpus.readers import find_sources, read_records
from elinker.corpus.records import BadRecord, Located, ReadOptions
from elinker.errors import MissingExtraError, UsageError
from elinker.rag.splitting import SourceDocument

OnBad = Callable[[BadRecord], None]

_SUFFIXES = (".md", ".markdown", ".pdf")

_PAGES = "\n\n"
"""What stands between two pages of a PDF, and between two paragraphs of an article."""


def read_documents(
    inputs: Sequence[str | Path], on_bad: OnBad, options: ReadOptions | None = None
) -> Iterator[SourceDocument]:
    """The documents of files, folders, patterns and URLs, as they are asked for.

    Args:
        inputs: what to read; a folder stands for the files in it that can be read.
        on_bad: hears of every document that cannot be read; the others are read on.
        options: names of fields and the like.

    Raises:
        UsageError: an input does not exist, holds nothing that can be read, or is of an unknown kind.
        MissingExtraError: a library that a file needs is not installed.
    """
    for given in inputs:
        own = list(_own_files(Path(given)))
        for path in own:
            yield from _OWN[_kind(path)](path, on_bad)
        if not own or Path(given).is_dir():
            yield from _corpus(given, on_bad, options or ReadOptions(), own=bool(own))


def _own_files(path: Path) -> Iterator[Path]:
    """The files that this module reads; of a folder those whose suffix says so, hidden ones left out."""
    if path.is_dir():
        for child in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in child.relative_to(path).parts)
            if child.suffix.lower() in _SUFFIXES and not hidden and child.is_file():
                yield child
    elif path.is_file() and _kind(path):
        yield path


def _kind(path: Path) -> str:
    """What this module reads a file as; empty for what the corpus formats are for."""
    suffix = path.suffix.lower()
    if suffix in (".json", ".jsonl") and _is_kilt(path):
        return "kilt"
    return suffix if suffix in _SUFFIXES else ""


def _corpus(given: str | Path, on_bad: OnBad, options: ReadOptions, *, own: bool) -> Iterator[SourceDocument]:
    try:
        sources = find_sources([given], options)
    except UsageError:
        if own:
            return  # a folder of PDF and Markdown alone
        raise
    for record in read_records(sources, options):
        if isinstance(record, BadRecord):
            on_bad(record)
        else:
            yield _linked(record)


def _linked(record: Located) -> SourceDocument:
    document = record.document
    title = document.meta.get("title")
    if not isinstance(title, str):
        title = PurePath(document.id).stem if record.line is None else ""
    links = tuple(
        (mention.start, mention.end, mention.entity_id)
        for mention in document.mentions
        if mention.entity_id is not None
    )
    return SourceDocument(document.id, title, document.text, links)


def _markdown(path: Path, on_bad: OnBad) -> Iterator[SourceDocument]:
    """A file as it is, markup included; its title is the first heading."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        on_bad(BadRecord(str(path), None, f"cannot be read: {error}"))
        return
    headings = (line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#"))
    yield SourceDocument(path.name, next(headings, path.stem), text)


def _pdf(path: Path, on_bad: OnBad) -> Iterator[SourceDocument]:
    """The text of all pages. Scans hold none."""
    try:
        import pypdf
    except ImportError:
        raise MissingExtraError("pypdf", "rag") from None
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(path)
        text = _PAGES.join(page.extract_text() for page in reader.pages)
        title = (reader.metadata.title if reader.metadata else None) or path.stem
    except Exception as error:  # what a broken file makes pypdf raise is not documented
        on_bad(BadRecord(str(path), None, f"cannot be read as PDF: {error or type(error).__name__}"))
        return
    if not text.strip():
        on_bad(BadRecord(str(path), None, "the PDF holds no text: perhaps its pages are images"))
        return
    yield SourceDocument(path.name, str(title), text)


def _is_kilt(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(2048)
    except OSError:
        return False
    return b'"wikipedia_title"' in start and b'"text"' in start


def _kilt(path: Path, on_bad: OnBad) -> Iterator[SourceDocument]:
    """The articles of `kilt_knowledgesource.json`; their links lead to titles (docs/importing.md)."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield _article(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                on_bad(BadRecord(str(path), number, f"not an article of KILT: {error}"))


def _article(record: dict[str, Any]) -> SourceDocument:
    paragraphs = [str(paragraph).strip("\n") for paragraph in record["text"]]
    begins = [0]
    for paragraph in paragraphs:
        begins.append(begins[-1] + len(paragraph) + len(_PAGES))
    text = _PAGES.join(paragraphs)
    links = []
    for anchor in record.get("anchors", ()):
        begin = begins[anchor["paragraph_id"]]
        start, end = begin + anchor["start"], begin + anchor["end"]
        if anchor.get("wikipedia_title") and text[start:end] == anchor["text"]:
            links.append((start, end, str(anchor["wikipedia_title"])))
    return SourceDocument(str(record["wikipedia_id"]), str(record["wikipedia_title"]), text, tuple(links))


_OWN: dict[str, Callable[[Path, OnBad], Iterator[SourceDocument]]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".pdf": _pdf,
    "kilt": _kilt,
}
