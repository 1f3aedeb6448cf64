"""Conversations as training examples, documents as sequences: tokens with roles, whatever the task.

Reading the files, and cutting them into pieces with roles, is `elinker.labelled.conversations`.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from elinker.errors import ConfigError, InputError
from elinker.labelled.conversations import Conversation, read_conversations, read_documents
from elinker.onegen.layout import TokenSequence
from elinker.onegen.settings import Role
from elinker.training.config import ConversationConfig
from elinker.training.examples import Example


class Dialect:
    """Turns conversations and documents into token sequences.

    Args:
        config: names the tokens that retrieve.
        tokenizer: a fast tokenizer that knows them.

    Raises:
        ConfigError: it does not know one of them.
    """

    def __init__(self, config: ConversationConfig, tokenizer: Any) -> None:
        known = tokenizer.get_vocab()
        for key, text in (("query", config.query), ("document", config.document)):
            if text not in known:
                raise ConfigError(f"conversation.{key}: the vocabulary has no token {text!r}")
        self._config = config
        self._tokenizer = tokenizer

    def read_conversations(self, paths: Sequence[Path]) -> list[Conversation]:
        """All conversations of files.

        Raises:
            InputError: a file cannot be read, or a line is no conversation.
        """
        return [one for path in paths for one in read_conversations(path, tokens=(self._config.query,))]

    def read_documents(self, path: Path) -> list[Conversation]:
        """All documents of a file.

        Raises:
            InputError: the file cannot be read, a line is no document, or an id comes twice.
        """
        found: dict[str, Conversation] = {}
        for document in read_documents(path, tokens=(self._config.document,)):
            if document.id in found:
                raise InputError(f"{path}: uid {document.id!r} comes more than once")
            found[document.id] = document
        return list(found.values())

    def example(self, conversation: Conversation, max_tokens: int, generator: random.Random) -> Example:
        """The sequence, cut to `max_tokens`; of several positives of a query token one is drawn."""
        sequence = self.sequence(conversation, max_tokens)
        asking = [segment for segment in conversation.segments if segment.role.value == Role.RET.value]
        asking = asking[: len(sequence.retrieval)]
        return Example(
            sequence,
            tuple(generator.choice(segment.positives) if segment.positives else None for segment in asking),
            ("",) * len(asking),
            tuple(segment.negatives for segment in asking),
            tuple(segment.positives for segment in asking),
        )

    def sequence(self, conversation: Conversation, max_tokens: int) -> TokenSequence:
        """The tokens of the joined text, cut to `max_tokens`; a token has the role of the piece that it begins in."""
        encoded = self._tokenizer(
            conversation.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        ends = list(accumulate(len(segment.text) for segment in conversation.segments))
        last = len(ends) - 1
        roles = tuple(
            Role(conversation.segments[min(bisect_right(ends, start), last)].role)
            for start, _ in encoded["offset_mapping"][:max_tokens]
        )
        ids = tuple(encoded["input_ids"][:max_tokens])
        retrieval = tuple(position for position, role in enumerate(roles) if role is Role.RET)
        return TokenSequence(ids, (0,) * len(ids), roles, retrieval)
