"""Wikitext becomes plain paragraphs whose links have exact offsets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.wikipedia.passages import paragraphs

NAMESPACES = {0: "", 6: "Datei", 14: "Kategorie", 4: "Wikipedia"}


def plain(wikitext):
    return [paragraph.text for paragraph in paragraphs(wikitext, NAMESPACES)]


def links(wikitext):
    [paragraph] = paragraphs(wikitext, NAMESPACES)
    return [(paragraph.text[link.start : link.end], link.target) for link in paragraph.links]


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("a '''b''' ''c'' '''''d''''' L''''or'''", "a b c d L'or"),
        ("a<!-- x [[y]] --> b", "a b"),
        ("a<!-- never closed", "a"),
        ('a<ref>x</ref> b<ref name=n/> c<ref name="n">{{cite|[[x]]}}</ref>.', "a b c."),
        ("a<ref>not closed b", "anot closed b"),
        ("a {{t|x={{u|[[y]]}}|z}} b", "a b"),
        ("a {{{1|x}}} b {{#if:x|y}} c", "a b c"),
        ("A ({{IPA|x}}; born) and ({{y}})", "A (born) and"),
        ("a {{lang|fr|''b''}} {{nowrap|c {{d}}e}} {{convert|5|km|mi}}", "a b c e 5 km"),
        ("a &amp; b&nbsp;c &lt;ref&gt; &#1; d", "a & b c <ref> d"),
        ("a<br/>b<br>c", ["a", "b", "c"]),
        ("a <small>b</small> H<sub>2</sub>O", "a b H2O"),
        ("a <nowiki>[[b]] '''{{c}}</nowiki> d", "a [[b]] '''{{c}} d"),
        ("a <math>x^{2}</math> b <code>c</code>", "a b c"),
        ("[http://x.org a b] c http://x.org/y d [http://z]", "a b c d"),
        ("__NOTOC__a ~~~~ b", "a b"),
        ("one\ntwo\n\nthree", ["one two", "three"]),
        ("a\n* list\n# list\n: indented\n; term\nb", ["a", "b"]),
        ("a\n{| class=x\n| [[b]]\n{|\n| c\n|}\n|}\nd", ["a", "d"]),
        ("a\n code block\nb", ["a", "b"]),
        ("a {{ b\n\nc", "c"),
        ("a [[b\n\nc", "c"),
        ("\x01a\x020\x02b\x03", "a0b"),
        ("", []),
    ],
)
def test_what_is_left_of_markup(wikitext, text):
    assert plain(wikitext) == (text if isinstance(text, list) else [text])


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("[[Ada]] met [[Zed (town)|Zed]]", [("Ada", "Ada"), ("Zed", "Zed (town)")]),
        ("the [[bus]]es and [[Köln|Kölsch]]er", [("buses", "bus"), ("Kölscher", "Köln")]),
        ("[[bus]]ES [[巴士]]站 [[bus]]'s", [("bus", "bus"), ("巴士", "巴士"), ("bus", "bus")]),
        ("[[Ada|''Ada'' &amp; co]] x", [("Ada & co", "Ada")]),
        ("[[Ada#Life|her life]]", [("her life", "Ada#Life")]),
        ("[[Ada|A {{nowrap|b}}<ref>x</ref>]]", [("A b", "Ada")]),
        ("[[Ada|  spaced  ]] x", [("spaced", "Ada")]),
        ("[[AT&amp;T]]", [("AT&T", "AT&T")]),
        ("[[Mission: Impossible]]", [("Mission: Impossible", "Mission: Impossible")]),
        ("x [[#Section|here]] [[:Kategorie:A|cat]] [[Wikipedia:B|c]] [[wikt:d|d]] [[:de:E|e]]", []),
        ("x [[Datei:A.jpg|mini|with [[Ada]] in it]] [[Kategorie:B]] [[de:C]] [[File:d.png]]", []),
        ("x [[ ]] [[|]] [[Ada", None),
    ],
)
def test_links_and_where_their_words_stand(wikitext, expected):
    if expected is None:
        assert plain(wikitext) == []
    else:
        assert links(wikitext) == expected


def test_words_of_links_that_lead_elsewhere_stay_in_the_text():
    wikitext = "x [[#Section|here]] [[:Kategorie:A|cat]] [[wikt:d|word]] [[Datei:A.jpg|mini|gone]]"
    assert plain(wikitext) == ["x here cat word"]


def test_a_paragraph_knows_the_heading_above_it():
    found = paragraphs("lead\n== Life &amp; [[Work|work]] ==\nb\n=== Sub ===\nc", NAMESPACES)
    assert [(one.section, one.text) for one in found] == [("", "lead"), ("Life & work", "b"), ("Sub", "c")]


@pytest.mark.parametrize("opening", ["{{a|", "[[a|", "{|\n", "{{{a|", "{{a|[[b|"])
@pytest.mark.parametrize("closing", ["", "}}", "]]"])
def test_markup_nested_too_deeply_is_an_error_at_once(opening, closing):
    with pytest.raises(InputError, match="nested deeper than 100"):
        paragraphs(opening * 5000 + closing * 5000, NAMESPACES)


@pytest.mark.parametrize(
    "wikitext",
    ["<ref>" * 20_000, "<nowiki>" * 20_000, "<ref>" * 9_000 + "</ref>" * 9_000,
     "<!--" * 20_000, "''" * 20_000, "[http://a " * 20_000, "(" * 20_000,
     "&" * 20_000, "=" * 20_000, "]]" * 20_000, "}}" * 20_000, "<b" * 20_000, "( ;" * 20_000,
     "[[a|b]] " * 3_000, "{{a}}" * 5_000, "{|\n|}\n" * 3_000, ":" * 5_000, "\n;a:" * 3_000, "http://a " * 9_000],
)  # fmt: skip
def test_long_runs_of_unclosed_markup_are_read(wikitext):
    paragraphs(wikitext, NAMESPACES)


PARTS = st.sampled_from(
    ["[[", "]]", "|", "{{", "}}", "{|", "|}", "\n", "''", "<ref>", "</ref>", "<nowiki>", "</nowiki>", "<b>", "&amp;",
     "Ada", " ", "es", "Datei:x", "[http://x y]", "==", "*", "\x01", "\x03", "{{lang|fr|", "<!--", "-->", "(", "😀"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=25).map("".join))
def test_links_of_any_wikitext_select_their_words_without_markup(wikitext):
    for paragraph in paragraphs(wikitext, NAMESPACES):
        assert paragraph.text == paragraph.text.strip() != ""
        assert "\n" not in paragraph.text
        assert not any(mark in paragraph.text for mark in "\x01\x02\x03")
        end = 0
        for link in paragraph.links:
            assert end <= link.start < link.end <= len(paragraph.text)
            words = paragraph.text[link.start : link.end]
            assert words == words.strip()
            assert link.target.strip()
            end = link.end


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_every_link_of_running_text_is_found_with_its_words(pairs):
    wikitext = " – ".join(f"[[T{target}|{words}]]" for target, words in pairs)
    assert links(wikitext) == [(words, f"T{target}") for target, words in pairs]
