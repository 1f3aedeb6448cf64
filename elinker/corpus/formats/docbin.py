"""spaCy's `.spacy` files: documents with `doc.ents` as mentions and, in the user data, what spans cannot hold.

A `DocBin` is one compressed block, so writing one keeps its documents (in spaCy's packed form) in memory until the end,
and reading one unpacks it whole. It is msgpack with numpy arrays of numbers: neither side pickles, whatever it holds.
"""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from elinker.corpus.formats.jsonl import encode
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.tokens import Piece, covered, pieces
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

_EXPANSION = 100
"""Bytes that a byte of a file may stand for; those of real documents stand for 3 to 10."""
_STEP = 1 << 20

USER_DATA_KEY = "elinker"

NESTED = "elinker"
"""Key of `doc.spans` with the mentions that overlap one in `doc.ents`."""


def to_doc(document: Document, vocab: "Vocab") -> "Doc":
    """The document as a spaCy `Doc` with the same text.

    Its mentions are `ents` with `kb_id_` (empty for NIL), those that overlap an earlier one lie in `doc.spans`.

    Raises:
        InputError: the text or meta cannot be stored.
    """
    from spacy.tokens import Doc, Span

    document = sorted_mentions(document)
    encode(dict(document.meta))
    tokens, spaces = with_spaces(document, pieces(document))
    doc = Doc(vocab, words=[document.text[piece.start : piece.end] for piece in tokens], spaces=spaces)
    ents: list[Span] = []
    nested: list[Span] = []
    end = 0
    for (mention, kind), indices in zip(typed_mentions(document), covered(tokens, document.mentions), strict=True):
        span = Span(doc, indices.start, indices.stop, label=kind, kb_id=mention.entity_id or "")
        (ents if mention.start >= end else nested).append(span)
        end = max(end, mention.end)
    doc.set_ents(ents)
    if nested:
        doc.spans[NESTED] = nested
    value = document.to_json()
    del value["text"]
    doc.user_data[USER_DATA_KEY] = value
    return doc


def with_spaces(document: Document, tokens: list[Piece]) -> tuple[list[Piece], list[bool]]:
    """Tokens and whether one blank follows each, as `Doc` wants them; a blank at a mention's edge stays a token."""
    starts = {mention.start for mention in document.mentions}
    ends = {mention.end for mention in document.mentions}
    kept: list[Piece] = []
    spaces: list[bool] = []
    for piece in tokens:
        blank = piece.end == piece.start + 1 and document.text[piece.start] == " "
        after_token = bool(kept) and not spaces[-1] and kept[-1].end == piece.start
        if blank and after_token and piece.start not in starts and piece.end not in ends:
            spaces[-1] = True
        else:
            kept.append(piece)
            spaces.append(False)
    return kept, spaces


def from_doc(doc: "Doc", *, default_id: str) -> Document:
    """The inverse of `to_doc`, for anybody's `Doc`: `doc.ents` say which mentions there are.

    Score, label and candidates come from the user data where it has a mention with the same span and entity.

    Raises:
        InputError: the user data under `elinker` is not what `to_doc` writes.
    """
    value = _listed(doc.user_data.get(USER_DATA_KEY, {}))
    if not isinstance(value, dict):
        raise InputError(f"user data {USER_DATA_KEY!r} is not an object")
    known = Document.from_json({"id": default_id, **value, "text": doc.text})
    details = {(mention.start, mention.end, mention.entity_id or ""): mention for mention in known.mentions}
    spans = [*doc.ents, *doc.spans.get(NESTED, ())]
    spans.sort(key=lambda span: (span.start, -span.end))
    mentions = []
    for span in spans:
        plain = Mention(span.start_char, span.end_char, span.text, entity_id=span.kb_id_ or None)
        mentions.append(details.get((plain.start, plain.end, span.kb_id_), plain))
    meta = with_types(known.meta, [span.label_ or ENTITY for span in spans])
    return Document(known.id, doc.text, tuple(mentions), meta)


def _listed(value: Any) -> Any:
    """spaCy unpacks lists as tuples; JSON has lists."""
    if isinstance(value, Mapping):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


class DocBinWriter:
    """Collects documents and writes them as one `DocBin` when all are there."""

    def __init__(self, stream: BinaryIO) -> None:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab

        self._stream = stream
        self._bin = DocBin(store_user_data=True)
        self._vocab = Vocab()

    def write(self, document: Document) -> None:
        """Add a document; see `Writer.write`."""
        from srsly import msgpack_dumps

        doc = to_doc(document, self._vocab)
        try:
            msgpack_dumps(doc.user_data)
        except (OverflowError, TypeError, ValueError) as error:
            raise InputError(f"meta cannot be stored in a .spacy file: {error}") from None
        self._bin.add(doc)

    def finish(self) -> None:
        """Write the file."""
        self._stream.write(self._bin.to_bytes())


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a `Doc`, `line` being its number in the file; one without our user data gets the id `file:number`."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    with closing(source.open()) as stream:
        content = stream.read()
    number = 0
    try:
        _check_size(content, options)
        packed = DocBin().from_bytes(content)
        for number, doc in enumerate(packed.get_docs(Vocab()), start=1):
            source.consumed = (source.size or 0) * number // len(packed)
            try:
                document = from_doc(doc, default_id=f"{source.id}:{number}")
                yield Located(document, source.name, number)
            except InputError as error:
                yield BadRecord(source.name, number, str(error))
    except Exception as error:
        # What a damaged file makes spaCy, msgpack and numpy raise is not documented and is many things.
        reason = f"not readable as a .spacy file after document {number}: {_one_line(error)}"
        yield BadRecord(source.name, None, reason)


def _check_size(content: bytes, options: ReadOptions) -> None:
    """spaCy unpacks the file as a whole, so it is refused before where a little of it stands for very much.

    Raises:
        InputError: it does.
    """
    limit = max(options.max_bytes, _EXPANSION * len(content))
    unpacking = zlib.decompressobj()
    size = 0
    while content and not unpacking.eof:
        size += len(unpacking.decompress(content, _STEP))
        content = unpacking.unconsumed_tail
        if size > limit:
            raise InputError(f"it unpacks to more than {limit:,} bytes", hint="--max-bytes sets the limit")


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


FORMAT = Format("docbin", reads=(".spacy",), read=read, writes=(".spacy",), write=DocBinWriter, streams=False)
