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


class ReflectionSettings(_Strict):
    """Tokens by which a model judges whether to retrieve, and what it retrieved (Self-RAG, arXiv 2310.11511).

    `support` goes from full over partial to no support, `utility` from the lowest to the highest grade. `other` are
    tokens that are written as well and belong to no answer.
    """

    retrieve: str
    no_retrieve: str
    relevant: str
    irrelevant: str
    support: tuple[str, str, str]
    utility: tuple[str, ...] = Field(min_length=2)
    other: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """All of them."""
        judged = (self.retrieve, self.no_retrieve, self.relevant, self.irrelevant)
        return (*judged, *self.support, *self.utility, *self.other)


class AnsweringSettings(_Strict):
    """How a question is asked, and what the model writes on the way to its answer.

    `prompt` holds `{input}`, the question, once; `begin` stands before what the model writes. It closes a sub-question
    with the RET token `query`; then `open`, the retrieved passage and `close` follow, and it goes on. `passage` is that
    passage as it is read: a template with {text} once and {title} at most once. The answer stands between
    `answer_open` and `answer_close`, which may be added tokens or plain text; where both are empty, all that is written
    after the last passage is the answer. `unknown` is the answer by which it says that the passages hold none. `end`
    closes the whole.
    """

    prompt: str
    begin: str = ""
    query: str
    open: str = Field(min_length=1)
    close: str = Field(min_length=1)
    passage: str = "{text}"
    answer_open: str = ""
    answer_close: str = ""
    unknown: str = ""
    end: str = Field(min_length=1)
    reflection: ReflectionSettings | None = None

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.prompt.count("{input}") != 1:
            raise ValueError("prompt must hold {input} exactly once")
        if self.passage.count("{text}") != 1 or self.passage.count("{title}") > 1:
            raise ValueError("passage must hold {text} exactly once and {title} at most once")
        if bool(self.answer_open) != bool(self.answer_close):
            raise ValueError("answer_open and answer_close must both be there or both be empty")
        return self


class PassageSettings(_Strict):
    """How a passage is read to get its vectors: the hidden states at `token`.

    `template` ends in {text} and may hold {title} once before it. `unit` = "sentence" puts `token` after every
    sentence of the text, so that a passage has as many vectors as sentences; "passage" puts it once, at the end. A
    `token` that the template itself names is no vector. `max_length` are the tokens of text that are read.
    """

    template: str = "{text}"
    token: str
    unit: Literal["sentence", "passage"] = "sentence"
    max_length: int = Field(default=128, gt=0)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if not self.template.endswith("{text}") or self.template.count("{text}") != 1:
            raise ValueError("template must end in {text} and hold it once")
        if self.template.count("{title}") > 1:
            raise ValueError("template must hold {title} at most once")
        return self


class OneGenSettings(_Strict):
    """All settings of a OneGen model, which links entities (`linking`, `document`, `window`), answers questions
    (`answering`, `passage`), or does both.

    `window` is the largest number of source tokens rewritten in one pass. `max_length` are the model's positions, which
    prompt, rewritten text, passages and answer share. `token_types` = "case" feeds 1 for capitalised and 2 for
    all-capital words of a text that is linked as `token_type_ids`, which tells a lower-cased model what its tokenizer
    dropped; in questions, passages and answers they are 0. `punctuation_runs` = "one" reads three or
    more of the same sign on end as one token.
    """

    schema_version: Literal[1] = 1
    tokens: tuple[TokenSettings, ...]
    linking: LinkingSettings | None = None
    document: DocumentSettings | None = None
    window: int | None = Field(default=None, gt=0)
    answering: AnsweringSettings | None = None
    passage: PassageSettings | None = None
    max_length: int = Field(gt=0)
    token_types: Literal["none", "case"] = "none"
    punctuation_runs: Literal["each", "one"] = "each"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for keys in (("linking", "document", "window"), ("answering", "passage")):
            absent = [key for key in keys if getattr(self, key) is None]
            if absent and len(absent) < len(keys):
                raise ValueError(f"{absent[0]} is missing: {', '.join(keys)} belong together")
        if self.linking is None and self.answering is None:
            raise ValueError("linking, document and window are missing, or answering and passage")
        return self

    @model_validator(mode="after")
    def _known_tokens(self) -> Self:
        retrieval = {token.text for token in self.tokens if token.role is Role.RET}
        places = (("linking", "query"), ("document", "token"), ("answering", "query"), ("passage", "token"))
        for part, key in places:
            text = getattr(getattr(self, part), key, None)
            if text is not None and text not in retrieval:
                raise ValueError(f"{part}.{key} is {text!r}, which is not among the tokens with role RET")
        reflection = self.answering.reflection if self.answering else None
        known = {token.text for token in self.tokens}
        if unknown := [text for text in (reflection.tokens if reflection else ()) if text not in known]:
            raise ValueError(f"answering.reflection names {unknown[0]!r}, which is not among the tokens")
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
