"""Entity-linking conversations of the OneGen reference code (`train.jsonl`), read back as texts with mentions.

`conversations` has the format and reads its question answering; here is what entity linking adds: marked mentions.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elinker.errors import InputError
from elinker.labelled.conversations import Message, entries, messages_of
from elinker.labelled.mentions import first_object, gold_document, gold_mention
from elinker.labelled.source import Reject, at, json_objects
from elinker.schema import Document

POSITIVES = "positives"
"""Key of `meta`: for each mention, in order, the list of ids that are right; empty for a mention without entity."""
NEGATIVES = "negatives"
"""Key of `meta`: for each mention, in order, the list of ids of its hard negatives."""

_MARKED = re.compile(r"<MENTION>(.*?)</MENTION>(\[LK\])?(?:\[_CONTINUE_\])?", re.DOTALL)
_END = "</s>"


def recognises(path: Path, head: str) -> bool:
    """Whether the first line has messages."""
    return isinstance(first_object(head).get("messages"), list)


def read(path: Path, reject: Reject) -> Iterator[Document]:
    """A document a line, its text what the assistant writes without markup; the id is `file:line`.

    The entity of a mention is the first of its positives. `meta["positives"]` and `meta["negatives"]` have them all.
    The blank that begins the assistant's turn, and `</s>` at its end, are not part of the text.
    """
    for number, value in json_objects(path, reject):
        try:
            answers = [message for message in messages_of(value) if message.role == "assistant"]
            if len(answers) != 1:
                raise InputError(f"{len(answers)} messages of the assistant, not one")
            if "[LK]" not in answers[0].content and answers[0].positives:
                raise InputError("no [LK] in the assistant's text", hint="read_conversations reads question answering")
            yield _document(f"{path.name}:{number}", answers[0])
        except InputError as error:
            reject(at(path, number, error))


def _document(identifier: str, answer: Message) -> Document:
    marked = answer.content.removeprefix(" ").removesuffix(_END)
    linked = [match[2] is not None for match in _MARKED.finditer(marked)]
    if marked.count("[LK]") != sum(linked):
        raise InputError("a [LK] that does not follow a </MENTION>")
    positives = iter(entries(answer.positives, sum(linked), "positive"))
    negatives = iter(entries(answer.negatives, sum(linked), "negative"))
    text, spans = _unmarked(marked)
    right = [next(positives) if is_linked else () for is_linked in linked]
    wrong = [next(negatives) if is_linked else () for is_linked in linked]
    mentions = [
        gold_mention(text, start, end, ids[0] if ids else None) for (start, end), ids in zip(spans, right, strict=True)
    ]
    meta: dict[str, Any] = {POSITIVES: [list(ids) for ids in right], NEGATIVES: [list(ids) for ids in wrong]}
    return gold_document(identifier, text, mentions, meta)


def _unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without markup and where the mentions stand in it."""
    parts: list[str] = []
    spans = []
    length = cursor = 0
    for match in _MARKED.finditer(marked):
        before = marked[cursor : match.start()]
        start = length + len(before)
        length = start + len(match[1])
        spans.append((start, length))
        parts += [before, match[1]]
        cursor = match.end()
    return "".join([*parts, marked[cursor:]]), spans
