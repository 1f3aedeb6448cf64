"""The TOML file of a training, validated; paths in it are relative to the file. docs/training.md has every key."""

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from elinker.errors import ConfigError
from elinker.onegen.settings import OneGenSettings


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Strict):
    """What training starts from.

    `base` is a directory, a hub id, or `package:NAME/SUBDIRECTORY` for weights that an installed Python package
    carries. An encoder of BERT's kind becomes a decoder: causal attention, tied output layer. A relative directory is
    looked for beside the training file first.
    """

    base: str


class DataConfig(_Strict):
    """Training texts and entities.

    `texts` are JSON lines with `text` and `mentions` (`start`, `end`, `entity_id` or null); a file may be named more
    than once to count more. `heldout` is the share of the first file kept for calibration. Texts are joined with
    others up to a random length of at most `max_tokens` with probability `join`; `lower` and `upper` are the shares of
    examples put into lower case and capitals, `typographic` of those with curly quotes, `noise` of those with random
    words (`elinker.training.noise`).
    """

    entities: Path
    texts: tuple[Path, ...] = Field(min_length=1)
    heldout: float = Field(default=0.02, ge=0, lt=0.5)
    max_tokens: int = Field(gt=0)
    join: float = Field(default=0.0, ge=0, le=1)
    lower: float = Field(default=0.0, ge=0, le=1)
    upper: float = Field(default=0.0, ge=0, le=1)
    typographic: float = Field(default=0.0, ge=0, le=1)
    noise: float = Field(default=0.0, ge=0, le=1)


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
    documents: int = Field(default=64, gt=0)
    hard_negatives: int = Field(default=16, ge=0)
    bank_from: int = Field(default=0, ge=0)
    bank_refresh: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bpr_has_what_it_needs(self) -> Self:
        if self.retrieval == "bpr" and self.nil_weight > 0:
            raise ValueError('nil_weight needs retrieval = "infonce": bpr does not compare with NIL')
        if self.retrieval == "bpr" and self.hard_negatives == 0:
            raise ValueError("hard_negatives is 0, which leaves bpr nothing to compare with")
        return self


class TrainingConfig(_Strict):
    """The optimiser and the run: a linear warm-up, a constant rate, a linear decay over the last `decay` steps."""

    steps: int = Field(gt=0)
    batch_tokens: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    warmup: int = Field(default=0, ge=0)
    decay: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: int = Field(default=500, gt=0)


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
    settings: OneGenSettings
    data: DataConfig
    loss: LossConfig = LossConfig()
    training: TrainingConfig
    pipeline: PipelineConfig | None = None

    @model_validator(mode="after")
    def _texts_fit(self) -> Self:
        if 2 * self.data.max_tokens >= self.settings.max_length:
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
                "entities": (base / self.data.entities).resolve(),
                "texts": tuple((base / text).resolve() for text in self.data.texts),
            }
        )
        pipeline = self.pipeline and self.pipeline.model_copy(
            update={"output": (base / self.pipeline.output).resolve()}
        )
        start = base / self.model.base
        model = ModelConfig(base=str(start.resolve())) if start.is_dir() else self.model
        return self.model_copy(
            update={"output": (base / self.output).resolve(), "model": model, "data": data, "pipeline": pipeline}
        )
