"""Titles resolve to articles through redirects, never to disambiguation pages."""

import pytest

from elinker.wikipedia.dump import Page
from elinker.wikipedia.titles import TitleTable


@pytest.fixture
def table():
    table = TitleTable()
    for number, (title, redirect, text) in enumerate(
        [
            ("Ada Lovelace", None, ""),
            ("Ada", "Ada Lovelace", ""),
            ("Countess", "Ada", ""),
            ("Her life", "Ada Lovelace#Life", ""),
            ("Loop", "Pool", ""),
            ("Pool", "Loop", ""),
            ("Mercury", None, "x {{ Disambiguation | geo }}"),
            ("Quick", "Mercury", ""),
            ("Gone", "Nowhere", ""),
        ]
    ):
        table.add(Page(title, number, 0, redirect, text))
    table.add(Page("Talk:Ada", 99, 1))
    return table


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("ada_Lovelace#Life", "Ada Lovelace"),
        (" Ada  Lovelace ", "Ada Lovelace"),
        ("Countess", "Ada Lovelace"),
        ("Her life", "Ada Lovelace"),
        ("Loop", None),
        ("Mercury", None),
        ("Quick", None),
        ("Gone", None),
        ("Talk:Ada", None),
        ("", None),
    ],
)
def test_links_lead_through_redirects_to_articles(table, link, title):
    assert table.resolve(link) == title


def test_redirects_to_whole_articles_are_aliases(table):
    assert table.aliases() == {"Ada Lovelace": ["Ada", "Countess"]}


def test_every_title_of_an_article_is_named(table):
    expected = {("Ada Lovelace", "Ada Lovelace"), ("Ada", "Ada Lovelace"), ("Countess", "Ada Lovelace")}
    assert set(table.names()) == {*expected, ("Her life", "Ada Lovelace")}


@pytest.mark.parametrize(
    ("text", "disambiguates"),
    [
        ("{{disambig}}", True),
        ("{{Begriffsklärung}}", True),
        ("{{Human_name disambiguation}}", True),
        ("{{disambiguation needed|x}}", False),
        ("disambig", False),
        ("{{Own template}}", True),
        ("__DISAMBIG__", True),
    ],
)
def test_templates_tell_disambiguation_pages(text, disambiguates):
    table = TitleTable(["disambig", "disambiguation", "begriffsklärung", "human name disambiguation", "own template"])
    table.add(Page("A", 1, 0, None, text))
    assert (table.resolve("A") is None) is disambiguates
