"""Training data of the OneGen reference code: conversations and documents cut into pieces with roles.

The format is that of `train.jsonl` and `db.jsonl` of https://github.com/zjunlp/OneGen; arXiv 2409.05152, section 3,
has the roles. Entity-linking conversations are read as labelled texts by `onegen`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from elinker.errors import InputError
from elinker.labelled.source import Reject, at, json_objects, raise_error

QUERY_TOKENS = ("[LK]", "[RQ]", "[Question Representation]")
"""Tokens in conversations whose hidden state is a query vector, as the published models name them."""
DOCUMENT_TOKENS = ("[SE]", "[RD]", "[Document Fragment Representation]")
"""Tokens in documents whose hidden state is a document's vector."""

_PARAGRAPH = re.compile(r"(<paragraph>.*?</paragraph>)", re.DOTALL)


class Role(StrEnum):
    """What a piece of text is for: to be written, only to be read, or to represent something."""

    GEN = "GEN"
    CTX = "CTX"
    RET = "RET"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a conversation. `positives` and `negatives` are ids of documents, which a text's RET segments have.

    An id may be `docid-sentenceindex`, the index counting the document's RET segments from 0.
    """

    text: str
    role: Role
    positives: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """The pieces of a text or document in order; joined, their texts are the messages' contents joined.

    `id` is the `uid` of a document, `file:line` of a text.
    """

    id: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All messages, joined."""
        return "".join(segment.text for segment in self.segments)


def read_conversations(
    path: Path, *, tokens: Sequence[str] = QUERY_TOKENS, skip: Reject | None = None
) -> Iterator[Conversation]:
    """The texts of a `train.jsonl`: what the user says is CTX; the assistant's words are GEN, `tokens` RET.

    Text from `<paragraph>` to `</paragraph>` is CTX, but for retrieval tokens in it. The n-th retrieval token of the
    assistant has the n-th entry of `positive` and `negative`; null, or no such field, gives it none.

    Raises:
        InputError: a line is broken, or has not as many entries as retrieval tokens; unless `skip` takes the error.
    """
    reject = raise_error if skip is None else skip
    cut = _pattern(tokens)
    for number, value in json_objects(path, reject):
        try:
            yield Conversation(f"{path.name}:{number}", tuple(_segments(messages_of(value), cut)))
        except InputError as error:
            reject(at(path, number, error))


def read_documents(
    path: Path, *, tokens: Sequence[str] = DOCUMENT_TOKENS, skip: Reject | None = None
) -> Iterator[Conversation]:
    """The documents of a `db.jsonl`, ids as strings; all is CTX but for the assistant's retrieval tokens.

    Raises:
        InputError: a line is broken, or a document has no retrieval token; unless `skip` takes the error.
    """
    reject = raise_error if skip is None else skip
    cut = _pattern(tokens)
    for number, value in json_objects(path, reject):
        try:
            if not isinstance(value.get("uid"), str | int) or isinstance(value["uid"], bool):
                raise InputError("field 'uid' is not a string or number")
            segments = tuple(_document_segments(messages_of(value), cut))
            if all(segment.role is not Role.RET for segment in segments):
                raise InputError(f"the assistant's message has no retrieval token ({', '.join(tokens)})")
            yield Conversation(str(value["uid"]), segments)
        except InputError as error:
            reject(at(path, number, error))


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `positives` and `negatives` have an entry for each retrieval token, or are None where absent."""

    role: str
    content: str
    positives: list[tuple[str, ...]] | None
    negatives: list[tuple[str, ...]] | None


def messages_of(value: dict[str, Any]) -> list[Message]:
    """The checked messages of a line.

    Raises:
        InputError: a field is missing or of the wrong type.
    """
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InputError("field 'messages' is not a list of messages")
    return [_message(message, index) for index, message in enumerate(messages)]


def _message(message: Any, index: int) -> Message:
    if not isinstance(message, dict) or not isinstance(message.get("content"), str):
        raise InputError(f"messages.{index} has no text as 'content'")
    if message.get("role") not in ("system", "user", "assistant"):
        raise InputError(f"messages.{index}: role {message.get('role')!r} is not system, user or assistant")
    return Message(
        message["role"],
        message["content"],
        _id_lists(message.get("positive"), f"messages.{index}.positive"),
        _id_lists(message.get("negative"), f"messages.{index}.negative"),
    )


def _id_lists(value: Any, name: str) -> list[tuple[str, ...]] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise InputError(f"{name} is not a list")
    return [_ids(entry, name) for entry in value]


def _ids(entry: Any, name: str) -> tuple[str, ...]:
    items = entry if isinstance(entry, list) else [] if entry is None else [entry]
    for item in items:
        if not isinstance(item, str | int) or isinstance(item, bool):
            raise InputError(f"{name} has an entry that is not an id, a list of ids or null")
    return tuple(str(item) for item in items)


def _pattern(tokens: Sequence[str]) -> re.Pattern[str]:
    return re.compile("(" + "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True)) + ")")


def entries(given: list[tuple[str, ...]] | None, count: int, name: str) -> list[tuple[str, ...]]:
    """As many entries as retrieval tokens; empty ones where the message has none.

    Raises:
        InputError: the numbers differ.
    """
    if given is None:
        return [()] * count
    if len(given) != count:
        raise InputError(f"{len(given)} entries of {name!r} for {count} retrieval tokens")
    return given


def _segments(messages: list[Message], cut: re.Pattern[str]) -> Iterator[Segment]:
    for message in messages:
        if message.role != "assistant":
            yield Segment(message.content, Role.CTX)
            continue
        count = len(cut.findall(message.content))
        ids = iter(
            zip(
                entries(message.positives, count, "positive"),
                entries(message.negatives, count, "negative"),
                strict=True,
            )
        )
        for index, part in enumerate(_PARAGRAPH.split(message.content)):
            around = Role.CTX if index % 2 else Role.GEN
            for place, piece in enumerate(cut.split(part)):
                if place % 2:
                    yield Segment(piece, Role.RET, *next(ids))
                elif piece:
                    yield Segment(piece, around)


def _document_segments(messages: list[Message], cut: re.Pattern[str]) -> Iterator[Segment]:
    for message in messages:
        if message.role != "assistant":
            yield Segment(message.content, Role.CTX)
            continue
        for place, piece in enumerate(cut.split(message.content)):
            if piece:
                yield Segment(piece, Role.RET if place % 2 else Role.CTX)
