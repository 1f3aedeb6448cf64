"""Prodigy's JSON lines: a task a line with text, tokens and spans, and what an annotator answered.

The format: https://prodi.gy/docs/api-interfaces (`ner_manual`, `spans_manual`). Offsets count characters, as everywhere
in spaCy; `token_end` is the last token of a span, not the one after it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from elinker.corpus.formats.details import details, list_of, object_of, span_of, string_of, with_details
from elinker.corpus.formats.docbin import with_spaces
from elinker.corpus.formats.jsonl import encode, load
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.plain import decode_lines, readable
from elinker.corpus.formats.tokens import covered, pieces
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source, short
from elinker.errors import InputError
from elinker.schema import Document, Mention

DETAILS = "elinker"
"""Key of a span with what elinker knows of it; Prodigy hands unknown keys on."""

_OWN = re.compile(rb'"(tokens|spans|_task_hash|_input_hash)"\s*:')
_NOT_META = ("id", "text", "meta", "tokens", "spans", "answer", "options", "accept", "config", "html", "label")


class ProdigyWriter:
    """Writes a task a document; spans have `kb_id`, empty for NIL. Mentions may overlap, `spans_manual` shows that."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, document: Document) -> None:
        """Add a line; see `Writer.write`."""
        document = sorted_mentions(document)
        text = document.text
        tokens, spaces = with_spaces(document, pieces(document))
        spans = []
        for (mention, kind), indices in zip(typed_mentions(document), covered(tokens, document.mentions), strict=True):
            places = {"start": mention.start, "end": mention.end, "text": mention.text}
            token_places = {"token_start": indices.start, "token_end": indices.stop - 1}
            names = {"label": kind, "kb_id": mention.entity_id or ""}
            spans.append({**places, **token_places, **names, DETAILS: details(mention)})
        listed = [
            {"text": text[token.start : token.end], "start": token.start, "end": token.end, "id": index, "ws": space}
            for index, (token, space) in enumerate(zip(tokens, spaces, strict=True))
        ]
        # The spans come before the tokens, so that the first bytes of a file tell the format of long texts too.
        task = {"id": document.id, "meta": dict(document.meta), "spans": spans, "text": text, "tokens": listed}
        self._stream.write(encode(task) + b"\n")

    def finish(self) -> None:
        """Nothing is held back."""


def recognises(head: bytes) -> bool:
    """Whether the first line has a text and Prodigy's spans, tokens or hashes, and none of elinker's mentions."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    return line.startswith(b"{") and _OWN.search(line) is not None and not re.search(rb'"mentions"\s*:', line)


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a line that was not answered with `reject` or `ignore`; one without an id gets `file:line`.

    Where the task is a choice (`options` and `accept`), its span's entity is what was accepted; the options whose id
    begins with `NIL` stand for no entity, as in spaCy's example of linking with Prodigy.
    """
    for number, line, content in decode_lines(source, options):
        if isinstance(line, InputError):
            yield BadRecord(source.name, number, str(line), readable(content))
        elif line.strip():
            try:
                document = _document(load(line), f"{source.id}:{number}")
            except InputError as error:
                yield BadRecord(source.name, number, str(error), short(line.rstrip("\r\n")))
                continue
            if document is not None:
                yield Located(document, source.name, number)


def _document(value: Any, default_id: str) -> Document | None:
    task = object_of(value, "the line")
    if task.get("answer", "accept") != "accept":
        return None
    text = string_of(task.get("text"), "text")
    spans = [object_of(span, "a span") for span in list_of(task.get("spans"), "spans")]
    accepted = task.get("accept")
    if isinstance(accepted, list) and len(spans) == 1:
        chosen = next((one for one in accepted if isinstance(one, str) and not one.startswith("NIL")), "")
        spans = [{**spans[0], "kb_id": chosen}]
    typed = sorted(
        ((_mention(span, text), _kind(span)) for span in spans), key=lambda pair: (pair[0].start, -pair[0].end)
    )
    identifier = task.get("id")
    return Document(
        default_id if identifier is None else str(identifier),
        text,
        tuple(mention for mention, _ in typed),
        with_types(_meta(task), [kind for _, kind in typed]),
    )


def _mention(span: Mapping[str, Any], text: str) -> Mention:
    start, end = span_of(span, text)
    if span.get("text", text[start:end]) != text[start:end]:
        raise InputError(f"span {span['text']!r} is not the text at {start}:{end}, which reads {text[start:end]!r}")
    entity_id = string_of(span.get("kb_id") or "", "kb_id")
    entity_id = "" if entity_id == "NIL" and not isinstance(span.get(DETAILS), dict) else entity_id
    return with_details(Mention(start, end, text[start:end], entity_id or None), span.get(DETAILS))


def _kind(span: Mapping[str, Any]) -> str:
    return string_of(span.get("label") or ENTITY, "label")


def _meta(task: Mapping[str, Any]) -> dict[str, Any]:
    """`meta` and the fields that are not Prodigy's."""
    others = {name: item for name, item in task.items() if name not in _NOT_META and not name.startswith("_")}
    meta = task.get("meta", {})
    return {**others, **meta} if isinstance(meta, dict) else {**others, "meta": meta}


FORMAT = Format(
    "prodigy",
    reads=(".jsonl",),
    read=read,
    writes=(".prodigy.jsonl",),
    write=ProdigyWriter,
    recognises=recognises,
)
