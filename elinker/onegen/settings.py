"""The JSON file that makes a Hugging Face causal LM a OneGen model: tokens, roles, templates, markers, lengths.

It lies beside the weights as `onegen.json`. Everything that differs between OneGen checkpoints is here; there is no
subclass per architecture. docs/models.md describes every key.
"""

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from elinker.errors import ModelError, first_problem

SETTINGS_FILE = "onegen.json"

_FIELDS = ("{label}", "{aliases}", "{description}", "{types}")


class Role(StrEnum):
    """What a token is for in training (arXiv 2409.05152, section 3): produced, only read, or a representation."""

    GEN = "GEN"
    CTX = "CTX"
    RET = "RET"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenSettings(_Strict):
    """A token added to the vocabulary. Its embeddings start as the mean of those of `description`."""

    text: str = Field(min_length=1)
    role: Role
    description: str = Field(min_length=1)


class LinkingSettings(_Strict):
    """How a text is asked to be rewritten with marked mentions.

    `prompt` holds `{input}` once. `begin` stands before the rewritten text and `end` closes it. `open` and `close` may
    be added tokens or plain text of several pieces; `query` is the RET token after a closed mention, `forced` whatever
    follows it untrained.
    """

    prompt: str
    begin: str = ""
    open: str = Field(min_length=1)
    close: str = Field(min_length=1)
    query: str
    forced: str = ""
    end: str

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if self.prompt.count("{input}") != 1:
            raise ValueError("prompt must hold {input} exactly once")
        return self


class DocumentSettings(_Strict):
    """How an entity is read: its text, and the RET token whose hidden state is its vector.

    `template` uses one or more of {label}, {aliases} (rendered ` (a, b)`, or nothing), {description} and {types}. What
    stands before the first and after the last of them may hold tokens; the part between is plain text. `skip` is the
    number of earlier occurrences of `token` that are not the vector.
    """

    template: str
    token: str
    skip: int = Field(default=0, ge=0)
    max_aliases: int = Field(default=8, ge=0)
    max_length: int = Field(default=64, gt=0)

    @property
    def parts(self) -> tuple[str, str, str]:
        """The template before its first field, from the first to the last, and after the last."""
        fields = [field for field in _FIELDS if field in self.template]
        start = min(self.template.index(field) for field in fields)
        end = max(self.template.rindex(field) + len(field) for field in fields)
        return self.template[:start], self.template[start:end], self.template[end:]

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if not any(field in self.template for field in _FIELDS):
            raise ValueError(f"template must hold one of {', '.join(_FIELDS)}")
        before, body, after = self.parts
        try:
            body.format_map({field[1:-1]: "" for field in _FIELDS})
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"template cannot be filled in: {error!r}; its fields are {', '.join(_FIELDS)}") from None
        if before.count(self.token) + after.count(self.token) <= self.skip:
            raise ValueError("template holds token too few times, before its first or after its last field, for skip")
        return self


class OneGenSettings(_Strict):
    """All settings of a OneGen model.

    `window` is the largest number of source tokens rewritten in one pass, `max_length` the model's positions, which
    prompt and rewritten text share. `token_types` = "case" feeds 1 for capitalised and 2 for all-capital words as
    `token_type_ids`, which tells a lower-cased model what its tokenizer dropped.
    """

    schema_version: Literal[1] = 1
    tokens: tuple[TokenSettings, ...]
    linking: LinkingSettings
    document: DocumentSettings
    window: int = Field(gt=0)
    max_length: int = Field(gt=0)
    token_types: Literal["none", "case"] = "none"

    @model_validator(mode="after")
    def _known_retrieval_tokens(self) -> Self:
        retrieval = {token.text for token in self.tokens if token.role is Role.RET}
        for key, text in (("linking.query", self.linking.query), ("document.token", self.document.token)):
            if text not in retrieval:
                raise ValueError(f"{key} is {text!r}, which is not among the tokens with role RET")
        return self

    @classmethod
    def load(cls, directory: Path) -> "OneGenSettings":
        """Read `onegen.json` from a model directory.

        Raises:
            ModelError: the file is missing, not JSON, or a key is missing, unknown or wrong.
        """
        path = directory / SETTINGS_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ModelError(
                f"{directory} is not a OneGen model: {SETTINGS_FILE} is missing",
                hint="give a directory made by elinker train, add settings, or name a preset (docs/models.md)",
            ) from None
        except ValidationError as error:
            raise ModelError(f"{path}: {first_problem(error)}", hint="docs/models.md lists the keys") from None

    def save(self, directory: Path) -> None:
        """Write `onegen.json` into a model directory."""
        (directory / SETTINGS_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
