"""A page to read errors on: texts with gold and predicted spans side by side, coloured and filtered by category.

One file with nothing from elsewhere and no script: the filter is CSS. The page's own policy forbids everything but its
style sheet, so that nothing in a text can load or run, even if it were not escaped.
"""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from elinker.evaluation.categories import MEANING, Category
from elinker.evaluation.gold import Span
from elinker.evaluation.html_spans import Marked, marked_text, shown
from elinker.evaluation.mistakes import Mistake
from elinker.evaluation.report import COLUMNS, cells
from elinker.evaluation.run import BenchmarkResult
from elinker.whole_file import write_text

RIGHT = "right"
ASIDE = "aside"

_COLOURS = {
    "undetected": "#f6c7b6",
    "entity": "#f3b1bf",
    "false": "#f7dd9c",
    RIGHT: "#bfe5c0",
    ASIDE: "#dcdcdc",
}
"""Colours by the first word of a category, of a right span, and of one that is not judged."""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.6 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #fff; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
form { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .3rem .9rem; font-size: .85rem; }
form label { padding: .05rem .4rem; border-radius: .3rem; }
article { border-top: 1px solid #ccc; padding: .6rem 0; }
article h3 { font-size: .95rem; margin: .2rem 0; }
.sides { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 1.5rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.side { font-size: .75rem; color: #666; }
mark { border-radius: .25rem; padding: .05rem .15rem; color: inherit; background: #eee; unicode-bidi: isolate; }
mark small { font-size: .7em; opacity: .75; margin-left: .3em; }
"""


def write_html(path: Path, results: Sequence[BenchmarkResult]) -> None:
    """Write the page of one or more results. Results of one benchmark and several systems stand side by side.

    Raises:
        UsageError: the file cannot be written.
    """
    write_text(path, html_page(results))


def html_page(results: Sequence[BenchmarkResult]) -> str:
    """The page as text."""
    mistakes = [list(result.mistakes()) for result in results]
    counts = Counter(category for found in mistakes for mistake in found for category in mistake.categories)
    style = _STYLE + "".join(_rules())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta http-equiv="Content-Security-Policy" '
            f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n",
            '<meta name="viewport" content="width=device-width">\n<title>elinker evaluate</title>\n',
            f"<style>{style}</style>\n</head>\n<body>\n<h1>Evaluation</h1>\n",
            _scores(results),
            _filter(counts),
            *_sections(results, mistakes),
            "</body>\n</html>\n",
        ]
    )


def _rules() -> Iterator[str]:
    """The colours, and for each category a rule that leaves only its documents and dims the other spans."""
    for category in (*Category, RIGHT, ASIDE):
        group = category.split("-")[0]
        if group in _COLOURS:
            yield f".{category} {{ background: {_COLOURS[group]}; }}\n"
    for category in Category:
        chosen = f"body:has(#show-{category}:checked)"
        yield f"{chosen} article:not(.has-{category}) {{ display: none; }}\n"
        yield f"{chosen} mark:not(.{category}) {{ background: none; }}\n"
        yield f"{chosen} mark.{category} {{ outline: 2px solid #333; }}\n"


def _scores(results: Sequence[BenchmarkResult]) -> str:
    head = "".join(f"<th>{shown(column)}</th>" for column in COLUMNS)
    rows = ("".join(f"<td>{shown(cell)}</td>" for cell in cells(result)) for result in results)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>\n"


def _filter(counts: Mapping[Category, int]) -> str:
    options = ['<label><input type="radio" name="show" id="show-all" checked> all</label>']
    options += [
        f'<label class="{category}" title="{shown(MEANING[category])}">'
        f'<input type="radio" name="show" id="show-{category}"> {category} ({counts[category]})</label>'
        for category in Category
        if counts[category]
    ]
    return f"<form>{''.join(options)}</form>\n"


def _sections(results: Sequence[BenchmarkResult], mistakes: Sequence[Sequence[Mistake]]) -> Iterator[str]:
    """A section a benchmark; results that share their gold share a section, a column each."""
    groups: dict[int, list[int]] = defaultdict(list)
    for number, result in enumerate(results):
        same = next((first for first in groups if results[first].gold == result.gold), number)
        groups[same].append(number)
    for first, numbers in groups.items():
        names = [results[number].title for number in numbers]
        yield f"<section><h2>{shown(' · '.join(names))}</h2>\n"
        by_document = [_by_document(mistakes[number]) for number in numbers]
        for index in range(len(results[first].gold)):
            own = [found.get(index, []) for found in by_document]
            yield _document(index, [results[number] for number in numbers], own)
        yield "</section>\n"


def _by_document(mistakes: Sequence[Mistake]) -> Mapping[int, list[Mistake]]:
    sorted_out: defaultdict[int, list[Mistake]] = defaultdict(list)
    for mistake in mistakes:
        sorted_out[mistake.document].append(mistake)
    return sorted_out


def _document(index: int, results: Sequence[BenchmarkResult], mistakes: Sequence[Sequence[Mistake]]) -> str:
    gold = results[0].gold[index]
    categories = sorted({category for found in mistakes for mistake in found for category in mistake.categories})
    heading = " · ".join(part for part in (gold.id, gold.title) if part)
    columns = [_side("gold", gold.text, _gold_spans(results[0], index, mistakes))]
    for result, found in zip(results, mistakes, strict=True):
        name = "predicted" if len(results) == 1 else f"predicted: {result.title}"
        columns.append(_side(name, gold.text, _predicted_spans(result, index, found)))
    classes = " ".join(f"has-{category}" for category in categories)
    return (
        f'<article class="{classes}"><h3>{shown(heading)}</h3><div class="sides">{"".join(columns)}</div></article>\n'
    )


def _side(name: str, text: str, spans: Sequence[Marked]) -> str:
    return (
        f'<div><div class="side">{shown(name)}</div><div class="text" dir="auto">{marked_text(text, spans)}</div></div>'
    )


def _gold_spans(result: BenchmarkResult, index: int, mistakes: Sequence[Sequence[Mistake]]) -> list[Marked]:
    """Gold mentions with the categories of the errors on them, of all systems; what is not scored is set aside."""
    gold = result.gold[index]
    errors: defaultdict[tuple[Span, str | None], set[Category]] = defaultdict(set)
    for mistake in (mistake for found in mistakes for mistake in found if mistake.gold_id is not None):
        errors[(mistake.start, mistake.end), mistake.gold_id].update(mistake.categories)
    spans = []
    for mention in (*gold.mentions, *gold.alternatives):
        categories = tuple(sorted(errors[mention.span, mention.entity_id]))
        judged = mention in gold.mentions and gold.is_scored(*mention.span) and mention.entity_id is not None
        label = mention.label or (result.known.label(mention.entity_id) if mention.entity_id else None)
        named = _name(mention.entity_id, label)
        classes = categories or ((RIGHT,) if judged else (ASIDE,))
        spans.append(Marked(mention.start, mention.end, classes, named, _title(named, categories)))
    return spans


def _predicted_spans(result: BenchmarkResult, index: int, mistakes: Sequence[Mistake]) -> list[Marked]:
    """Predicted mentions with the categories of their errors; a link that is not judged is set aside."""
    gold, predicted = result.gold[index], result.predicted[index]
    errors: defaultdict[tuple[int, int, str | None], set[Category]] = defaultdict(set)
    for mistake in mistakes:
        found = mistake.predicted
        if found is not None and (found.start, found.end) == (mistake.start, mistake.end):
            errors[found.start, found.end, found.entity_id].update(mistake.categories)
    right = {(mention.start, mention.end, mention.entity_id) for mention in gold.scored()}
    spans = []
    for mention in predicted.mentions:
        key = (mention.start, mention.end, mention.entity_id)
        categories = tuple(sorted(errors[key]))
        label = mention.label or (result.known.label(mention.entity_id) if mention.entity_id else None)
        named = _name(mention.entity_id, label)
        classes = categories or ((RIGHT,) if key in right and mention.entity_id is not None else (ASIDE,))
        spans.append(Marked(mention.start, mention.end, classes, named, _title(named, categories)))
    return spans


def _name(entity_id: str | None, label: str | None) -> str:
    if entity_id is None:
        return "NIL"
    return f"{entity_id} {label}" if label else entity_id


def _title(named: str, categories: Sequence[Category]) -> str:
    return "\n".join([named, *(f"{category}: {MEANING[category]}" for category in categories)])
