"""Sequences as the model sees them: prompt, rewritten text with marked mentions, entity documents. No tensors.

The same layout serves training, disambiguation (teacher-forced) and decoding, so they cannot drift apart. Where the
markers are plain text, so that the model was trained on texts that a tokenizer read as a whole, all sequences are read
as a whole (`elinker.onegen.spelling`); otherwise fixed parts and text are read one by one.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elinker.errors import ModelError
from elinker.onegen.grammar import Action
from elinker.onegen.rewriting import Rewriting, TextRewriting, TokenRewriting
from elinker.onegen.settings import OneGenSettings, Role
from elinker.onegen.source import SURROGATE, Source, read_pieces, read_source
from elinker.onegen.spelling import Reader, Spelling
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
        ModelError: there is no linking part, a token of the settings is not one of the vocabulary, a marker is none,
            `token_types` or `punctuation_runs` are asked for with markers of plain text, or `max_length` leaves no room
            for a text or an entity.
    """

    def __init__(self, settings: OneGenSettings, tokenizer: Any) -> None:
        self.settings = settings
        self.tokenizer = tokenizer
        if settings.linking is None or settings.document is None or settings.window is None:
            raise ModelError(
                "this model does not link entities: its settings have no linking, document and window",
                hint="a model that answers questions is for elinker rag",
            )
        linking, self.entities, self._window = settings.linking, settings.document, settings.window
        self._reserved = frozenset(tokenizer.get_added_vocab().values()) - {tokenizer.unk_token_id}
        self._prefix, self._suffix = linking.prompt.split("{input}")
        self.open = self._markup(linking.open)
        self.close = self._following(linking.close)
        self.query = self._single(linking.query)
        self.forced = self._markup(linking.forced)
        self.end = self._markup(linking.end)
        self.document_token = self._single(self.entities.token)
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        plain = not self._is_token(self.open) and not self._is_token(self.close)
        self._reader = Reader(linking, tokenizer, self._reserved) if plain else None
        # Beside markup of plain text a text is read anew, which may take a few more tokens.
        self._reread = 3 if plain else 0
        self.prompt_prefix = self._markup(self._prefix)
        self.prompt_suffix = self._following(self._suffix) if plain else self._following(self._suffix + linking.begin)
        self._document_before, self._document_body, self._document_after = self.entities.parts
        self._document_head = self._markup(self._document_before)
        self._document_tail = self._following(self._document_after)
        self._check_markers()
        self._check_room()

    @property
    def markers_are_text(self) -> bool:
        """Whether the markers are plain text, so that sequences are read as a whole."""
        return self._reader is not None

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
        room, cost = self.settings.max_length - self._fixed, self.mention_cost + self._reread
        return min(self._window, int(room / (2 + cost / 8)), (room - cost) // 2)

    def mentions_that_fit(self, tokens: int) -> int:
        """How many mentions can be marked in a source of `tokens` tokens before positions run out."""
        room = self.settings.max_length - self._fixed - 2 * tokens
        return max(0, room // (self.mention_cost + self._reread))

    def source(self, text: str) -> Source:
        """Read a text: ids with character offsets, free of control tokens."""
        one = self.settings.punctuation_runs == "one"
        return read_source(text, self.tokenizer, self._reserved, runs_as_one=one)

    def prompt(self, source: Source) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids and token types of the prompt with `source` in it."""
        if self._reader:
            ids = tuple(token for token, _, _ in self._joined(self._prefix, source, self._suffix))
            return ids, (0,) * len(ids)
        before, after = (0,) * len(self.prompt_prefix), (0,) * len(self.prompt_suffix)
        return (*self.prompt_prefix, *source.ids, *self.prompt_suffix), (*before, *source.types, *after)

    def start(self, source: Source) -> tuple[Rewriting, tuple[int, ...], tuple[int, ...]]:
        """The rewriting of `source`, and the ids and token types that are read before its first choice."""
        ids, types = self.prompt(source)
        rewriting, lead = self._rewriting(source, len(ids))
        return rewriting, (*ids, *lead), (*types, *(0,) * len(lead))

    def _rewriting(self, source: Source, prompt: int) -> tuple[Rewriting, tuple[int, ...]]:
        """The rewriting behind a prompt of so many tokens, and the ids that are written before its first choice."""
        budget, cost, end = self.settings.max_length - prompt, self.mention_cost, len(self.end)
        if not self._reader:
            close = (*self.close, *self.after_close)
            return TokenRewriting(source, budget, cost, end, open=self.open, close=close), ()
        spelling = Spelling(source, self._reader, self.end)
        run = spelling.start()
        lead = run.ids[: run.certain(0)]
        return TextRewriting(source, budget - len(lead), cost, end, spelling=spelling, run=run, sent=len(lead)), lead

    def columns(self, source: Source) -> Sequence[int]:
        """Where in the prompt each token of `source` ends."""
        if not self._reader:
            start = len(self.prompt_prefix)
            return range(start, start + len(source))
        first, _ = source.extent
        ends = [end - len(self._prefix) + first for _, _, end in self._joined(self._prefix, source, self._suffix)]
        return [bisect_left(ends, end) for end in source.ends]

    def marked(self, source: Source, mentions: Sequence[tuple[int, int]]) -> TokenSequence:
        """The full sequence: prompt, the text with `mentions` marked, the end.

        Args:
            source: the text.
            mentions: token ranges in `source`, in order, not overlapping.

        Roles: prompt and forced tokens are CTX, query tokens RET, everything else GEN.
        """
        ids, kinds = (list(part) for part in self.prompt(source))
        prompt = len(ids)
        rewriting, lead = self._rewriting(source, prompt)
        ids += lead
        kinds += [0] * len(lead)
        for action in _actions(len(source), mentions):
            written, kind = rewriting.write(action)
            ids += written
            kinds += [kind] * len(written)
        ids += self.end
        kinds += [0] * len(self.end)
        queries = tuple(place for place in range(prompt, len(ids)) if ids[place] == self.query)
        roles = [Role.CTX] * prompt + [Role.GEN] * (len(ids) - prompt)
        for place in queries:
            roles[place : place + 1 + len(self.forced)] = [Role.RET] + [Role.CTX] * len(self.forced)
        return TokenSequence(tuple(ids), tuple(kinds), tuple(roles), queries)

    def entity_text(self, entity: Entity) -> str:
        """The part of the document template that is about the entity; `document` reads it."""
        template = self.entities
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
        # Sign by sign whatever `punctuation_runs` says: a base remembers the settings of entities, not those of texts.
        source = read_source(text, self.tokenizer, self._reserved).slice(0, self.entities.max_length)
        head, tail = self._document_head, self._document_tail
        if self._reader:
            pieces = self._joined(self._document_before, source, self._document_after)
            ids = tuple(token for token, _, _ in pieces)
            types: tuple[int, ...] = (0,) * len(ids)
        else:
            ids = (*head, *source.ids, *tail)
            types = (*(0,) * len(head), *source.types, *(0,) * len(tail))
        found = [index for index, token in enumerate(ids) if token == self.document_token]
        position = found[self.entities.skip]
        roles = tuple(Role.RET if index == position else Role.CTX for index in range(len(ids)))
        return TokenSequence(ids, types, roles, (position,))

    @property
    def _fixed(self) -> int:
        return len(self.prompt_prefix) + len(self.prompt_suffix) + len(self.end) + self._reread

    def _joined(self, before: str, source: Source, after: str) -> list[tuple[int, int, int]]:
        """Ids and offsets of a source between markup, all read as one text."""
        start, end = source.extent
        text = SURROGATE.sub("\ufffd", source.text[start:end])
        return read_pieces(text, self.tokenizer, self._reserved, before=before, after=after)

    def _check_markers(self) -> None:
        for key, marker in (("open", self.open), ("close", self.close)):
            if not marker:
                raise ModelError(f"linking.{key} of the settings is no token to the tokenizer")
        for key, default in (("token_types", "none"), ("punctuation_runs", "each")):
            if self._reader and getattr(self.settings, key) != default:
                raise ModelError(f"{key} of the settings needs markers that are among its tokens")

    def _check_room(self) -> None:
        document = len(self._document_head) + self.entities.max_length + len(self._document_tail)
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

    def _is_token(self, ids: tuple[int, ...]) -> bool:
        """Whether markup is one token that no text can spell."""
        return len(ids) == 1 and ids[0] in self._reserved

    def _single(self, text: str) -> int:
        ids = self._markup(text)
        if len(ids) != 1:
            raise ModelError(f"token {text!r} of the settings is not in the tokenizer's vocabulary")
        return ids[0]


def _actions(length: int, mentions: Sequence[tuple[int, int]]) -> Iterator[Action]:
    """The steps that copy `length` tokens and mark `mentions`."""
    done = 0
    for start, end in mentions:
        yield from (Action.COPY for _ in range(done, start))
        yield Action.OPEN
        yield from (Action.COPY for _ in range(start, end))
        yield Action.CLOSE
        done = end
    yield from (Action.COPY for _ in range(done, length))
