"""Wikitext without what is not running text: comments, references, templates, tables, tags. Links go to the caller.

mwparserfromhell parses it (wikitextparser is some four times as fast, but under the GPL). Nothing is expanded: the few
templates whose arguments are text are listed here.
"""

import re
from bisect import bisect_left
from collections.abc import Callable

from elinker.errors import InputError, MissingExtraError

try:
    import mwparserfromhell
    from mwparserfromhell import nodes
    from mwparserfromhell.wikicode import Wikicode
except ModuleNotFoundError:
    raise MissingExtraError("mwparserfromhell", "formats") from None

DEEPEST = 100
"""Nesting of braces and brackets above which a page is not parsed; MediaWiki expands templates 40 to 100 deep."""

ShowLink = Callable[[str, str | None], str]
"""What stands in the text for a link with this target and these words, None where it has none of its own."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPECIAL = re.compile(r"[\[\]{}<>|'=*#:;&_~\n-]")
_WITHOUT_TEXT = (
    "ref", "references", "math", "chem", "ce", "gallery", "timeline", "score", "syntaxhighlight", "source", "pre",
    "imagemap", "inputbox", "categorytree", "templatestyles", "templatedata", "mapframe", "maplink", "graph",
    "hiero", "section", "indicator", "table", "style", "script", "noinclude",
)  # fmt: skip
_ELEMENT = re.compile(rf"<(/?)(nowiki|{'|'.join(_WITHOUT_TEXT)})(?=[\s/>])([^<>]*)>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|hr|p|/p|div|/div|blockquote|/blockquote)(?=[\s/>])[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_EXTERNAL = re.compile(r"\[(?:[a-z]+:)?//[^\s\[\]<>{}|]*[^\S\n]*([^\[\]\n]*)\]", re.IGNORECASE)
_URL = re.compile(r"(?:https?|ftp)://[^\s\[\]<>{}|]+", re.IGNORECASE)
_SINGLE_BRACKET = re.compile(r"(?<!\[)\[(?!\[)")
_LISTS = ("*", "#", ":", ";")
_BRACKETS = re.compile(r"\{[{|]|[}|]\}|\[\[|\]\]")

Arguments = list[str]


def _converted(arguments: Arguments) -> str:
    return " ".join(arguments[:2])


_SHOWN: dict[str, Callable[[Arguments], str]] = {
    "lang": lambda arguments: "".join(arguments[1:2]),
    "nowrap": lambda arguments: "".join(arguments[:1]),
    "nobr": lambda arguments: "".join(arguments[:1]),
    "convert": _converted,
    "cvt": _converted,
}
"""Templates whose arguments are running text, and what they show."""


def running_text(wikitext: str, show_link: ShowLink) -> str:
    """The wikitext without comments, templates, tables, tags, addresses, and elements such as references.

    Headings and the signs of lists stay as they are. Contents of `nowiki` are written as character references, so that
    nothing takes them for markup.

    Raises:
        InputError: braces and brackets are nested deeper than `DEEPEST`.
    """
    text = _without_elements(_COMMENT.sub("", wikitext))
    text = _TAG.sub("", _BREAK.sub("\n\n", text))
    text = _URL.sub("", _EXTERNAL.sub(r"\1", text))
    _check_depth(text)
    text = _SINGLE_BRACKET.sub("&#91;", text)  # the parser takes quadratic time for links that are not closed
    return _shown(mwparserfromhell.parse(text, skip_style_tags=True), show_link)


def _without_elements(text: str) -> str:
    """Elements whose content is no text, with their content; of one that is not closed only the tag."""
    closings: dict[str, list[re.Match[str]]] = {}
    tags = list(_ELEMENT.finditer(text))
    for tag in tags:
        if tag[1]:
            closings.setdefault(tag[2].lower(), []).append(tag)
    parts = []
    cursor = 0
    for tag in tags:
        if tag.start() < cursor:
            continue
        parts.append(text[cursor : tag.start()])
        name, cursor, shown = tag[2].lower(), tag.end(), ""
        closing = None if tag[1] or tag[3].endswith("/") else _next(closings.get(name, []), cursor)
        if closing is not None:
            shown = _escaped(text[cursor : closing.start()]) if name == "nowiki" else ""
            cursor = closing.end()
        parts.append(shown)
    return "".join([*parts, text[cursor:]])


def _next(closings: list[re.Match[str]], position: int) -> re.Match[str] | None:
    index = bisect_left(closings, position, key=lambda tag: tag.start())
    return closings[index] if index < len(closings) else None


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda character: f"&#{ord(character[0])};", text)


def _check_depth(text: str) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth = depth + 1 if match[0] in ("{{", "[[", "{|") else max(0, depth - 1)
        if depth > DEEPEST:
            raise InputError(f"markup nested deeper than {DEEPEST}")


def _shown(code: Wikicode, show_link: ShowLink) -> str:
    return "".join(_shown_node(node, show_link) for node in code.nodes)


def _shown_node(node: nodes.Node, show_link: ShowLink) -> str:
    match node:
        case nodes.Text() | nodes.HTMLEntity():
            return str(node)
        case nodes.Wikilink():
            return show_link(str(node.title), None if node.text is None else _shown(node.text, show_link))
        case nodes.Heading():
            signs = "=" * node.level
            return f"{signs}{_shown(node.title, show_link)}{signs}"
        case nodes.Template():
            show = _SHOWN.get(str(node.name).strip().lower())
            arguments = [_shown(one.value, show_link).strip() for one in node.params if not one.showkey] if show else []
            return show(arguments) if show else ""
        case nodes.Tag() if node.wiki_markup in _LISTS:
            return str(node.wiki_markup)
        case _:
            return ""
