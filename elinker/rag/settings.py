"""`rag.json`: how a ready model and its passages are asked. What the model itself needs is in its `onegen.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elinker.errors import ModelError, UsageError, first_problem

SETTINGS_FILE = "rag.json"

Mode = Literal["adaptive", "always", "never"]
"""Whether passages are retrieved: where the model asks for them, in any case, or not at all."""


class ScoreWeights(BaseModel):
    """What the judgements of a model count when the best of several answers is chosen (Self-RAG, section 3.3)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    relevance: float = Field(default=1.0, ge=0)
    support: float = Field(default=1.0, ge=0)
    utility: float = Field(default=0.5, ge=0)


class RagSettings(BaseModel):
    """How questions are answered.

    `top_k` passages are read at a hop, of which there are at most `max_hops`; at most `max_tokens` tokens are written.
    `threshold` and `weights` are for models with reflection tokens: the probability from which such a model retrieves,
    and what its judgements count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    top_k: int = Field(default=1, ge=1)
    max_hops: int = Field(default=6, ge=1)
    max_tokens: int = Field(default=256, ge=1)
    mode: Mode = "adaptive"
    threshold: float = Field(default=0.5, ge=0, le=1)
    weights: ScoreWeights = ScoreWeights()

    @classmethod
    def load(cls, directory: Path) -> "RagSettings":
        """Read `rag.json` from a directory.

        Raises:
            ModelError: the file is missing, not JSON, or a key is unknown or wrong.
        """
        path = directory / SETTINGS_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ModelError(f"{directory} holds no {SETTINGS_FILE}", hint="give --model and --index instead") from None
        except ValidationError as error:
            raise ModelError(f"{path}: {first_problem(error)}", hint="docs/rag.md lists the keys") from None

    def changed(self, changes: Mapping[str, Any]) -> "RagSettings":
        """These settings with some in place of their own.

        Raises:
            UsageError: one of them does not fit; the message names it.
        """
        try:
            return RagSettings.model_validate({**self.model_dump(), **changes})
        except ValidationError as error:
            raise UsageError(first_problem(error)) from None

    def save(self, directory: Path) -> None:
        """Write `rag.json` into a directory."""
        (directory / SETTINGS_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
