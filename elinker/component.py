"""The spaCy component `onegen_linker`, which runs a `Linker` over `Doc`s; linking itself is in `elinker.linking`.

Importing this module registers the factory and, in one place, the extension attributes:

- `doc._.mentions`: the mentions as `elinker.Mention`, with exact character offsets whatever the tokenisation.
- `span._.candidates`, `span._.link_score`: candidates and probability of the mention that made the span.

They are read from `doc.user_data["elinker"]`, plain JSON, so that they survive `Doc.to_bytes`, `DocBin` and processes.
"""

import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import srsly
from spacy import util
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example

from elinker.corpus.formats.docbin import USER_DATA_KEY
from elinker.corpus.formats.mention_types import ENTITY
from elinker.errors import UsageError
from elinker.linking.linker import DraftSource, Linker, MentionSource
from elinker.resources import COMPONENT, STARTER, find_pipeline
from elinker.schema import Candidate, Document, Mention

NIL = "NIL"
"""`kb_id_` of an entity span that is not linked, as spaCy's own entity linker has it."""

DEFAULT_CONFIG = {
    "pipeline": STARTER,
    "model": None,
    "kb": None,
    "device": None,
    "threshold": None,
    "top_k": None,
    "batch_size": None,
    "mentions": "onegen",
    "keep_nil": False,
    "alignment_mode": "expand",
    "draft": "model",
}


@Language.factory(  # type: ignore[untyped-decorator]
    COMPONENT,
    assigns=["doc.ents", "token.ent_kb_id"],
    default_config=DEFAULT_CONFIG,
    default_score_weights={"nel_micro_f": 1.0, "nel_micro_p": None, "nel_micro_r": None},
)
def make_onegen_linker(
    nlp: Language,
    name: str,
    pipeline: str,
    model: str | None,
    kb: str | None,
    device: str | None,
    threshold: float | None,
    top_k: int | None,
    batch_size: int | None,
    mentions: str,
    keep_nil: bool,
    alignment_mode: str,
    draft: str,
) -> "OneGenLinker":
    """Make the component from its config.

    Args:
        nlp: the pipeline it joins.
        name: its name there.
        pipeline: name of a shipped pipeline, or a directory with a linker.
        model: another model than the pipeline's, a directory or hub id.
        kb: another base than the pipeline's.
        device: `cpu`, `cuda`, …; by default a GPU where there is one.
        threshold: least probability of a link.
        top_k: candidates a mention.
        batch_size: windows a forward pass.
        mentions: `onegen` (the model finds them) or `ents` (link the spans that an earlier component set).
        keep_nil: whether mentions that are not linked stay in `doc.ents`, with `kb_id_` "NIL".
        alignment_mode: what to do with a mention that does not fall on token boundaries (`Doc.char_span`); with
            `strict` it is left out of `doc.ents`, never out of `doc._.mentions`.
        draft: what is tried first where the model finds mentions: `model` (its draft head) or `ents` (the spans that an
            earlier component set). It changes the time, never the result.
    """

    def load(path: str | Path | None = None) -> Linker:
        return Linker.load(
            path or find_pipeline(pipeline),
            model=None if path else model,
            kb=None if path else kb,
            device=device,
            threshold=threshold,
            top_k=top_k,
            batch_size=batch_size,
        )

    return OneGenLinker(
        nlp, name, load, mentions=mentions, keep_nil=keep_nil, alignment_mode=alignment_mode, draft=draft
    )


class OneGenLinker:
    """Finds and links entities in `Doc`s. Model and base are loaded when the first text comes.

    Sets `doc.ents` (label from the entity's first type, `kb_id_`). Spans of earlier components that overlap a mention
    give way to it, others stay.

    Args:
        nlp: the pipeline.
        name: the component's name.
        load: loads the linker, from a directory where one is given.
        mentions, keep_nil, alignment_mode, draft: see `make_onegen_linker`.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        load: Callable[[str | Path | None], Linker],
        *,
        mentions: str = "onegen",
        keep_nil: bool = False,
        alignment_mode: str = "expand",
        draft: str = "model",
    ) -> None:
        _one_of("mentions", mentions, ("onegen", "ents"))
        _one_of("draft", draft, ("model", "ents"))
        _one_of("alignment_mode", alignment_mode, ("strict", "contract", "expand"))
        self.vocab = nlp.vocab
        self.name = name
        self.mentions = mentions
        self.keep_nil = keep_nil
        self.alignment_mode = alignment_mode
        self.draft = draft
        self._load = load
        self._linker: Linker | None = None
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None

    @property
    def linker(self) -> Linker:
        """The linker, loaded now if it was not."""
        if self._linker is None:
            self._linker = self._load(None)
        return self._linker

    def use(self, linker: Linker) -> None:
        """Work with this linker instead of loading one."""
        self._linker = linker

    def __call__(self, doc: Doc) -> Doc:
        """Link one `Doc`."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int | None = None) -> Iterator[Doc]:
        """Link a stream of `Doc`s in batches. `batch_size` is spaCy's; the linker groups windows by its own."""
        waiting: deque[Doc] = deque()

        def documents() -> Iterator[Document]:
            for doc in stream:
                waiting.append(doc)
                yield Document(id="", text=doc.text, mentions=self._given(doc))

        source: MentionSource = "given" if self.mentions == "ents" else "onegen"
        draft: DraftSource = "given" if self.draft == "ents" else "model"
        for document in self.linker.pipe(documents(), mentions=source, keep_nil=self.keep_nil, draft=draft):
            yield self._annotate(waiting.popleft(), document)

    def score(self, examples: Iterable[Example], **options: Any) -> dict[str, Any]:
        """spaCy's own scores: of links (`Scorer.score_links`), and of spans where this component finds them."""
        examples = list(examples)
        scores = dict(Scorer.score_links(examples, negative_labels=[NIL, ""], **options))
        if self.mentions == "onegen":
            scores.update(Scorer.score_spans(examples, "ents", labeled=False, **options))
        return scores

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write model, base and settings into a directory."""
        self.linker.save(path)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "OneGenLinker":
        """Use the linker that `to_disk` wrote; it is loaded when the first text comes."""
        directory, load = Path(path), self._load
        self._linker, self._load = None, lambda _: load(directory)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """All files of `to_disk`, packed."""
        with tempfile.TemporaryDirectory() as directory:
            self.to_disk(directory)
            root = Path(directory)
            files = {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        packed: bytes = srsly.msgpack_dumps(files)
        return packed

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "OneGenLinker":
        """Use the linker that `to_bytes` packed; its files lie in a temporary directory as long as the component does.

        Raises:
            UsageError: a file name in it leaves that directory.
        """
        self._unpacked = tempfile.TemporaryDirectory(prefix="elinker-")
        root = Path(self._unpacked.name).resolve()
        for name, content in srsly.msgpack_loads(data).items():
            file = (root / name).resolve()
            if not file.is_relative_to(root):
                raise UsageError(f"packed file name {name!r} leaves its directory")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return self.from_disk(root)

    def _given(self, doc: Doc) -> tuple[Mention, ...]:
        if "ents" not in (self.mentions, self.draft):
            return ()
        return tuple(Mention(span.start_char, span.end_char, span.text) for span in doc.ents)

    def _annotate(self, doc: Doc, document: Document) -> Doc:
        if self.mentions == "ents":
            spans: list[Span | None] = [
                self._span(doc, mention, span.start, span.end, span.label_)
                for mention, span in zip(document.mentions, doc.ents, strict=True)
            ]
        else:
            spans = [self._aligned(doc, mention) for mention in document.mentions]
        kept = util.filter_spans([span for span in spans if span is not None])
        taken = {token.i for span in kept for token in span}
        others = [span for span in doc.ents if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents(sorted([*kept, *others], key=lambda span: span.start))
        doc.user_data[USER_DATA_KEY] = {
            "mentions": document.to_json()["mentions"],
            "spans": [None if span is None else [span.start, span.end] for span in spans],
        }
        return doc

    def _aligned(self, doc: Doc, mention: Mention) -> Span | None:
        span = doc.char_span(mention.start, mention.end, alignment_mode=self.alignment_mode)
        if span is None or not len(span):
            return None
        return self._span(doc, mention, span.start, span.end, self._type(mention))

    def _span(self, doc: Doc, mention: Mention, start: int, end: int, label: str) -> Span:
        return Span(doc, start, end, label=label, kb_id=mention.entity_id or NIL)

    def _type(self, mention: Mention) -> str:
        row = None if mention.entity_id is None else self.linker.kb.find(mention.entity_id)
        types = () if row is None else self.linker.kb.entity(row).types
        return types[0].upper().replace(" ", "_") if types else ENTITY


def _mentions_of(doc: Doc) -> tuple[Mention, ...]:
    value = doc.user_data.get(USER_DATA_KEY, {})
    return Document.from_json(
        {"id": "", "text": doc.text, "mentions": srsly.json_loads(srsly.json_dumps(value.get("mentions", [])))}
    ).mentions


def _mention_of(span: Span) -> Mention | None:
    places = span.doc.user_data.get(USER_DATA_KEY, {}).get("spans", [])
    for number, place in enumerate(places):
        if place is not None and tuple(place) == (span.start, span.end):
            return _mentions_of(span.doc)[number]
    return None


def _candidates_of(span: Span) -> tuple[Candidate, ...]:
    mention = _mention_of(span)
    return () if mention is None else mention.candidates


def _link_score_of(span: Span) -> float | None:
    mention = _mention_of(span)
    return None if mention is None else mention.score


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{COMPONENT}: {key} = {value!r}", hint=f"one of {', '.join(allowed)}")


def _single_threaded_after_fork() -> None:
    """A forked process inherits no threads of the OpenMP pools, and would wait for them forever."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if faiss := sys.modules.get("faiss"):
        faiss.omp_set_num_threads(1)


Doc.set_extension("mentions", getter=_mentions_of, force=True)
Span.set_extension("candidates", getter=_candidates_of, force=True)
Span.set_extension("link_score", getter=_link_score_of, force=True)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_single_threaded_after_fork)
