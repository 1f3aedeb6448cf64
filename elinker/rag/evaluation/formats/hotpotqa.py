"""HotpotQA (Yang et al. 2018; https://hotpotqa.github.io) and 2WikiMultihopQA (Ho et al. 2020), which adds to it.

A file is a JSON list. An object has `_id`, `question`, `answer`, `type`, `level`, `supporting_facts` (pairs of a title
and the index of a sentence) and `context` (pairs of a title and a list of sentences): ten paragraphs, in the distractor
setting with the gold ones among them, in the fullwiki setting as a retriever found them. 2WikiMultihopQA adds
`evidences` (triples), `evidences_id` (the Wikidata ids of their parts) and `answer_id`. Its `id_aliases.json` is JSON
lines with `Q_id`, `aliases` and `demonyms`. A blind test set has neither answers nor facts.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from elinker.errors import InputError
from elinker.labelled.source import at, json_objects, raise_error
from elinker.rag.evaluation.formats import fields
from elinker.rag.evaluation.normalisation import HOTPOTQA
from elinker.rag.evaluation.overlap import Fact, Triple
from elinker.rag.evaluation.questions import Page, Question

Aliases = Mapping[str, tuple[str, ...]]
"""Other names of entities by Wikidata id."""


def recognises(value: dict[str, Any]) -> bool:
    """Whether an object is a question of HotpotQA or 2WikiMultihopQA."""
    return "_id" in value and "question" in value and "context" in value


def is_2wiki(value: dict[str, Any]) -> bool:
    """Whether an object has what only 2WikiMultihopQA has."""
    return "evidences" in value


def read_aliases(path: Path) -> Aliases:
    """The `id_aliases.json` of 2WikiMultihopQA: aliases and demonyms by id.

    Raises:
        InputError: a line is broken.
    """
    aliases = {}
    for number, value in json_objects(path, raise_error):
        try:
            found = fields.texts(value.get("aliases"), "aliases") + fields.texts(value.get("demonyms"), "demonyms")
            aliases[fields.text(value, "Q_id")] = found
        except InputError as error:
            raise at(path, number, error) from None
    return aliases


def question(value: dict[str, Any], aliases: Aliases) -> Question:
    """A question; `aliases` of its answer are gold answers too, and so are those of the parts of evidence.

    Raises:
        InputError: a field is missing or wrong.
    """
    answer = fields.optional_text(value, "answer")
    answer_id = fields.optional_text(value, "answer_id")
    facts = None if value.get("supporting_facts") is None else _facts(value["supporting_facts"])
    titles = dict.fromkeys(title for title, _ in facts or ())
    return Question(
        id=fields.identifier(value, "_id", ""),
        text=fields.text(value, "question"),
        answers=() if answer is None else (answer, *aliases.get(answer_id or "", ())),
        ruler=HOTPOTQA,
        type=fields.optional_text(value, "type"),
        hops=tuple(frozenset([title]) for title in titles),
        named_by="title",
        in_order=False,
        pages=tuple(_page(*pair) for pair in fields.pairs(value.get("context"), "context")),
        facts=None if facts is None else frozenset(facts),
        any_case=is_2wiki(value),
        evidence=_evidence(value, aliases) if value.get("evidences") else None,
    )


def _facts(value: Any) -> list[Fact]:
    found = fields.pairs(value, "supporting_facts")
    if not all(isinstance(title, str) and isinstance(index, int) for title, index in found):
        raise InputError("field 'supporting_facts' is not a list of titles with the index of a sentence")
    return found


def _page(title: Any, sentences: Any) -> Page:
    if not isinstance(title, str):
        raise InputError("field 'context' has a page without a title")
    return Page.of_sentences(title, fields.texts(sentences, "context"))


def _evidence(value: dict[str, Any], aliases: Aliases) -> tuple[frozenset[Triple], ...]:
    triples = _triples(value["evidences"], "evidences")
    given = value.get("evidences_id")
    ids = _triples(given, "evidences_id") if given else [("", "", "")] * len(triples)
    if len(ids) != len(triples):
        raise InputError(f"{len(ids)} 'evidences_id' for {len(triples)} 'evidences'")
    return tuple(
        frozenset(
            (first, relation, last)
            for first, last in product((subject, *aliases.get(subject_id, ())), (target, *aliases.get(target_id, ())))
        )
        for (subject, relation, target), (subject_id, _, target_id) in zip(triples, ids, strict=True)
    )


def _triples(value: Any, name: str) -> list[Triple]:
    if not isinstance(value, list) or not all(isinstance(one, list) and len(one) == 3 for one in value):
        raise InputError(f"field {name!r} is not a list of triples")
    if not all(isinstance(part, str) for one in value for part in one):
        raise InputError(f"field {name!r} has a triple with a part that is no text")
    return [(one[0], one[1], one[2]) for one in value]
