"""What is only written: displaCy's page and the tables of mentions, safe whatever the texts hold."""

import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from elinker import Document, Mention
from elinker.corpus import FORMATS, BadRecord, ReadOptions, Source
from elinker.corpus.formats.mention_table import neutral
from elinker.corpus.losses import Loss, Losses

Written = Callable[..., tuple[bytes, Losses]]

SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_of_a_document_is_markup_in_the_page(written: Written) -> None:
    text = f"Ada {SCRIPT} & Zed"
    mentions = (
        Mention(0, 3, "Ada", f'Q1"><img src=x onerror=y>{SCRIPT}', SCRIPT),
        Mention(4, 29, SCRIPT, 'https://example.org/"onclick="x'),
    )
    page = Page(written("displacy", Document(SCRIPT, text, mentions, {"mention_types": [[SCRIPT], []]}))[0].decode())
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert all(name in ("class", "style", "lang", "charset", "href") for _, names in page.tags for name in names)
    assert SCRIPT in page.text


def test_a_mention_links_to_its_entity_and_to_nothing_where_that_has_no_address(written: Written) -> None:
    mentions = (Mention(0, 3, "Ada", "Q7259"), Mention(4, 7, "Zed", "javascript:alert(1)"), Mention(8, 9, "x"))
    page = Page(written("displacy", Document("d", "Ada Zed x", mentions))[0].decode())
    links = [names["href"] for tag, names in page.tags if tag == "a"]
    assert links == ["http://www.wikidata.org/entity/Q7259", "#"]
    assert page.text.count("ENTITY") == 3


def test_the_page_says_what_it_left_out(written: Written) -> None:
    mentions = (Mention(0, 7, "Ada Zed", "Q1", "A"), Mention(0, 3, "Ada", "Q2"))
    _, losses = written("displacy", Document("d", "Ada Zed\x00", mentions))
    assert losses == Losses({Loss.OVERLAPS: 1, Loss.LABELS: 1, Loss.CHARACTERS: 1})
    assert str(losses) == (
        "overlapping mentions dropped (1 mention); labels dropped (1 mention); "
        "characters that the format cannot hold replaced by U+FFFD (1 character)"
    )


@pytest.mark.parametrize("name", ["mentions-csv", "mentions-tsv"])
def test_a_table_has_a_row_a_mention_and_no_cell_that_a_spreadsheet_runs(name: str, written: Written) -> None:
    text = "=1+1 met @Zed"
    mentions = (Mention(0, 4, "=1+1", "+Q1", "-label", 0.5), Mention(9, 13, "@Zed"))
    content, losses = written(name, Document("\tid", text, mentions))
    dialect = "excel" if name == "mentions-csv" else "excel-tab"
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), dialect)
    assert header == ["document_id", "start", "end", "mention", "entity_id", "label", "type", "score"]
    assert rows == [
        ["'\tid", "0", "4", "'=1+1", "'+Q1", "'-label", "", "0.5000"],
        ["'\tid", "9", "13", "'@Zed", "", "", "", "0.0000"],
    ]
    assert losses == Losses({Loss.NEUTRALISED: 2, Loss.TEXT: 1})


@pytest.mark.parametrize("cell", ["=x", "+x", "-x", "@x", "\tx", "\rx", "\nx", "＝x"])
def test_every_beginning_of_a_formula_is_neutralised(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral(f"x{cell}") == f"x{cell}"


@pytest.mark.parametrize("name", ["displacy", "mentions-csv", "mentions-tsv"])
def test_what_is_only_written_says_so_when_it_is_read(name: str) -> None:
    [record] = FORMATS[name].read(Source("a", "a"), ReadOptions())
    assert isinstance(record, BadRecord)
    assert record.reason == "this format is only written"
