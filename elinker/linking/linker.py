"""The Linker: OneGen, a knowledge base and a decision, from texts to `Document`s, for the CLI and the component."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elinker.errors import ConfigError, ModelError, UsageError, first_problem
from elinker.kb import KnowledgeBase
from elinker.linking.antecedents import antecedents
from elinker.linking.decision import Decision, Evidence
from elinker.linking.windows import Window, merge, split_windows
from elinker.onegen.drafting import Drafter, SpansOfTexts
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen, Vectors
from elinker.onegen.source import Source
from elinker.resources import COMPONENT
from elinker.schema import Document, Mention
from elinker.whole_file import whole_file

SETTINGS_FILE = "linker.json"

MentionSource = Literal["onegen", "given"]
DraftSource = Literal["model", "given"]


class LinkerSettings(BaseModel):
    """What a linker is beside its model and base; stored as `linker.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    top_k: int = Field(default=10, gt=0)
    batch_size: int = Field(default=32, gt=0)
    decision: Decision = Decision()


class Linker:
    """Links texts: `linker(text)` for one, `linker.pipe(texts)` for many.

    Args:
        onegen: the model.
        kb: a base whose vectors that model made.
        settings: candidates a mention, windows a batch, and how a candidate is decided on.

    Raises:
        KnowledgeBaseError: another model made the base.
    """

    def __init__(self, onegen: OneGen, kb: KnowledgeBase, settings: LinkerSettings | None = None) -> None:
        kb.check_model(onegen)
        self.onegen = onegen
        self.kb = kb
        self.settings = settings or LinkerSettings()
        self.tokens_seen = 0
        """Source tokens read so far."""

    @classmethod
    def load(
        cls,
        path: str | Path | None,
        *,
        model: str | Path | None = None,
        preset: str | None = None,
        kb: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        threshold: float | None = None,
        top_k: int | None = None,
        batch_size: int | None = None,
    ) -> "Linker":
        """Load a linker from its directory or from that of a saved spaCy pipeline.

        Args:
            path: holds `model/`, `kb/` and `linker.json`; None where model and base are given, and the decision is
                to be the unfitted one.
            model: another model (directory or hub id) in place of the one in `path`.
            preset: see `OneGen.from_pretrained`.
            kb: another base in place of the one in `path`.
            device: see `OneGen.from_pretrained`.
            dtype: see `OneGen.from_pretrained`.
            threshold: least probability of a link, in place of the stored one.
            top_k: candidates a mention, in place of the stored number.
            batch_size: windows a forward pass, in place of the stored number.
        """
        if path is not None:
            directory = linker_directory(path)
            stored, model, kb = _read_settings(directory), model or directory / "model", kb or directory / "kb"
        elif model is None or kb is None:
            raise UsageError("no pipeline is named", hint="name one, or give a model and a knowledge base")
        else:
            stored = LinkerSettings()
        settings = _with_overrides(stored, threshold, top_k, batch_size)
        with ThreadPoolExecutor(1) as aside:
            base = aside.submit(KnowledgeBase.open, kb)
            onegen = OneGen.from_pretrained(model, preset=preset, device=device, dtype=dtype)
            return cls(onegen, base.result(), settings)

    def save(self, path: str | Path) -> None:
        """Write model, base and settings into a directory that `load` reads."""
        directory = Path(path)
        self.onegen.save_pretrained(directory / "model")
        self.kb.save(directory / "kb")
        self.save_settings(directory)

    def save_settings(self, directory: Path) -> None:
        """Write `linker.json`."""
        with whole_file(directory / SETTINGS_FILE) as temporary:
            temporary.write_text(self.settings.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its results, as JSON has it: two linkers with the same give the same, down to rounding.

        The batch size is not among it: what a text gets does not depend on what it is read with.
        """
        files = sorted(f"{record.name} {record.sha256}" for record in self.kb.manifest.files)
        return {
            "model": self.onegen.fingerprint,
            "onegen": self.onegen.settings.model_dump(mode="json"),
            "device": self.onegen.device.type,
            "dtype": str(self.onegen.model.dtype).removeprefix("torch."),
            "bf16_products": self.onegen.mixed,
            "base": hashlib.sha256("\n".join(files).encode()).hexdigest(),
            "base_entities": len(self.kb),
            "top_k": self.settings.top_k,
            "decision": self.settings.decision.model_dump(mode="json"),
        }

    def __call__(self, text: str | Document, *, mentions: MentionSource = "onegen", keep_nil: bool = False) -> Document:
        """Link one text. See `pipe`."""
        return next(self.pipe([text], mentions=mentions, keep_nil=keep_nil))

    def pipe(
        self,
        texts: Iterable[str | Document],
        *,
        mentions: MentionSource = "onegen",
        keep_nil: bool = False,
        draft: DraftSource = "model",
    ) -> Iterator[Document]:
        """Link many texts, lazily and in order.

        Args:
            texts: strings, which get their number as id, or documents, which keep id and meta.
            mentions: `onegen` finds mentions and replaces those of a document; `given` links the document's own.
            keep_nil: whether mentions that are not linked stay, as NIL. With `given` all of them stay.
            draft: what is tried first where mentions are found: `model` asks its draft head, `given` takes the
                documents' own mentions, such as an upstream tagger's. It changes the time, never the result.
        """
        if mentions not in ("onegen", "given"):
            raise UsageError(f"mentions={mentions!r}", hint="'onegen' or 'given'")
        if draft not in ("model", "given"):
            raise UsageError(f"draft={draft!r}", hint="'model' or 'given'")
        numbered = (
            Document(id=str(number), text=text) if isinstance(text, str) else text for number, text in enumerate(texts)
        )
        for documents in self._buffers(numbered):
            if mentions == "given":
                spans, vectors = self._given(documents)
            else:
                spans, vectors = self._found(documents, _drafter(documents) if draft == "given" else None)
            yield from self._decide(documents, spans, vectors, keep_nil=keep_nil or mentions == "given")

    def _buffers(self, documents: Iterable[Document]) -> Iterator[list[Document]]:
        """Documents in groups that give the model several batches to sort by length, of bounded size."""
        limit = self.settings.batch_size * 8
        iterator = iter(documents)
        group: list[Document] = []
        size = 0
        for document in iterator:
            group.append(document)
            size += 1 + len(document.text) // (4 * self.onegen.layout.window)
            if size >= limit:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _found(
        self, documents: Sequence[Document], drafter: Drafter | None
    ) -> tuple[list[list[tuple[int, int]]], list[Vectors]]:
        """Character spans and vectors of the mentions that the model marks."""
        sources = [self._read(document.text) for document in documents]
        windows = [split_windows(source, self.onegen.layout.window) for source in sources]
        pieces = [
            source.slice(window.start, window.end)
            for source, cuts in zip(sources, windows, strict=True)
            for window in cuts
        ]
        markings = iter(self.onegen.mark(pieces, batch_size=self.settings.batch_size, drafter=drafter))
        spans: list[list[tuple[int, int]]] = []
        vectors: list[Vectors] = []
        for source, cuts in zip(sources, windows, strict=True):
            marked = list(islice(markings, len(cuts)))
            kept = merge(cuts, [marking.mentions for marking in marked])
            spans.append([source.span(start, end) for start, end, _, _ in kept])
            vectors.append(self._stack([marked[window].vectors[number] for _, _, window, number in kept]))
        return spans, vectors

    def _given(self, documents: Sequence[Document]) -> tuple[list[list[tuple[int, int]]], list[Vectors]]:
        """Character spans and vectors of the documents' own mentions; a span without tokens has a zero vector."""
        passes: list[tuple[Source, list[tuple[int, int]]]] = []
        places: list[tuple[int, list[int]]] = []
        for number, document in enumerate(documents):
            source = self._read(document.text)
            ranges = [source.tokens_of(mention.start, mention.end) for mention in document.mentions]
            cuts = split_windows(source, self.onegen.layout.window, [tokens for tokens in ranges if tokens is not None])
            for window, layer in _layers(cuts, ranges, self.onegen.layout):
                start = window.start
                passes.append((source.slice(start, window.end), [_shift(ranges[m], -start) for m in layer]))
                places.append((number, layer))
        found = self.onegen.read(
            [source for source, _ in passes], [spans for _, spans in passes], batch_size=self.settings.batch_size
        )
        vectors = [np.zeros((len(document.mentions), self.onegen.dim), dtype=np.float32) for document in documents]
        for (number, layer), rows in zip(places, found, strict=True):
            vectors[number][layer] = rows
        return [[(mention.start, mention.end) for mention in document.mentions] for document in documents], vectors

    def _decide(
        self,
        documents: Sequence[Document],
        spans: Sequence[Sequence[tuple[int, int]]],
        vectors: Sequence[Vectors],
        *,
        keep_nil: bool,
    ) -> Iterator[Document]:
        queries = self._stack([row for rows in vectors for row in rows])
        found = iter(zip(queries, *self.kb.search(queries, self.settings.top_k), strict=True))
        for document, places in zip(documents, spans, strict=True):
            mentions: list[Mention] = []
            sources = antecedents([document.text[start:end] for start, end in places])
            for (start, end), source in zip(places, sources, strict=True):
                recalled = None if source is None else mentions[source].entity_id
                mentions.append(self._mention(document.text, start, end, *next(found), recalled))
            kept = [mention for mention in mentions if keep_nil or mention.entity_id is not None]
            yield replace(document, mentions=tuple(kept))

    def _mention(
        self, text: str, start: int, end: int, query: Vectors, cosines: Vectors, rows: Vectors, recalled: str | None
    ) -> Mention:
        surface = text[start:end]
        if not query.any():
            return Mention(start, end, surface)
        scored = {int(row): float(cosine) for row, cosine in zip(rows, cosines, strict=True)}
        bearers = set(self.kb.rows_named(surface))
        recalled_row = None if recalled is None else self.kb.find(recalled)
        wanted = bearers if recalled_row is None else bearers | {recalled_row}
        missing = sorted(wanted - scored.keys())
        scored.update(zip(missing, (self.kb.vectors(missing) @ query).tolist(), strict=True))
        order = list(scored)
        evidence = [Evidence(scored[row], row in bearers, row == recalled_row) for row in order]
        decision = self.settings.decision
        ranked = decision.rank(evidence)[: self.settings.top_k]
        probability = decision.probability([evidence[index] for index in ranked])
        candidates = tuple(self.kb.candidate(order[index], evidence[index].cosine) for index in ranked)
        linked = bool(candidates) and probability >= decision.threshold
        return Mention(
            start,
            end,
            surface,
            entity_id=candidates[0].entity_id if linked else None,
            label=candidates[0].label if linked else None,
            score=probability,
            candidates=candidates,
        )

    def _read(self, text: str) -> Source:
        source = self.onegen.source(text)
        self.tokens_seen += len(source)
        return source

    def _stack(self, rows: Sequence[Vectors]) -> Vectors:
        return np.stack(rows) if rows else np.zeros((0, self.onegen.dim), dtype=np.float32)


def linker_directory(path: str | Path) -> Path:
    """The directory with `linker.json`: `path` itself, or the component's inside a saved spaCy pipeline.

    Raises:
        UsageError: there is none.
    """
    for directory in (Path(path), Path(path) / COMPONENT):
        if (directory / SETTINGS_FILE).is_file():
            return directory
    raise UsageError(f"{path} holds no linker", hint=f"a directory with {SETTINGS_FILE}, or a saved spaCy pipeline")


def _read_settings(directory: Path) -> LinkerSettings:
    path = directory / SETTINGS_FILE
    try:
        return LinkerSettings.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{path}: {first_problem(error)}") from None


def _with_overrides(
    settings: LinkerSettings, threshold: float | None, top_k: int | None, batch_size: int | None
) -> LinkerSettings:
    values = settings.model_dump()
    if threshold is not None:
        values["decision"]["threshold"] = threshold
    if top_k is not None:
        values["top_k"] = top_k
    if batch_size is not None:
        values["batch_size"] = batch_size
    try:
        return LinkerSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{first['loc'][-1]}: {first['msg']}") from None


def _drafter(documents: Sequence[Document]) -> Drafter:
    return SpansOfTexts(
        {document.text: [(mention.start, mention.end) for mention in document.mentions] for document in documents}
    )


def _layers(
    windows: Sequence[Window], ranges: Sequence[tuple[int, int] | None], layout: Layout
) -> Iterator[tuple[Window, list[int]]]:
    """Windows with mentions that lie in them, do not overlap and fit: one pass each. No mention comes twice."""
    ends = [window.end for window in windows]
    inside: dict[int, list[tuple[tuple[int, int], int]]] = {}
    for number, tokens in enumerate(ranges):
        if tokens is not None:
            place = bisect_left(ends, tokens[1])
            if windows[place].start <= tokens[0]:
                inside.setdefault(place, []).append((tokens, number))
    for place, left in sorted(inside.items()):
        window = windows[place]
        room = layout.mentions_that_fit(window.end - window.start)
        left.sort()
        while left:
            layer: list[int] = []
            rest: list[tuple[tuple[int, int], int]] = []
            end = 0
            for tokens, number in left:
                if tokens[0] >= end and len(layer) < room:
                    layer.append(number)
                    end = tokens[1]
                else:
                    rest.append((tokens, number))
            yield window, layer
            left = rest


def _shift(tokens: tuple[int, int] | None, offset: int) -> tuple[int, int]:
    assert tokens is not None
    return tokens[0] + offset, tokens[1] + offset
