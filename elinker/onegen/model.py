"""OneGen: a causal LM with its tokenizer and settings. Writes marked texts, gives query vectors and entity vectors.

It works on texts that fit one pass; long texts are cut into windows by `elinker.linking`.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from elinker.errors import InputError, ModelError, UsageError
from elinker.onegen.answering import AnswerLayout
from elinker.onegen.backbone import Backbone, fingerprint
from elinker.onegen.decoding import Marking, unit_vectors
from elinker.onegen.draft_head import DraftHead, HeadDrafter
from elinker.onegen.drafting import Capitalised, Drafter, KnownMentions
from elinker.onegen.layout import Layout, TokenSequence
from elinker.onegen.presets import choose_preset
from elinker.onegen.quiet import quiet
from elinker.onegen.rows import RowCache
from elinker.onegen.settings import OneGenSettings
from elinker.onegen.shares import Item, Result, Work, in_shares
from elinker.onegen.source import Source
from elinker.onegen.verifying import decode_by_drafts
from elinker.onegen.vocabulary import add_tokens
from elinker.schema import Entity

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

_ROUNDING = 0.05
"""Scores of two choices that are closer than this may change places where matrices are multiplied in bf16."""

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json")


class OneGen:
    """A model that writes and retrieves in the same pass (arXiv 2409.05152).

    Args:
        model: a causal LM of transformers; tokens of the settings that it lacks are added.
        tokenizer: its fast tokenizer.
        settings: what makes it a OneGen model.

    Raises:
        ModelError: the tokenizer gives no offsets, or model, tokenizer and settings do not fit.
    """

    def __init__(self, model: Any, tokenizer: Any, settings: OneGenSettings) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError("the tokenizer gives no character offsets", hint="use a fast tokenizer (tokenizer.json)")
        _check_config(model.config, settings)
        add_tokens(model, tokenizer, settings.tokens)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.settings = settings
        self._layout = Layout(settings, tokenizer) if settings.linking else None
        self._answering = AnswerLayout(settings, tokenizer) if settings.answering else None
        self.backbone = Backbone(model, token_types=settings.token_types == "case")
        self.draft_head: DraftHead | None = None
        self.mixed = False
        """Whether `mark` and `read` multiply matrices in bf16; weights and all that is added up stay float32."""
        self.stored_dtype: torch.dtype | None = None
        """Number type of the files that the model was loaded from; `save_pretrained` keeps it."""

    @classmethod
    def from_pretrained(
        cls,
        path_or_id: str | Path,
        *,
        preset: str | None = None,
        device: str | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> "OneGen":
        """Load a model directory, or a model of the Hugging Face hub, with `onegen.json` beside the weights.

        Args:
            path_or_id: a directory or a hub id such as `owner/name`.
            preset: name of settings that elinker ships, for published weights without `onegen.json`
                (`elinker.onegen.presets`); the hub ids of those models need none.
            device: `cpu`, `cuda`, `cuda:1`, `mps`; by default a GPU where there is one.
            dtype: of the weights: `float32`, `bfloat16` or `float16`. By default bfloat16 on a GPU; on a CPU float32,
                and where the processor multiplies bf16 itself, `mark` and `read` do that, and `mark` goes back to
                float32 wherever rounding could have decided a choice.

        Raises:
            ModelError: a file is missing or damaged; nothing but safetensors weights is read.
        """
        directory = _local_directory(path_or_id)
        chosen = choose_preset(preset, path_or_id, directory)
        place = _device(device)
        number_type = _dtype(dtype, place)
        if not any((directory / name).is_file() for name in _TOKENIZER_FILES):
            raise ModelError(f"{directory} holds no tokenizer", hint="a fast tokenizer's tokenizer.json is needed")
        try:
            with quiet():
                # Without this word transformers asks on the terminal whether to run code that lies in the directory.
                no_code = {"trust_remote_code": False}
                tokenizer = AutoTokenizer.from_pretrained(directory, **no_code, **chosen.tokenizer)
                stored = AutoConfig.from_pretrained(directory, **no_code).dtype
                model, found = AutoModelForCausalLM.from_pretrained(
                    directory, dtype=number_type, use_safetensors=True, output_loading_info=True, **no_code
                )
        except Exception as error:  # transformers and safetensors raise many kinds for one thing: unusable files
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"cannot load the model in {directory}: {reason}") from error
        if missing := sorted(found["missing_keys"]):
            raise ModelError(f"the weights in {directory} lack {len(missing)} tensors, {missing[0]} among them")
        onegen = cls(model.to(place), tokenizer, chosen.settings)
        onegen.stored_dtype = stored
        onegen.mixed = dtype is None and place.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        head = DraftHead.load(directory, onegen.dim)
        onegen.draft_head = head and head.to(place)
        return onegen

    def save_pretrained(self, directory: str | Path, *, dtype: torch.dtype | None = None) -> None:
        """Write weights (safetensors), tokenizer and settings.

        Args:
            directory: made where it does not exist.
            dtype: number type of the weights; by default that of the files they came from, or as they are.
        """
        dtype = dtype or self.stored_dtype
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        state = self.model.state_dict()
        with quiet():
            self.model.save_pretrained(path, state_dict=state if dtype is None else _cast(state, dtype))
            self.tokenizer.save_pretrained(path)
            if dtype is not None:  # transformers notes down the type in memory, not that of the files
                config = copy.deepcopy(self.model.config)
                config.dtype = dtype
                config.save_pretrained(path)
        self.settings.save(path)
        if self.draft_head is not None:
            self.draft_head.save(path)

    @property
    def layout(self) -> Layout:
        """The token sequences of linking.

        Raises:
            ModelError: the model does not link entities.
        """
        return self._layout or Layout(self.settings, self.tokenizer)

    @property
    def answering(self) -> AnswerLayout:
        """The token sequences of question answering.

        Raises:
            ModelError: the model answers no questions.
        """
        return self._answering or AnswerLayout(self.settings, self.tokenizer)

    @property
    def pad(self) -> int:
        """The token that fills up a batch."""
        return 0 if self.tokenizer.pad_token_id is None else int(self.tokenizer.pad_token_id)

    @property
    def markers(self) -> tuple[int, ...]:
        """The tokens that the model writes and that are no text."""
        linking, answering = self._layout, self._answering
        marking = (*linking.open, *linking.close, *linking.end, linking.query) if linking else ()
        return (*marking, *(answering.markers if answering else ()))

    @property
    def drafter(self) -> Drafter:
        """What guesses first: the draft head, or capitals where the model has none."""
        return Capitalised() if self.draft_head is None else HeadDrafter(self.draft_head)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.backbone.parameters()).device

    @property
    def dim(self) -> int:
        """Width of every vector."""
        return self.backbone.dim

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of what determines entity vectors: weights, vocabulary, document settings."""
        document = self.layout.entities.model_dump_json()
        return self._fingerprint((document, self.settings.token_types))

    @property
    def passage_fingerprint(self) -> str:
        """SHA-256 (hex) of what determines passage vectors: weights, vocabulary, passage settings."""
        return self._fingerprint((self.answering.passage.model_dump_json(), "passage"))

    def _fingerprint(self, salt: tuple[str, ...]) -> str:
        return fingerprint(self.model, (*salt, str(sorted(self.tokenizer.get_vocab().items()))))

    def source(self, text: str) -> Source:
        """Read a text into tokens with character offsets."""
        return self.layout.source(text)

    @torch.inference_mode()
    def mark(self, sources: Sequence[Source], *, batch_size: int = 32, drafter: Drafter | None = None) -> list[Marking]:
        """Rewrite sources with mentions marked, vectors from the same pass; results in input order.

        Args:
            sources: texts that fit the model.
            batch_size: sources in one forward pass.
            drafter: what guesses first in place of the model's own draft head; it changes the time, not the result.

        Raises:
            InputError: a source does not fit the model's positions.
        """
        for source in sources:
            self._check_length(source)
        markings: list[Marking] = [Marking((), unit_vectors((), self.dim))] * len(sources)
        self._mark(range(len(sources)), sources, markings, drafter or self.drafter, batch_size, mixed=self.mixed)
        if self.mixed:
            close = [number for number, marking in enumerate(markings) if marking.margin < _ROUNDING]
            known = KnownMentions(sources, [marking.mentions for marking in markings])
            self._mark(close, sources, markings, known, batch_size, mixed=False)
        return markings

    def _shared(self, work: Work[Item, Result], items: Sequence[Item], *, mixed: bool) -> list[Result]:
        """Work on items, on a CPU in several threads (`shares`).

        Whatever the caller does, matrices are multiplied in bf16 where `mixed`, else in the number type of the weights.
        """

        def on_share(share: Sequence[Item], stopped: Callable[[], bool]) -> Sequence[Result]:
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed):
                return work(share, stopped)

        return in_shares(on_share, items) if self.device.type == "cpu" else list(on_share(items, lambda: False))

    def _mark(
        self,
        numbers: Iterable[int],
        sources: Sequence[Source],
        markings: list[Marking],
        drafter: Drafter,
        batch_size: int,
        *,
        mixed: bool,
    ) -> None:
        """Put the markings of the numbered sources, but for empty ones, into `markings`."""
        layout, backbone = self.layout, self.backbone

        def decode(share: Sequence[Source], stopped: Callable[[], bool]) -> list[Marking]:
            return decode_by_drafts(share, layout, backbone, drafter, batch_size=batch_size, stopped=stopped)

        places = [number for number in numbers if len(sources[number])]
        found = self._shared(decode, [sources[number] for number in places], mixed=mixed)
        for number, marking in zip(places, found, strict=True):
            markings[number] = marking

    @torch.inference_mode()
    def read(
        self, sources: Sequence[Source], mentions: Sequence[Sequence[tuple[int, int]]], *, batch_size: int = 32
    ) -> list[Vectors]:
        """Query vectors of given mentions (token ranges in order, not overlapping): one teacher-forced pass each."""
        sequences = [self.layout.marked(source, spans) for source, spans in zip(sources, mentions, strict=True)]
        for source, sequence in zip(sources, sequences, strict=True):
            self._check_length(source, len(sequence))
        return self._vectors(sequences, batch_size, None, mixed=self.mixed)

    def annotate(self, texts: Sequence[str], *, batch_size: int = 32) -> list[list[tuple[int, int, Any]]]:
        """Mentions of short texts as (start, end, vector): characters of the text and a float32 vector of length 1."""
        sources = [self.source(text) for text in texts]
        return [
            [
                (*source.span(*mention), vector)
                for mention, vector in zip(marking.mentions, marking.vectors, strict=True)
            ]
            for source, marking in zip(sources, self.mark(sources, batch_size=batch_size), strict=True)
        ]

    def detect(self, texts: Sequence[str], *, batch_size: int = 32) -> list[list[tuple[int, int]]]:
        """Mention spans of short texts, in characters; no vectors."""
        return [[(start, end) for start, end, _ in spans] for spans in self.annotate(texts, batch_size=batch_size)]

    def disambiguate(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """Query vectors, shape (spans, dim), of given character spans of a short text, in one teacher-forced pass.

        Raises:
            InputError: a span covers no token, overlaps another, or is out of order.
        """
        source = self.source(text)
        mentions: list[tuple[int, int]] = []
        for start, end in spans:
            tokens = source.tokens_of(start, end)
            if tokens is None or (mentions and tokens[0] < mentions[-1][1]):
                raise InputError(f"span {start}:{end} is empty, overlaps the one before it, or is out of order")
            mentions.append(tokens)
        return self.read([source], [mentions])[0]

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Query vectors, shape (texts, dim), of texts that are each read as one mention; zero where there is no token.

        Texts are cut to a window.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        sources = [self.source(text).slice(0, self.layout.window) for text in texts]
        rows = [row for row, source in enumerate(sources) if len(source)]
        found = self.read([sources[row] for row in rows], [[(0, len(sources[row]))] for row in rows])
        for row, vector in zip(rows, found, strict=True):
            vectors[row] = vector[0]
        return vectors

    def entity_text(self, entity: Entity) -> str:
        """What the model reads about an entity (`document.template` of the settings)."""
        return self.layout.entity_text(entity)

    @torch.inference_mode()
    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Entity vectors, shape (texts, dim), float32 of length 1.

        Args:
            texts: what `entity_text` gives.
            batch_size: texts a forward pass.
            progress: called with the number of texts just encoded, by any thread.
        """
        sequences = [self.layout.document(text) for text in texts]
        vectors = self._vectors(sequences, batch_size, progress, mixed=False)  # made once, compared with for long
        return np.concatenate([*vectors, unit_vectors((), self.dim)])

    @torch.inference_mode()
    def encode_passages(
        self,
        passages: Sequence[tuple[str, str, Sequence[tuple[int, int]]]],
        *,
        batch_size: int = 32,
        progress: Callable[[int], None] | None = None,
    ) -> list[Vectors]:
        """The vectors of passages, each of shape (sentences read, dim) or (1, dim), float32 of length 1.

        Args:
            passages: title, text and the characters of each sentence (`AnswerLayout.document`).
            batch_size: passages a forward pass.
            progress: called with the number of passages just encoded, by any thread.
        """
        layout = self.answering
        sequences = [layout.document(*passage) for passage in passages]
        return self._vectors(sequences, batch_size, progress, mixed=False)

    def _vectors(
        self,
        sequences: Sequence[TokenSequence],
        batch_size: int,
        progress: Callable[[int], None] | None,
        *,
        mixed: bool,
    ) -> list[Vectors]:
        def read(share: Sequence[TokenSequence], stopped: Callable[[], bool]) -> list[Vectors]:
            vectors: list[Vectors] = []
            for start in range(0, len(share), batch_size):
                if stopped():
                    break
                batch = share[start : start + batch_size]
                hidden = self.backbone.read_rows(
                    [RowCache(len(sequence)) for sequence in batch],
                    [sequence.ids for sequence in batch],
                    [sequence.types for sequence in batch],
                )
                for sequence, states in zip(batch, torch.split(hidden, list(map(len, batch))), strict=True):
                    vectors.append(unit_vectors([states[position] for position in sequence.retrieval], self.dim))
                if progress is not None:
                    progress(len(batch))
            return vectors

        return self._shared(read, sequences, mixed=mixed)

    def _check_length(self, source: Source, length: int | None = None) -> None:
        needed = length if length is not None else len(self.layout.marked(source, ()))
        if needed > self.settings.max_length:
            raise InputError(
                f"a text of {len(source)} tokens needs {needed} positions, the model has {self.settings.max_length}",
                hint="cut long texts into windows, as elinker.Linker does",
            )


def _cast(state: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Floating-point tensors as `dtype`; tensors that share memory go on sharing it, so that they are stored once."""
    done: dict[tuple[int, torch.Size], torch.Tensor] = {}
    cast = {}
    for name, tensor in state.items():
        place = tensor.data_ptr(), tensor.shape
        if place not in done:
            done[place] = tensor.to(dtype) if tensor.is_floating_point() else tensor
        cast[name] = done[place]
    return cast


def _check_config(config: Any, settings: OneGenSettings) -> None:
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and settings.max_length > positions:
        raise ModelError(f"max_length of the settings is {settings.max_length}, the model has {positions} positions")
    if settings.token_types == "case" and getattr(config, "type_vocab_size", 0) < 3:
        raise ModelError('token_types = "case" needs a model with three token types (type_vocab_size)')


def _local_directory(path_or_id: str | Path) -> Path:
    path = Path(path_or_id)
    if path.is_dir():
        return path
    text = str(path_or_id)
    if text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise UsageError(f"no model directory {text}", hint="give a directory or a hub id such as owner/name")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(text, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]))
    except Exception as error:  # network, authentication, unknown id: one thing to the user
        raise UsageError(
            f"{text} is neither a directory nor a model that the hub gives: {type(error).__name__}",
            hint="check the name and the network, or download it once and give its directory",
        ) from error


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
    return device


def _dtype(name: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    if name is None:
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if isinstance(name, torch.dtype):
        return name
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise UsageError(f"dtype {name!r} is not known", hint=f"one of {', '.join(known)}")
    return known[name]
