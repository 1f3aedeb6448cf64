"""A dump as three files: labelled passages, entities and titles. Reading and parsing lie in the other modules."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from elinker.corpus.formats.jsonl import encode
from elinker.errors import ElinkerError, InputError
from elinker.schema import Document, Mention
from elinker.wikipedia.dump import Dump, Page
from elinker.wikipedia.page_props import PageProps
from elinker.wikipedia.passages import Paragraph, paragraphs
from elinker.wikipedia.sentences import first_sentence
from elinker.wikipedia.titles import TitleTable

PASSAGES, ENTITIES, TITLES = "passages.jsonl", "entities.jsonl", "titles.tsv"

EntityIds = Callable[[int, str], str | None]
"""The entity id of an article by its page id and title; None where it has none."""

_BATCH = 32
"""Pages that a process parses at a time."""


@dataclass(slots=True)
class Conversion:
    """What came of a dump. `links` are links of the passages; `linked` of them lead to an entity."""

    articles: int = 0
    redirects: int = 0
    disambiguations: int = 0
    entities: int = 0
    passages: int = 0
    links: int = 0
    linked: int = 0
    skipped: int = 0


def read_titles_of(
    dump: Dump, table: TitleTable, props: PageProps | None, on_bytes: Callable[[int], None] = lambda count: None
) -> None:
    """The first pass: fill the table of titles."""
    for page in dump.pages(on_bytes):
        table.add(page, disambiguates=props is not None and page.id in props.disambiguations)


def convert(
    dump: Dump,
    table: TitleTable,
    entity_ids: EntityIds,
    output: "OutputFiles",
    *,
    min_mentions: int = 1,
    processes: int = 1,
    on_bytes: Callable[[int], None] = lambda count: None,
    on_skip: Callable[[InputError], None] = lambda error: None,
) -> Conversion:
    """The second pass: parse every article and write its passages and its entity, then all titles.

    A passage is a paragraph with at least `min_mentions` links. A page whose markup cannot be parsed goes to `on_skip`.
    The order is that of the dump, whatever the number of `processes`.

    Raises:
        InputError: the dump is damaged.
        ElinkerError: a parsing process was ended from outside.
    """
    counts = Conversion(len(table.pages), len(table.redirects), table.disambiguations)
    aliases = table.aliases()
    for page, parsed in _parse_all(_articles(dump, table, on_bytes), dump, processes):
        if isinstance(parsed, InputError):
            counts.skipped += 1
            on_skip(InputError(f"{dump.path}: page {page.title!r}: {parsed.message}", hint="it is left out"))
            continue
        entity_id = entity_ids(page.id, page.title)
        if entity_id is not None:
            counts.entities += 1
            output.entities.write(encode(_entity(entity_id, page.title, aliases.get(page.title, []), parsed)) + b"\n")
        for number, paragraph in enumerate(parsed, start=1):
            document = _passage(page, number, paragraph, table, entity_ids)
            if len(document.mentions) >= min_mentions:
                counts.passages += 1
                counts.links += len(document.mentions)
                counts.linked += sum(mention.entity_id is not None for mention in document.mentions)
                output.passages.write(encode(document.to_json()) + b"\n")
    for name, title in table.names():
        entity_id = entity_ids(table.pages[title], title)
        if entity_id is not None:
            output.titles.write(f"{name}\t{entity_id}\n".encode())
    return counts


def _articles(dump: Dump, table: TitleTable, on_bytes: Callable[[int], None]) -> Iterator[Page]:
    return (
        page
        for page in dump.pages(on_bytes)
        if page.namespace == 0 and page.redirect is None and table.pages.get(page.title) == page.id
    )


def _entity(entity_id: str, title: str, aliases: list[str], parsed: list[Paragraph]) -> dict[str, object]:
    label = without_qualifier(title)
    names = dict.fromkeys(without_qualifier(alias) for alias in aliases)
    names.pop(label, None)
    lead = first_sentence(parsed[0].text) if parsed and not parsed[0].section else ""
    return {"id": entity_id, "label": label, "aliases": list(names), "description": lead}


def without_qualifier(title: str) -> str:
    """A title as a name: `Mercury (planet)` is `Mercury`."""
    name, bracket, rest = title.rpartition(" (")
    return name if bracket and rest.endswith(")") and name else title


def _passage(page: Page, number: int, paragraph: Paragraph, table: TitleTable, entity_ids: EntityIds) -> Document:
    mentions = []
    for link in paragraph.links:
        title = table.resolve(link.target)
        entity_id = entity_ids(table.pages[title], title) if title is not None else None
        label = title if entity_id is not None else None
        mentions.append(Mention(link.start, link.end, paragraph.text[link.start : link.end], entity_id, label))
    meta = {"title": page.title, "section": paragraph.section}
    return Document(f"{page.id}:{number}", paragraph.text, tuple(mentions), meta)


Parsed = list[Paragraph] | InputError


def _parse(pages: tuple[Page, ...], namespaces: dict[int, str]) -> list[Parsed]:
    parsed: list[Parsed] = []
    for page in pages:
        try:
            parsed.append(paragraphs(page.text, namespaces))
        except InputError as error:
            parsed.append(error)
        except Exception as error:
            # What wikitext makes the parser raise is not documented, and one page in millions must not end a long run.
            parsed.append(InputError(f"the parser failed on it: {type(error).__name__}"))
    return parsed


def _parse_all(pages: Iterable[Page], dump: Dump, processes: int) -> Iterator[tuple[Page, Parsed]]:
    """Pages with their paragraphs, in order; at most four batches a process are under way at a time."""
    if processes == 1:
        for page in pages:
            yield page, _parse((page,), dump.namespaces)[0]
        return
    # Started afresh rather than forked: a copy of the table of titles in each would cost its memory again.
    with _pool(processes) as pool:
        waiting: deque[tuple[tuple[Page, ...], Future[list[Parsed]]]] = deque()
        for batch in _batches(pages):
            waiting.append((batch, pool.submit(_parse, batch, dump.namespaces)))
            if len(waiting) > 4 * processes:
                yield from _done(*waiting.popleft())
        while waiting:
            yield from _done(*waiting.popleft())


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    try:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            yield pool
    except BrokenProcessPool:
        raise ElinkerError(
            "a parsing process was ended from outside", hint="perhaps for memory: try fewer --processes"
        ) from None


def _batches(pages: Iterable[Page]) -> Iterator[tuple[Page, ...]]:
    remaining = iter(pages)
    while batch := tuple(islice(remaining, _BATCH)):
        yield batch


def _done(batch: tuple[Page, ...], future: Future[list[Parsed]]) -> Iterator[tuple[Page, Parsed]]:
    return zip(batch, future.result(), strict=True)


class OutputFiles:
    """The three files of a folder, under temporary names until `commit`; left without it, they go away.

    Raises:
        ElinkerError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.passages, self.entities, self.titles = (self._open(name) for name in (PASSAGES, ENTITIES, TITLES))
        except OSError as error:
            raise _failed(folder, error) from None

    def commit(self) -> None:
        """Close the files and give them their names."""
        try:
            self._stack.close()
            for name in (PASSAGES, ENTITIES, TITLES):
                self._temporary(name).replace(self._folder / name)
        except OSError as error:
            raise _failed(self._folder, error) from None

    def _open(self, name: str) -> BinaryIO:
        return self._stack.enter_context(self._temporary(name).open("wb"))

    def _temporary(self, name: str) -> Path:
        return self._folder / f".{name}.{os.getpid()}.part"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._stack.close()
        for name in (PASSAGES, ENTITIES, TITLES):
            self._temporary(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _failed(self._folder, error) from None


def _failed(folder: Path, error: OSError) -> ElinkerError:
    return ElinkerError(f"cannot write to {folder}: {error.strerror or error}", hint="nothing was left behind")
