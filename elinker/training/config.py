"""The TOML file of a training, validated; paths in it are relative to the file. docs/training.md has every key."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError, model_validator

from elinker.errors import ConfigError
from elinker.onegen.settings import OneGenSettings, Role


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Strict):
    """What training starts from.

    `base` is a directory, a hub id, or `package:NAME/SUBDIRECTORY` for weights that an installed Python package
    carries. An encoder of BERT's kind becomes a decoder: causal attention, tied output layer. A relative directory is
    looked for beside the training file first. `dtype` is the number type that the weights are held in; float32 where
    they are trained, bfloat16 halves the memory of weights that LoRA leaves as they are.
    """

    base: str
    dtype: Literal["float32", "bfloat16"] = "float32"


class LoraConfig(_Strict):
    """Low-rank adapters (Hu et al. 2021) in place of training all weights.

    `r` is the rank, `alpha` / `r` the scale, `target_modules` are names of linear layers or "all-linear". The
    embedding rows of the settings' tokens are trained beside them.
    """

    r: int = Field(default=16, gt=0)
    alpha: int = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"


class DataConfig(_Strict):
    """Training texts and what their retrieval tokens are trained towards.

    Either `entities`, then `texts` are labelled texts in a format of `elinker.labelled` (`format`, or guessed), or
    `documents`, then `texts` are conversations (`[conversation]`). A file may be named more than once to count more.
    `heldout` is the share of the first file kept from training. The rest varies labelled texts: they are joined with
    others up to a random length of at most `max_tokens` with probability `join`; `lower` and `upper` are the shares of
    examples put into lower case and capitals, `typographic` of those with curly quotes, `noise` of those with random
    words (`elinker.training.noise`).
    """

    entities: Path | None = None
    documents: Path | None = None
    texts: tuple[Path, ...] = Field(min_length=1)
    format: str | None = None
    heldout: float = Field(default=0.02, ge=0, lt=0.5)
    max_tokens: int = Field(gt=0)
    join: float = Field(default=0.0, ge=0, le=1)
    lower: float = Field(default=0.0, ge=0, le=1)
    upper: float = Field(default=0.0, ge=0, le=1)
    typographic: float = Field(default=0.0, ge=0, le=1)
    noise: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.entities is None) == (self.documents is None):
            raise ValueError("give either entities (labelled texts) or documents (conversations)")
        if self.documents is not None:
            for key in ("format", "join", "lower", "upper", "typographic", "noise"):
                if getattr(self, key):
                    raise ValueError(f"{key} is for labelled texts, documents make conversations of the texts")
        return self


class ConversationConfig(_Strict):
    """Which tokens of a conversation retrieve: `query` in answers, compared with `document` in documents."""

    query: str
    document: str


class LossConfig(_Strict):
    """The two losses and what they are computed over.

    `retrieval` is `infonce` (over all documents of the step and the bank) or `bpr` (over each anchor's own hard
    negatives). `vocabulary_sample` random tokens beside the batch's own stand for the vocabulary in cross-entropy;
    0 takes the whole vocabulary. `nil_weight` trains mentions without an entity towards NIL.
    """

    retrieval: Literal["infonce", "bpr"] = "infonce"
    temperature: float = Field(default=0.02, gt=0)
    generation_weight: float = Field(default=1.0, ge=0)
    retrieval_weight: float = Field(default=1.0, ge=0)
    nil_weight: float = Field(default=0.0, ge=0)
    vocabulary_sample: int = Field(default=0, ge=0)
    anchors: int = Field(default=0, ge=0)
    documents: int = Field(default=64, gt=0)
    document_chunk: int = Field(default=0, ge=0)
    hard_negatives: int = Field(default=16, ge=0)
    negatives_each: int = Field(default=2, gt=0)
    bank_from: int = Field(default=0, ge=0)
    bank_refresh: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bpr_has_what_it_needs(self) -> Self:
        if self.retrieval == "bpr" and self.nil_weight > 0:
            raise ValueError('nil_weight needs retrieval = "infonce": bpr does not compare with NIL')
        if self.retrieval == "bpr" and self.hard_negatives == 0:
            raise ValueError("hard_negatives is 0, which leaves bpr nothing to compare with")
        return self


Span = Annotated[StrictInt, Field(ge=0)] | Annotated[StrictFloat, Field(ge=0, le=1)]
"""A number of steps, or, written with a point, a share of all steps."""


class TrainingConfig(_Strict):
    """The optimiser and the run: a linear warm-up, a constant rate, a linear decay over the last `decay` steps.

    The length is given in `steps` or in `epochs`. `warmup` and `decay` are steps (whole numbers) or a share of all
    steps (written with a point, such as 0.1).
    """

    steps: int | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, gt=0)
    batch_tokens: int = Field(gt=0)
    gradient_accumulation: int = Field(default=1, gt=0)
    gradient_checkpointing: bool = False
    learning_rate: float = Field(gt=0)
    warmup: Span = 0
    decay: Span = 0
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: int = Field(default=500, gt=0)

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self


class EarlyStoppingConfig(_Strict):
    """Ends a training whose held-out texts are linked no better: micro F1 of end-to-end linking at every checkpoint.

    `patience` checkpoints without a new best end it; the best one becomes the model. `texts` and `entities` bound what
    is linked and what the temporary base holds: the entities of those texts first, then others drawn at random.
    """

    patience: int = Field(default=3, gt=0)
    texts: int = Field(default=200, gt=0)
    entities: int = Field(default=10_000, gt=0)


class DraftHeadConfig(_Strict):
    """The draft head, which makes annotation faster: fitted to what the trained model marks in `tokens` source tokens
    of the training's texts."""

    tokens: int = Field(default=600_000, gt=0)


class PipelineConfig(_Strict):
    """The pipeline made from the trained model: base over the same entities, calibration on the held-out texts."""

    output: Path
    name: str = Field(pattern=r"^[a-z]{2}_[a-z0-9_]+$")
    version: str
    description: str
    url_template: str
    top_k: int = Field(default=10, gt=0)


class Config(_Strict):
    """A whole training."""

    seed: int = 0
    output: Path
    model: ModelConfig
    lora: LoraConfig | None = None
    settings: OneGenSettings
    data: DataConfig
    conversation: ConversationConfig | None = None
    loss: LossConfig = LossConfig()
    training: TrainingConfig
    early_stopping: EarlyStoppingConfig | None = None
    draft_head: DraftHeadConfig | None = None
    pipeline: PipelineConfig | None = None

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        if (self.data.documents is None) != (self.conversation is None):
            raise ValueError("[conversation] and data.documents belong together")
        if self.conversation is not None and (self.early_stopping or self.draft_head or self.pipeline):
            raise ValueError(
                "[early_stopping], [draft_head] and [pipeline] link texts; a training on conversations has none"
            )
        retrieving = {token.text for token in self.settings.tokens if token.role is Role.RET}
        for key in ("query", "document"):
            if self.conversation is not None and getattr(self.conversation, key) not in retrieving:
                raise ValueError(f"conversation.{key} is not among the tokens of the settings with role RET")
        if self.early_stopping is not None and self.data.heldout == 0:
            raise ValueError("[early_stopping] needs held-out texts: data.heldout is 0")
        if self.model.dtype == "bfloat16" and self.lora is None:
            raise ValueError('model.dtype = "bfloat16" is for weights that [lora] leaves as they are; use precision')
        return self

    @model_validator(mode="after")
    def _texts_fit(self) -> Self:
        if self.conversation is not None:
            if self.data.max_tokens > self.settings.max_length:
                raise ValueError(
                    f"data.max_tokens is {self.data.max_tokens}, settings.max_length {self.settings.max_length}"
                )
        elif 2 * self.data.max_tokens >= self.settings.max_length:
            raise ValueError(
                f"data.max_tokens is {self.data.max_tokens}: read and written again, with markers, that does not fit "
                f"settings.max_length, {self.settings.max_length}"
            )
        return self

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Read and check a training file; relative paths in it become absolute.

        Raises:
            ConfigError: the file is missing or not TOML, or a key is missing, unknown or wrong.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"no training file {path}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not TOML: {error}") from None
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = "".join(f"{part}." for part in first["loc"]).removesuffix(".")
            said = first["msg"].removeprefix("Value error, ")
            message = f"{path}: {key}: {said}" if key else f"{path}: {said}"
            raise ConfigError(message, hint="docs/training.md lists the keys") from None
        return config._resolved(path.resolve().parent)

    def _resolved(self, base: Path) -> "Config":
        data = self.data.model_copy(
            update={
                "entities": self.data.entities and (base / self.data.entities).resolve(),
                "documents": self.data.documents and (base / self.data.documents).resolve(),
                "texts": tuple((base / text).resolve() for text in self.data.texts),
            }
        )
        pipeline = self.pipeline and self.pipeline.model_copy(
            update={"output": (base / self.pipeline.output).resolve()}
        )
        start = base / self.model.base
        model = self.model.model_copy(update={"base": str(start.resolve())}) if start.is_dir() else self.model
        return self.model_copy(
            update={"output": (base / self.output).resolve(), "model": model, "data": data, "pipeline": pipeline}
        )
