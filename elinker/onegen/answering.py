"""Questions, retrieved passages and documents of an index as token sequences. No tensors, and no retrieval.

Everything between two points where the model writes is read by the tokenizer as one text, markup included, as it was in
training; inside titles, questions and passages no control token is recognised, whatever they spell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elinker.errors import ModelError
from elinker.onegen.layout import TokenSequence
from elinker.onegen.settings import OneGenSettings, Role
from elinker.onegen.source import SURROGATE, Source, read_pieces, read_source

LONGEST_TITLE = 200
"""Characters of a title that are read."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a sequence: markup, in which control tokens are what they are, or somebody's text."""

    text: str
    markup: bool = False
    vector: bool = False


class AnswerLayout:
    """Turns questions and passages into token sequences under the settings of a model.

    Raises:
        ModelError: the settings have no answering part, a token of them is not one token of the tokenizer's vocabulary,
            or `max_length` leaves no room for a passage.
    """

    def __init__(self, settings: OneGenSettings, tokenizer: Any) -> None:
        if settings.answering is None or settings.passage is None:
            raise ModelError(
                "this model answers no questions: its settings have no answering and passage",
                hint="docs/rag.md says how to train one that does",
            )
        self.settings = settings.answering
        self.passage = settings.passage
        self.max_length = settings.max_length
        self.tokenizer = tokenizer
        self._reserved = frozenset(tokenizer.get_added_vocab().values()) - {tokenizer.unk_token_id}
        self.query = self._single(self.settings.query)
        self.document_token = self._single(self.passage.token)
        self.end = self._single(self.settings.end)
        self.answer_open = self._marker(self.settings.answer_open)
        self.answer_close = self._marker(self.settings.answer_close)
        reflection = self.settings.reflection
        self.reflection = {text: self._single(text) for text in (reflection.tokens if reflection else ())}
        self.structure = self._structure()
        """The tokens that the model writes and that are no part of what it says."""
        self._said = self._said_tokens(settings)
        self._check_room()

    @property
    def markers(self) -> tuple[int, ...]:
        """The tokens of the settings that the model writes."""
        return tuple(sorted(self.structure | self._said))

    @property
    def forbidden(self) -> frozenset[int]:
        """Control tokens that the model is never to write: those of passages and documents, padding and the like."""
        return self._reserved - self.structure - self._said

    def source(self, text: str) -> Source:
        """Read a text: ids with character offsets, free of control tokens."""
        return read_source(text, self.tokenizer, self._reserved)

    def prompt(self, question: str, *, after: str = "") -> tuple[int, ...]:
        """What is read before the model writes.

        Args:
            question: any text.
            after: markup that was read before, such as the end of an earlier turn; it is not part of the result.
        """
        before, behind = self.settings.prompt.split("{input}")
        ids, _ = self._read(
            (_Part(after + before, True), _Part(question), _Part(behind + self.settings.begin, True)), skip=after
        )
        return ids

    def context(self, title: str, text: str) -> tuple[int, ...]:
        """A retrieved passage as it is read behind the query token, from `open` to `close`."""
        filled = _filled(self.settings.passage, title, text)
        opening, closing = self.settings.query + self.settings.open, self.settings.close
        ids, _ = self._read((_Part(opening, True), _Part(filled), _Part(closing, True)), skip=self.settings.query)
        return ids

    def document(self, title: str, text: str, sentences: Sequence[tuple[int, int]]) -> TokenSequence:
        """A passage as it is read for its vectors: with unit "sentence" one behind each sentence, else one at the end.

        Args:
            title: of its document.
            text: the passage.
            sentences: characters of each sentence, in order; what lies between two is read with the second.

        A text of more than `passage.max_length` tokens is cut, and sentences behind the cut have no vector.
        """
        text = self._cut(text)
        sentences = [span for span in sentences if span[0] < len(text)] if self.passage.unit == "sentence" else []
        ends = [min(end, len(text)) for _, end in sentences[:-1]] + [len(text)]
        head, _, _ = self.passage.template.partition("{text}")
        before, found, between = head.partition("{title}")
        lead = title[:LONGEST_TITLE] + between if found else ""
        parts = [_Part(before, True)]
        for start, end in zip([0, *ends], ends, strict=False):
            parts += [_Part(lead + text[start:end]), _Part(self.passage.token, True, True)]
            lead = ""
        ids, places = self._read(parts)
        ids = ids[: self.max_length]
        vectors = tuple(place for place in places if place < len(ids))
        roles = tuple(Role.RET if place in vectors else Role.CTX for place in range(len(ids)))
        return TokenSequence(ids, (0,) * len(ids), roles, vectors)

    def decode(self, ids: Sequence[int]) -> str:
        """The text that tokens stand for."""
        return str(self.tokenizer.decode(list(ids)))

    def _cut(self, text: str) -> str:
        source = self.source(text)
        limit = self.passage.max_length
        return text if len(source) <= limit else text[: source.ends[limit - 1]]

    def _read(self, parts: Sequence[_Part], *, skip: str = "") -> tuple[tuple[int, ...], list[int]]:
        """Ids of all parts read as one text, and where the tokens of vectors are; `skip` at the start is left out."""
        texts = [SURROGATE.sub("\ufffd", part.text) for part in parts]
        owner = [part for part, text in zip(parts, texts, strict=True) for _ in text]
        whole = "".join(texts)
        encoding = self.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids: list[int] = []
        vectors: list[int] = []
        for token, (start, end) in zip(encoding["input_ids"], encoding["offset_mapping"], strict=True):
            if start < len(skip) and end <= len(skip) and end > start:
                continue
            part = owner[min(start, len(owner) - 1)]
            if token in self._reserved and not part.markup:
                ids += self._as_text(whole[start:end])
                continue
            if part.vector and token == self.document_token:
                vectors.append(len(ids))
            ids.append(token)
        return tuple(ids), vectors

    def _as_text(self, piece: str) -> list[int]:
        """Ids of text that the tokenizer takes for a control token: cut behind its first character."""
        if len(piece) < 2:
            return [] if self.tokenizer.unk_token_id is None else [int(self.tokenizer.unk_token_id)]
        halves = (piece[:1], piece[1:])
        return [token for half in halves for token, _, _ in read_pieces(half, self.tokenizer, self._reserved)]

    def _single(self, text: str) -> int:
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        if len(ids) != 1 or ids[0] == self.tokenizer.unk_token_id:
            raise ModelError(f"token {text!r} of the settings is not in the tokenizer's vocabulary")
        return int(ids[0])

    def _marker(self, text: str) -> int | None:
        """The id of a marker that is a token; None for one of plain text, or none."""
        ids = self.tokenizer.encode(text, add_special_tokens=False) if text else []
        return int(ids[0]) if len(ids) == 1 and ids[0] in self._reserved else None

    def _structure(self) -> frozenset[int]:
        answer = {marker for marker in (self.answer_open, self.answer_close) if marker is not None}
        return frozenset({self.query, self.end, *self.reflection.values()} | answer)

    def _said_tokens(self, settings: OneGenSettings) -> frozenset[int]:
        """Other tokens with role GEN, such as `[[1]]`; not those that mark mentions."""
        linking = settings.linking
        marks = (linking.open, linking.close, linking.forced) if linking else ()
        names = (token.text for token in settings.tokens if token.role is Role.GEN and token.text not in marks)
        return frozenset(self._single(name) for name in names) - self.structure

    def _check_room(self) -> None:
        needed = len(self.prompt("")) + len(self.context("", "")) + 2
        if needed > self.max_length:
            raise ModelError(
                f"max_length of the settings is {self.max_length}, too short for the prompt and a passage",
                hint="raise max_length",
            )


def _filled(template: str, title: str, text: str) -> str:
    """A template with its fields; not `format`, which other braces would confuse."""
    before, _, behind = template.partition("{text}")
    short = title[:LONGEST_TITLE]
    return before.replace("{title}", short) + text + behind.replace("{title}", short)
