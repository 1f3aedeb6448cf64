"""What a terminal is shown: the text as it is, mentions that stand out, and nothing that could control it."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from elinker import Document, Mention
from elinker.corpus.highlight import TerminalOutput, show


def shown(document: Document, *, colour: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=colour, color_system="truecolor" if colour else None, width=100)
    show(document, console)
    return stream.getvalue()


def linked(text: str, name: str, entity_id: str | None, label: str | None) -> Document:
    start = text.index(name)
    return Document("d", text, (Mention(start, start + len(name), name, entity_id, label, 0.873),))


def test_mentions_are_in_brackets_where_there_is_no_colour() -> None:
    result = shown(linked("After Steve left Apple.", "Apple", "Q312", "Apple Inc."), colour=False)
    assert result.splitlines()[0] == "After Steve left [Apple] Q312."
    row = result.splitlines()[-2]
    assert row.split() == ["Apple", "Q312", "Apple", "Inc.", "0.87"]


def test_mentions_are_coloured_and_their_id_is_dim() -> None:
    result = shown(linked("After Steve left Apple.", "Apple", "Q312", "Apple Inc."), colour=True)
    assert "left \x1b[30;48;2;255;213;79mApple\x1b[0m\x1b[2m Q312\x1b[0m." in result


def test_an_entity_keeps_its_colour() -> None:
    text = "Apple, London, Apple"
    mentions = [Mention(0, 5, "Apple", "Q312"), Mention(7, 13, "London", "Q84"), Mention(15, 20, "Apple", "Q312")]
    first_line = shown(Document("d", text, tuple(mentions)), colour=True).splitlines()[0]
    assert first_line.count("\x1b[30;48;2;255;213;79mApple") == 2
    assert "\x1b[30;48;2;255;213;79mLondon" not in first_line


def test_nil_is_said() -> None:
    assert "[Nowhere] NIL" in shown(linked("to Nowhere", "Nowhere", None, None), colour=False)


def test_markup_in_texts_and_labels_is_text() -> None:
    result = shown(linked("[red]x[/red] [LK] [/]", "[LK]", "[bold]", "[/nothing]"), colour=False)
    assert result.startswith("[red]x[/red] [[LK]] [bold] [/]\n")
    assert "[/nothing]" in result


def test_a_document_without_mentions_says_so() -> None:
    assert shown(Document("d", "none here"), colour=False) == "none here\nno mentions\n"


def test_documents_stand_under_their_ids() -> None:
    stream = io.StringIO()
    output = TerminalOutput(Console(file=stream, width=20), print)
    output.write(Document("a\x1b[31m", "x"))
    assert stream.getvalue().startswith("a\\x1b[31m ─")


@given(before=st.text(), name=st.text(min_size=1), after=st.text(), label=st.text(), entity_id=st.text(min_size=1))
def test_no_control_character_reaches_the_terminal(
    before: str, name: str, after: str, label: str, entity_id: str
) -> None:
    text = f"{before}\x1b]0;x\x07\x9b2J\u202e{name}\r{after}"
    start = len(text) - len(after) - 1 - len(name)
    document = Document("d", text, (Mention(start, start + len(name), name, entity_id, label, 0.5),))
    result = shown(document, colour=False)
    controls = {character for character in result if ord(character) < 32 or 127 <= ord(character) < 160}
    assert controls <= {"\n"}
    assert "\u202e" not in result
