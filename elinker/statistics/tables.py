"""Statistics as tables for a terminal. Nothing is counted here."""

from collections import Counter
from collections.abc import Iterator, Mapping

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from elinker.corpus.highlight import printable
from elinker.statistics.counts import Statistics, rate

_FORMS = 4
"""Forms of an entity that a row shows."""


def tables(statistics: Statistics, *, top: int, types: Counter[str] | None) -> Iterator[RenderableType]:
    """The tables that there is something to say in."""
    yield _overview(statistics)
    if statistics.entities:
        yield _entities(statistics, top)
    if types:
        yield _counts("types of the entities", "type", types, top, statistics.linked)
    if statistics.stated_types:
        yield _counts("types that the texts state", "type", statistics.stated_types, top, statistics.mentions)
    if statistics.unlinked:
        yield _counts("NIL mentions", "text", statistics.unlinked, top, statistics.nil)


def _overview(statistics: Statistics) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    rows: Mapping[str, str] = {
        "documents": f"{statistics.documents:,}",
        "documents without mentions": f"{statistics.without_mentions:,}",
        "characters": f"{statistics.characters:,}",
        "mentions": f"{statistics.mentions:,}",
        "mentions a document": _number(statistics.mentions_per_document.mean),
        "characters a mention": _number(statistics.mention_lengths.mean),
        "linked": _share(statistics.linked, statistics.mentions),
        "NIL": _share(statistics.nil, statistics.mentions),
        "distinct entities": f"{len(statistics.entities):,}",
        "mean probability of a link": _number(statistics.scores.mean),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _entities(statistics: Statistics, top: int) -> Table:
    table = Table(title="entities", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("entity", no_wrap=True)
    table.add_column("label")
    table.add_column("mentions", justify="right")
    table.add_column("documents", justify="right")
    table.add_column("forms")
    for entity_id, count in statistics.entities.most_common(top):
        forms = statistics.forms[entity_id]
        shown = ", ".join(f"{_line(form)} {number:,}" for form, number in forms.most_common(_FORMS))
        more = f", {len(forms) - _FORMS:,} more" if len(forms) > _FORMS else ""
        label = _line(statistics.labels.get(entity_id, ""))
        documents = f"{statistics.documents_with[entity_id]:,}"
        table.add_row(Text(_line(entity_id)), Text(label), f"{count:,}", documents, Text(shown + more))
    return table


def _counts(title: str, name: str, counts: Counter[str], top: int, whole: int) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name)
    table.add_column("mentions", justify="right")
    for text, count in counts.most_common(top):
        table.add_row(Text(_line(text)), _share(count, whole))
    return table


def _share(part: int, whole: int) -> str:
    share = rate(part, whole)
    return f"{part:,}" if share is None else f"{part:,} ({share:.1%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _line(text: str) -> str:
    return " ".join(printable(text).split())
