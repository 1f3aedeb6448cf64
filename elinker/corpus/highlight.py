"""Annotated text for a terminal: mentions as coloured spans and a table of links. Nothing else is printed from here."""

import re
from collections.abc import Callable, Iterator

from rich import box
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from elinker.corpus.records import BadRecord
from elinker.schema import Document, Mention

BACKGROUNDS = ("#ffd54f", "#81d4fa", "#a5d6a7", "#ffab91", "#ce93d8", "#80cbc4", "#f48fb1", "#e6ee9c")
"""Pale enough for black letters; an entity keeps its colour within a document."""

NIL_STYLE = "black on #cfcfcf"

# C0 and C1 controls but tab and line feed, and the characters that turn the direction of what follows them around.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text as a terminal may get it: control characters as `\\x1b`, a line end of two characters as one."""
    text = text.replace("\r\n", "\n")
    return _UNSAFE.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if match[0] < "\x80" else f"\\u{ord(match[0]):04x}", text
    )


def spans(document: Document, *, colour: bool = True) -> Text:
    """The text with each mention on a coloured ground and its entity's id behind it; brackets without colour."""
    result = Text()
    cursor = 0
    for mention, style in _styled(document):
        result.append(printable(document.text[cursor : mention.start]))
        name = printable(mention.entity_id or "NIL")
        if colour:
            result.append(printable(mention.text), style=style)
            result.append(f" {name}", style="dim")
        else:
            result.append(f"[{printable(mention.text)}] {name}")
        cursor = mention.end
    result.append(printable(document.text[cursor:]))
    return result


def links(document: Document) -> Table:
    """A row a mention: its text, entity id, label and probability."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("mention")
    table.add_column("entity", no_wrap=True)
    table.add_column("label")
    table.add_column("probability", justify="right", no_wrap=True)
    for mention, style in _styled(document):
        name = " ".join(printable(mention.text).split())
        entity = Text("NIL", style="dim") if mention.entity_id is None else Text(_one_line(mention.entity_id))
        table.add_row(Text(name, style=style), entity, Text(_one_line(mention.label or "")), f"{mention.score:.2f}")
    return table


def show(document: Document, console: Console) -> None:
    """Print the text with its spans and, where there are mentions, the table."""
    text = spans(document, colour=console.is_terminal and not console.no_color)
    text.rstrip()
    console.print(text, soft_wrap=True)
    if document.mentions:
        console.print(links(document), soft_wrap=False)
    else:
        console.print(Text("no mentions", style="dim"))


class TerminalOutput:
    """Shows documents on a terminal as they come (an `elinker.corpus.output.Output`)."""

    def __init__(self, console: Console, on_bad: Callable[[BadRecord], None], *, titles: bool = True) -> None:
        self._console = console
        self._on_bad = on_bad
        self._titles = titles

    def write(self, document: Document) -> None:
        """Show a document, under its id where there may be several."""
        if self._titles:
            self._console.print(Rule(Text(_one_line(document.id)), align="left", style="dim"))
        show(document, self._console)

    def reject(self, record: BadRecord) -> None:
        """Pass a bad record on."""
        self._on_bad(record)

    def commit(self) -> None:
        """Everything is shown already."""


def _styled(document: Document) -> Iterator[tuple[Mention, str]]:
    styles: dict[str, str] = {}
    for mention in document.mentions:
        if mention.entity_id is None:
            yield mention, NIL_STYLE
        else:
            fallback = f"black on {BACKGROUNDS[len(styles) % len(BACKGROUNDS)]}"
            yield mention, styles.setdefault(mention.entity_id, fallback)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
