"""The page of errors: texts stay texts, nothing comes from elsewhere, and every error can be found by its category."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.evaluation.html_page import html_page, write_html
from elinker.evaluation.html_spans import Marked, marked_text
from elinker.evaluation.run import evaluate_predictions
from elinker.schema import Document, Mention

HOSTILE = '<script>alert(1)</script> & "quotes" \'</style><img src=x onerror=alert(1)> \u202e\x00\ud800 [LK] </MENTION>'


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text of the columns."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.columns, self._depth = [], [], None
        self.marks = []
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag in ("meta", "input", "br", "img"):
            return
        self._open.append((tag, attributes))
        if attributes.get("class") == "text":
            self.columns.append("")
        if tag == "mark":
            self.marks.append((attributes["class"], ""))

    def handle_endtag(self, tag):
        opened, _ = self._open.pop()
        assert opened == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self._open]
        if "small" in tags or not any(attributes.get("class") == "text" for _, attributes in self._open):
            return
        self.columns[-1] += data
        if "mark" in tags:
            classes, text = self.marks[-1]
            self.marks[-1] = (classes, text + data)


def result(text, gold=(), predicted=(), name="toy", system=None):
    golds = [GoldDocument("d", text, tuple(GoldMention(*each) for each in gold), title=text)]
    documents = [Document("d", text, tuple(Mention(a, b, text[a:b], entity_id) for a, b, entity_id in predicted))]
    return evaluate_predictions(documents, golds, name=name, system=system)


def test_gold_and_predicted_spans_stand_side_by_side_with_their_categories():
    page = Page(html_page([result("Ada met Bob.", [(0, 3, "Q1"), (8, 11, "Q2")], [(0, 3, "Q9"), (4, 7, "Q5")])]))
    assert page.columns == ["Ada met Bob.", "Ada met Bob."]
    assert page.marks == [
        ("entity-other", "Ada"),
        ("undetected-other", "Bob"),
        ("entity-other", "Ada"),
        ("false-lowercase", "met"),
    ]
    assert ("article", {"class": "has-entity-other has-false-lowercase has-undetected-other"}) in page.elements


def test_right_spans_and_those_that_are_not_judged_have_classes_of_their_own():
    page = Page(html_page([result("Ada met Zed.", [(0, 3, "Q1"), (8, 11, None)], [(0, 3, "Q1"), (8, 11, None)])]))
    assert page.marks == [("right", "Ada"), ("aside", "Zed"), ("right", "Ada"), ("aside", "Zed")]


def test_two_systems_share_the_gold_and_have_a_column_each():
    one = result("Ada came.", [(0, 3, "Q1")], [(0, 3, "Q1")], system="one")
    other = result("Ada came.", [(0, 3, "Q1")], system="other")
    page = Page(html_page([one, other]))
    assert page.columns == ["Ada came."] * 3
    assert sum(tag == "article" for tag, _ in page.elements) == 1


def test_every_category_that_occurs_can_be_chosen_and_has_its_rules():
    html = html_page([result("Ada met Bob.", [(0, 3, "Q1")], [(4, 7, "Q5")])])
    chosen = {attributes["id"] for tag, attributes in Page(html).elements if tag == "input"}
    assert chosen == {"show-all", "show-undetected-other", "show-false-lowercase"}
    for identifier in chosen - {"show-all"}:
        category = identifier.removeprefix("show-")
        assert f"body:has(#{identifier}:checked) article:not(.has-{category}) {{ display: none; }}" in html


def test_text_with_markup_and_scripts_stays_text_wherever_it_is_shown():
    text = HOSTILE
    html = html_page([result(text, [(0, 8, "<b>Q1</b>")], [(0, 30, text), (2, 9, None)], name=text)])
    page = Page(html)
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "table", "tr", "th", "td", "form"}
    assert {tag for tag, _ in page.elements} <= allowed | {
        "label",
        "input",
        "section",
        "article",
        "div",
        "mark",
        "small",
    }
    shown = text.replace("\x00", "\u2400").replace("\ud800", "\ufffd")
    assert page.columns == [shown, shown]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_nothing_comes_from_elsewhere_and_the_policy_allows_only_the_style_sheet():
    html = html_page([result("Ada came.", [(0, 3, "Q1")])])
    page = Page(html)
    assert not [each for each in page.elements if each[1].keys() & {"src", "href", "srcset", "action", "data"}]
    assert "url(" not in html and "@import" not in html and "<script" not in html
    [policy] = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


SPANS = st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda span: span[0] < span[1])


@given(st.text(min_size=12, max_size=12), st.lists(SPANS, max_size=5))
def test_any_text_with_any_spans_nested_or_overlapping_comes_back_whole(text, spans):
    marked = [Marked(start, end, ("right",), "label", "title") for start, end in spans]
    page = Page(f'<div class="text">{marked_text(text, marked)}</div>')
    control = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: "\u2421"}
    expected = "".join("\ufffd" if 0xD800 <= ord(each) < 0xE000 else each for each in text).translate(control)
    assert page.columns == [expected]
    assert sum(tag == "small" for tag, _ in page.elements) == len(spans)


def test_the_page_is_written_whole(tmp_path):
    write_html(tmp_path / "page.html", [result(HOSTILE)])
    assert (tmp_path / "page.html").read_bytes().endswith(b"</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("text", ["a\r\nb", "👩‍👩‍👧 Ada", "مرحبا Ada"])
def test_line_ends_emoji_and_right_to_left_text_keep_their_spans(text):
    start = len(text) - 1
    page = Page(html_page([result(text, [(start, len(text), "Q1")])]))
    assert page.marks[0][1] == text[start:]
