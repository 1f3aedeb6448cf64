"""How answers look in a terminal: steps as they happen on stderr, the answer and its sources on stdout."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from elinker.cli.console import err, out

if TYPE_CHECKING:
    from elinker.rag.answer import Answer, Passage
    from elinker.rag.events import Event

_LONGEST = 300

STOPPED = {
    "max_hops": "no answer: the model went on asking, see --max-hops",
    "budget": "no answer: the tokens ran out, see --max-tokens",
    "end": "no answer: the model ended the text without one",
    "answer": "no answer: what the model wrote as its answer is empty",
}
"""What is said of a question without an answer, by its stop reason."""


def follow(events: "Iterable[Event]") -> "Answer":
    """Show what happens while an answer is written; the answer."""
    from elinker.corpus.highlight import printable
    from elinker.rag.events import Asked, Finished, Found, Written

    hop, open_line = 0, False
    for event in events:
        if isinstance(event, Written):
            err.print(Text(printable(event.text), "bold green" if event.answer else "cyan"), end="")
            open_line = True
            continue
        if open_line:
            err.print()
            open_line = False
        if isinstance(event, Asked):
            hop += 1
        elif isinstance(event, Found):
            for retrieved in event.step.passages:
                title = printable(retrieved.passage.title or retrieved.passage.document_id)
                err.print(Text(f"  {hop}. {retrieved.score:.3f} {title}: ", "magenta"), end="")
                err.print(Text(_shortened(printable(retrieved.passage.text)), "dim"))
        elif isinstance(event, Finished):
            return event.answer
    raise AssertionError("an answer always finishes")


def show(answer: "Answer") -> None:
    """Print an answer with its marks, and a table of its sources."""
    from elinker.corpus.highlight import printable

    if answer.text:
        marks = "" if "[[" in answer.text else "".join(f" [[{citation.number}]]" for citation in answer.citations)
        out.print(Text(printable(answer.text), "bold") + Text(marks, "magenta"))
    else:
        err.print(Text(STOPPED[answer.stop], "yellow"))
    if not answer.citations:
        return
    table = Table("n", "title", "document", "cited", "characters")
    for citation in answer.citations:
        passage = citation.passage
        place = f"{passage.start + citation.start}-{passage.start + citation.end}"
        cells = (f"[[{citation.number}]]", passage.title, passage.document_id, _shortened(citation.text), place)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)
    if answer.entities:
        out.print(Text(f"entities: {printable(', '.join(answer.entities))}", "dim"))


def show_sources(passages: "Sequence[Passage]") -> None:
    """Print the passages that an answer read."""
    from elinker.corpus.highlight import printable

    table = Table("n", "title", "document", "text")
    for number, passage in enumerate(passages, 1):
        cells = (f"[[{number}]]", passage.title, passage.document_id, passage.text)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table if passages else "no passage was read")


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
