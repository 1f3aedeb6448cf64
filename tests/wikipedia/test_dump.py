"""A dump is streamed page by page, from plain and compressed files, and hostile XML is refused."""

import bz2
import gzip

import pytest

from elinker.errors import InputError
from elinker.wikipedia import dump as dumps
from elinker.wikipedia.dump import Dump

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">'


def page(title="A", text="x", more=""):
    return (
        f"<page><title>{title}</title><ns>0</ns><id>7</id>{more}"
        f"<revision><id>8</id><contributor><id>9</id></contributor><text>{text}</text></revision></page>"
    )


def read(tmp_path, content):
    path = tmp_path / "dump.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(Dump(path).pages())


def test_pages_have_their_own_ids_namespaces_and_redirects(samples):
    pages = {page.title: page for page in Dump(samples / "small.xml").pages()}
    assert (pages["Ada Lovelace"].id, pages["Ada Lovelace"].namespace) == (974, 0)
    assert pages["Babbage"].redirect == "Charles Babbage"
    assert pages["Talk:London"].namespace == 1
    assert pages["Charles Babbage"].text.startswith("'''Charles Babbage''' was born")


def test_pages_that_are_no_wikitext_have_no_text(samples):
    pages = {page.title: page for page in Dump(samples / "small.xml").pages()}
    assert pages["Analytical engine/style.css"].text == ""


def test_names_of_namespaces_are_known_when_the_first_page_is_there(samples):
    dump = Dump(samples / "small.xml")
    next(dump.pages())
    assert dump.namespaces[6] == "File"


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress, lambda content: bz2.compress(content[:900]) * 1])
def test_compressed_files_are_told_by_their_first_bytes(tmp_path, samples, pack):
    content = (samples / "small.xml").read_bytes()
    packed = pack(content)
    if pack not in (bz2.compress, gzip.compress):
        packed += bz2.compress(content[900:])  # two streams in one file, as multistream dumps have
    (tmp_path / "small").write_bytes(packed)
    assert list(Dump(tmp_path / "small").pages()) == list(Dump(samples / "small.xml").pages())


def test_progress_counts_the_bytes_on_the_disk(samples):
    path = samples / "small.xml"
    seen: list[int] = []
    list(Dump(path).pages(seen.append))
    assert seen[-1] == path.stat().st_size


def test_of_several_revisions_the_last_in_the_file_counts(tmp_path):
    more = "<revision><id>1</id><text>older</text></revision>"
    assert read(tmp_path, f"{HEAD}{page(text='newer', more=more)}</mediawiki>")[0].text == "newer"


def test_a_text_beyond_the_limit_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "LONGEST_TEXT", 5)
    pages = read(tmp_path, f"{HEAD}{page(text='123456')}{page(text='12345')}</mediawiki>")
    assert [one.text for one in pages] == ["", "12345"]


BOMB = '<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + HEAD + page(text="&b;") + "</mediawiki>"
EXTERNAL = '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + HEAD + page(text="&a;") + "</mediawiki>"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (BOMB, "a document type declaration"),
        (EXTERNAL, "a document type declaration"),
        (HEAD + page(text="&nbsp;") + "</mediawiki>", "not a complete XML file: undefined entity"),
        (HEAD + page(), "not a complete XML file: no element found"),
        (HEAD + page().replace("</title>", ""), "not a complete XML file: mismatched tag"),
        (HEAD.encode() + b"<page><title>\xff</title></page>", "not a complete XML file: not well-formed"),
        ("<html></html>", "the XML is a 'html', not a 'mediawiki' dump"),
        ("", "not a complete XML file"),
        ("not XML", "not a complete XML file"),
        (HEAD + "<page><id>seven</id></page></mediawiki>", "'id' is 'seven', not a number"),
        (gzip.compress(b"<mediawiki>" + b" " * 9000)[:-9], "the compressed file is damaged"),
        (bz2.compress(b"<mediawiki>")[:-9], "the compressed file is damaged"),
        (b"BZh9" + b"\x00" * 50, "the compressed file is damaged"),
        (b"\x1f\x8b" + b"\x00" * 50, "the compressed file is damaged"),
    ],
)
def test_a_broken_or_hostile_dump_is_an_error_of_one_line_with_its_name(tmp_path, content, complaint):
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert caught.value.message.startswith(str(tmp_path / "dump.xml"))
    assert complaint in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_missing_dump_is_an_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        list(Dump(tmp_path / "none.xml").pages())
