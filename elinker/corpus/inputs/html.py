"""Web pages as documents: the text of a page is extracted, and mentions count the characters of that text.

Pages are decoded as browsers do it (https://encoding.spec.whatwg.org), because a page with one wrong byte is still read
by everybody. Nothing of a page is run and nothing that it links to is fetched.
"""

import codecs
import logging
import re
from collections.abc import Iterator
from typing import Any, Literal

from elinker.corpus.formats.plain import read_whole
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError, MissingExtraError
from elinker.schema import Document

_MARKS = (("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE))
_DECLARED = re.compile(rb"<(?:meta[^>]{0,500}?charset|\?xml[^>]{0,200}?encoding)\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_DECLARED_IN = 4096
"""Bytes in which a page may say what its encoding is; the standard asks for 1,024, pages are not as careful."""

_CHARSETS = re.compile(
    r"utf-8|utf-16(-[lb]e)?|iso8859-\d+|cp(125\d|866|874|932|949)|koi8-[ru]|mac-(roman|cyrillic)|gb2312|gbk|gb18030|big5"
    r"|big5hkscs|euc_(jp|kr)|shift_jis|iso2022_jp|tis-620|ascii",
)
"""The encodings of the web by Python's names; what else Python knows as one, no page is read in."""

_LIKE_BROWSERS = {"ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gbk", "shift_jis": "cp932", "euc_kr": "cp949"}
_HIDDEN = {"script", "style", "noscript", "template", "head", "iframe", "object", "svg", "math", "select", "textarea"}
_INLINE = {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd"}
_INLINE |= {"label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt"}
_INLINE |= {"u", "var", "wbr", "img"}


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A page is a document with the file's id, its title in the meta; one without text is an empty document."""
    try:
        encoding = None if options.encoding in ("utf-8", "detect") else options.encoding
        page = read_whole(source, options)
        text, title = page_text(page, encoding, options.html)
        meta = {} if title is None else {"title": title}
        yield Located(Document(source.id, text, meta=meta), source.name)
    except InputError as error:
        yield BadRecord(source.name, None, str(error))


def page_text(page: bytes, charset: str | None, which: Literal["main", "all"]) -> tuple[str, str | None]:
    """The text of a page and its title.

    `main` leaves out menus, footers and the like as trafilatura tells them; where it finds no main text, and for `all`,
    it is all that a browser would show, a line a block. `charset` is what is known about the encoding from elsewhere.

    Raises:
        InputError: the page cannot be parsed.
        MissingExtraError: trafilatura or lxml is not installed.
    """
    parse, extract = _libraries()
    html = decode_page(page, charset).replace("\0", "\N{REPLACEMENT CHARACTER}")
    if not html.strip():
        return "", None
    try:
        tree = parse(html)
        if tree is None:  # nothing but comments
            return "", None
        title = " ".join((tree.findtext(".//title") or "").split()) or None
        extracted = extract(parse(html)) if which == "main" else None
        return extracted or _shown_text(parse(html)), title
    except Exception as error:
        # lxml and trafilatura have no common exception for pages that they cannot make sense of.
        raise InputError(f"not readable as HTML: {' '.join(str(error).split()) or type(error).__name__}") from None


def decode_page(page: bytes, charset: str | None) -> str:
    """The characters of a page: by its byte order mark, `charset`, its own declaration, else UTF-8 or Windows-1252.

    Bytes that the encoding does not have become U+FFFD.
    """
    for name, mark in _MARKS:
        if page.startswith(mark):
            return page[len(mark) :].decode(name, "replace")
    declared = _DECLARED.search(page[:_DECLARED_IN])
    for label in (charset, declared and declared[1].decode("ascii", "replace")):
        known = None if label is None else _known(label)
        if known is not None:
            return page.decode(known, "replace")
    try:
        return page.decode("utf-8")
    except UnicodeDecodeError:
        return page.decode("cp1252", "replace")


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    return _LIKE_BROWSERS.get(name, name) if _CHARSETS.fullmatch(name) else None


def _libraries() -> tuple[Any, Any]:
    """What makes a tree of a page, and what makes main text of a tree."""
    try:
        import lxml.etree
        import lxml.html
        import trafilatura
    except ImportError:
        raise MissingExtraError("trafilatura", "formats") from None
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports every page that it finds nothing in

    def parse(html: str) -> Any:
        parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
        return lxml.etree.fromstring(html.encode("utf-8"), parser)

    def extract(tree: Any) -> str | None:
        found: Any = trafilatura.bare_extraction(tree, include_comments=False, with_metadata=False)
        return None if found is None else found.text

    return parse, extract


def _shown_text(tree: Any) -> str:
    """The text that a browser would show: blanks joined, each block on lines of its own."""
    from lxml import etree

    lines: list[list[str]] = [[]]
    hidden = 0
    for event, element in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        tag = element.tag if isinstance(element.tag, str) else None
        if tag in _HIDDEN:
            hidden += 1 if event == "start" else -1
        if tag is not None and tag not in _INLINE and lines[-1]:
            lines.append([])
        piece = element.text if event == "start" and tag is not None else element.tail if event != "start" else None
        if piece and not hidden:
            lines[-1].append(piece)
    joined = (" ".join("".join(line).split()) for line in lines)
    return "\n".join(line for line in joined if line)


FORMAT = Format("html", reads=(".html", ".htm", ".xhtml"), read=read)
