"""A web page with mentions highlighted, as spaCy's displaCy draws them; it is only written.

displaCy: https://spacy.io/usage/visualizers#ent (its format for data that are given by hand).
"""

from html import escape
from typing import BinaryIO

from elinker.corpus.formats.identifiers import entity_uri
from elinker.corpus.formats.mention_types import outermost, typed_mentions
from elinker.corpus.formats.text import Framed, utf8, xml_characters
from elinker.corpus.losses import Loss, Losses
from elinker.corpus.records import Format, write_only
from elinker.schema import Document

_START = """<!DOCTYPE html>
<html lang="und">
<head>
<meta charset="utf-8">
<title>Texts annotated by elinker</title>
<style>
body { font: 16px Helvetica, Arial, sans-serif; margin: 0 auto; max-width: 60rem; padding: 2rem }
figure { border-bottom: 1px solid #ddd; margin: 0 0 2rem; padding: 0 0 2rem }
.entities { white-space: pre-wrap }
</style>
</head>
<body>
"""
_END = "</body>\n</html>\n"


class DisplacyWriter:
    """Writes a figure a document; a mention has its id as a link to the entity where that has an address."""

    def __init__(self, stream: BinaryIO) -> None:
        self._page = Framed(stream, _START, _END)
        self.losses = Losses()

    def write(self, document: Document) -> None:
        """Add a figure; see `Writer.write`."""
        flat = outermost(document)
        text, replaced = xml_characters(flat.text)
        self._page.write(utf8(_figure(flat, text)))
        self.losses[Loss.CHARACTERS] += replaced
        self.losses[Loss.OVERLAPS] += len(document.mentions) - len(flat.mentions)
        self.losses.of(flat, [Loss.LABELS, Loss.SCORES, Loss.CANDIDATES, Loss.META])

    def finish(self) -> None:
        """End the page."""
        self._page.finish()


def _figure(document: Document, text: str) -> str:
    from spacy import displacy

    spans = []
    for mention, kind in typed_mentions(document):
        names = {"label": _shown(kind), "kb_id": "", "kb_url": "#"}
        if mention.entity_id is not None:
            uri = entity_uri(mention.entity_id)
            address = uri if uri.startswith(("http://", "https://")) else "#"
            names |= {"kb_id": _shown(mention.entity_id), "kb_url": escape(address)}
        spans.append({"start": mention.start, "end": mention.end, **names})
    given = {"text": text, "ents": spans, "title": _shown(document.id)}
    # displaCy escapes the text, but neither titles nor what it says of a mention.
    return f"<figure>\n{displacy.render(given, style='ent', manual=True, page=False, jupyter=False)}\n</figure>\n"


def _shown(text: str) -> str:
    return escape(xml_characters(text)[0])


FORMAT = Format("displacy", reads=(), read=write_only, writes=(".html",), write=DisplacyWriter)
