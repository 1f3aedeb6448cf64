"""Sequences as the model sees them: prompt, rewritten text with marked mentions, entity documents. No tensors.

The same layout serves training, disambiguation (teacher-forced) and decoding, so they cannot drift apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elinker.errors import ModelError
from elinker.onegen.settings import OneGenSettings, Role
from elinker.onegen.source import Source, read_source
from elinker.schema import Entity


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """Token ids with a role and a token type each; `retrieval` lists the positions whose hidden state is a vector."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    roles: tuple[Role, ...]
    retrieval: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


class Layout:
    """Turns texts and entities into token sequences under the settings of a model.

    Raises:
        ModelError: a token of the settings is not one token of the tokenizer's vocabulary, a marker is none at all, or
            `max_length` leaves no room for a text or an entity.
    """

    def __init__(self, settings: OneGenSettings, tokenizer: Any) -> None:
        self.settings = settings
        self.tokenizer = tokenizer
        linking = settings.linking
        prefix, suffix = linking.prompt.split("{input}")
        self.prompt_prefix = self._markup(prefix)
        self.prompt_suffix = self._following(suffix)
        self.open = self._markup(linking.open)
        self.close = self._following(linking.close)
        self.query = self._single(linking.query)
        self.forced = self._markup(linking.forced)
        self.end = self._markup(linking.end)
        self.document_token = self._single(settings.document.token)
        before, self._document_body, after = settings.document.parts
        self._document_head, self._document_tail = self._markup(before), self._following(after)
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self._reserved = frozenset(tokenizer.get_added_vocab().values()) - {tokenizer.unk_token_id}
        self._check_room()

    @property
    def after_close(self) -> tuple[int, ...]:
        """What follows every closed mention: the query token and the forced ones."""
        return (self.query, *self.forced)

    @property
    def mention_cost(self) -> int:
        """Tokens that one mention adds to the rewritten text."""
        return len(self.open) + len(self.close) + len(self.after_close)

    @property
    def window(self) -> int:
        """Source tokens that fit in one pass with room for one mention in every eight tokens, and for one at least."""
        room = self.settings.max_length - self._fixed
        return min(self.settings.window, int(room / (2 + self.mention_cost / 8)), (room - self.mention_cost) // 2)

    def mentions_that_fit(self, tokens: int) -> int:
        """How many mentions can be marked in a source of `tokens` tokens before positions run out."""
        return max(0, (self.settings.max_length - self._fixed - 2 * tokens) // self.mention_cost)

    def source(self, text: str) -> Source:
        """Read a text: ids with character offsets, free of control tokens."""
        return read_source(text, self.tokenizer, self._reserved)

    def prompt(self, source: Source) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids and token types of the prompt with `source` in it."""
        before, after = (0,) * len(self.prompt_prefix), (0,) * len(self.prompt_suffix)
        return (*self.prompt_prefix, *source.ids, *self.prompt_suffix), (*before, *source.types, *after)

    def marked(self, source: Source, mentions: Sequence[tuple[int, int]]) -> TokenSequence:
        """The full sequence: prompt, the text with `mentions` marked, the end.

        Args:
            source: the text.
            mentions: token ranges in `source`, in order, not overlapping.

        Roles: prompt and forced tokens are CTX, query tokens RET, everything else GEN.
        """
        ids, types = (list(part) for part in self.prompt(source))
        roles = [Role.CTX] * len(ids)
        retrieval: list[int] = []

        def put(tokens: Sequence[int], kinds: Sequence[int], role: Role) -> None:
            ids.extend(tokens)
            types.extend(kinds)
            roles.extend([role] * len(tokens))

        done = 0
        for start, end in mentions:
            put(source.ids[done:start], source.types[done:start], Role.GEN)
            put(self.open, (0,) * len(self.open), Role.GEN)
            put(source.ids[start:end], source.types[start:end], Role.GEN)
            put(self.close, (0,) * len(self.close), Role.GEN)
            retrieval.append(len(ids))
            put((self.query,), (0,), Role.RET)
            put(self.forced, (0,) * len(self.forced), Role.CTX)
            done = end
        put(source.ids[done:], source.types[done:], Role.GEN)
        put(self.end, (0,) * len(self.end), Role.GEN)
        return TokenSequence(tuple(ids), tuple(types), tuple(roles), tuple(retrieval))

    def entity_text(self, entity: Entity) -> str:
        """The part of the document template that is about the entity; `document` reads it."""
        template = self.settings.document
        aliases = ", ".join(entity.aliases[: template.max_aliases])
        fields = {
            "label": entity.label,
            "aliases": f" ({aliases})" if aliases else "",
            "description": entity.description,
            "types": ", ".join(entity.types),
        }
        return self._document_body.format_map(fields)

    def document(self, text: str) -> TokenSequence:
        """An entity text between the fixed parts of the template, cut to `document.max_length` tokens of text."""
        source = self.source(text).slice(0, self.settings.document.max_length)
        head, tail = self._document_head, self._document_tail
        ids = (*head, *source.ids, *tail)
        types = (*(0,) * len(head), *source.types, *(0,) * len(tail))
        found = [index for index, token in enumerate(ids) if token == self.document_token]
        position = found[self.settings.document.skip]
        roles = tuple(Role.RET if index == position else Role.CTX for index in range(len(ids)))
        return TokenSequence(ids, types, roles, (position,))

    @property
    def _fixed(self) -> int:
        return len(self.prompt_prefix) + len(self.prompt_suffix) + len(self.end)

    def _check_room(self) -> None:
        for key, marker in (("open", self.open), ("close", self.close)):
            if not marker:
                raise ModelError(f"linking.{key} of the settings is no token to the tokenizer")
        document = len(self._document_head) + self.settings.document.max_length + len(self._document_tail)
        needed = max(document, self._fixed + 2 + self.mention_cost)
        if self.window < 1 or needed > self.settings.max_length:
            raise ModelError(
                f"max_length of the settings is {self.settings.max_length}, too short for prompt and markers of a text "
                f"or for an entity of {document} tokens",
                hint="raise max_length, or lower document.max_length",
            )

    def _markup(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False)) if text else ()

    def _following(self, text: str) -> tuple[int, ...]:
        """Ids of markup behind a text, without the space that SentencePiece puts before what it takes for a start."""
        lead, both = self._markup("a"), self._markup("a" + text)
        return both[len(lead) :] if text and both[: len(lead)] == lead else self._markup(text)

    def _single(self, text: str) -> int:
        ids = self._markup(text)
        if len(ids) != 1:
            raise ModelError(f"token {text!r} of the settings is not in the tokenizer's vocabulary")
        return ids[0]
