"""Wikitext without what is not running text: comments, references, templates, tables. Links are left as they are.

wikitextparser finds templates and tables; docs/labelled-texts.md has the measurement that chose it.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

from elinker.errors import InputError, MissingExtraError

try:
    import wikitextparser  # type: ignore[import-untyped]
except ModuleNotFoundError:
    raise MissingExtraError("wikitextparser", "formats") from None

DEEPEST = 100
"""Nesting of braces and brackets above which a page is not parsed; MediaWiki expands templates 40 to 100 deep."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPECIAL = re.compile(r"[\[\]{}<>|'=*#:;&_~\n-]")
_WITHOUT_TEXT = (
    "ref", "references", "math", "chem", "ce", "gallery", "timeline", "score", "syntaxhighlight", "source", "pre",
    "imagemap", "inputbox", "categorytree", "templatestyles", "templatedata", "mapframe", "maplink", "graph",
    "hiero", "section", "indicator", "table", "style", "script", "noinclude",
)  # fmt: skip
_ELEMENT = re.compile(rf"<(/?)(nowiki|{'|'.join(_WITHOUT_TEXT)})(?=[\s/>])([^<>]*)>", re.IGNORECASE)
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


def running_text(wikitext: str) -> str:
    """The wikitext without comments, references and other elements that are no text, templates and tables.

    Contents of `nowiki` are written as character references, so that nothing takes them for markup later.

    Raises:
        InputError: braces and brackets are nested deeper than `DEEPEST`.
    """
    text = _without_elements(_COMMENT.sub("", wikitext))
    _check_depth(text)
    return _without_templates(text)


def links_of(text: str) -> list[wikitextparser.WikiLink]:
    """All `[[…]]` of a text, outer before inner ones."""
    return list(wikitextparser.parse(text).wikilinks) if "[[" in text else []


def without(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with each span replaced; spans that lie in one replaced before are passed over."""
    parts: list[str] = []
    cursor = 0
    for start, end, replacement in sorted(spans):
        if start >= cursor:
            parts += [text[cursor:start], replacement]
            cursor = end
        else:
            cursor = max(cursor, end)
    return "".join([*parts, text[cursor:]])


def _without_elements(text: str) -> str:
    """Elements whose content is no text, with their content; of one that is not closed only the tag."""
    closings: dict[str, list[re.Match[str]]] = {}
    tags = list(_ELEMENT.finditer(text))
    for tag in tags:
        if tag[1]:
            closings.setdefault(tag[2].lower(), []).append(tag)
    spans = []
    cursor = 0
    for tag in tags:
        if tag.start() < cursor:
            continue
        name, cursor, shown = tag[2].lower(), tag.end(), ""
        closing = None if tag[1] or tag[3].endswith("/") else _next(closings.get(name, []), cursor)
        if closing is not None:
            shown = _escaped(text[cursor : closing.start()]) if name == "nowiki" else ""
            cursor = closing.end()
        spans.append((tag.start(), cursor, shown))
    return without(text, spans)


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


def _without_templates(text: str) -> str:
    if "{" not in text:
        return text
    parsed = wikitextparser.parse(text)
    spans = [(*template.span, _shown(template)) for template in parsed.templates]
    spans += [(*one.span, "") for one in (*parsed.parser_functions, *parsed.parameters)]
    spans += [(*table.span, "") for table in parsed.get_tables(recursive=True)]
    return without(text, [(start, end, shown) for start, end, shown in spans])


def _shown(template: wikitextparser.Template) -> str:
    show = _SHOWN.get(template.name.strip().lower())
    if show is None:
        return ""
    arguments = [argument.value.strip() for argument in template.arguments if argument.positional]
    return _without_templates(show(arguments))
