"""One question on its way to an answer: what its next pass reads, and what a written token means. No model here.

`writing` runs the passes over many rows at once. A row reads its prompt, writes a token a pass, and reads the passages
that its query token finds; everything it ever read or wrote lies in its cache, as the ids that were read or written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from elinker.onegen.answering import AnswerLayout
from elinker.onegen.rows import RowCache
from elinker.rag.answer import Answer, Retrieved, Step, Stop
from elinker.rag.citing import cite, entities_of, numbered, read_passages, spelt
from elinker.rag.events import Asked, Event, Finished, Found, Written
from elinker.rag.settings import RagSettings

_TAIL = 24
"""Tokens at the end of what is written in which a marker of plain text is looked for."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question and where its answer may come from: `entities` empty for all passages."""

    question: str
    entities: tuple[str, ...] = ()


class Row:
    """A question that is being answered by a model that asks for passages by itself.

    Args:
        number: which of the questions it is.
        query: the question.
        ids: what is read first: the prompt, behind the history of a conversation.
        cache: of the tokens before `ids`.
        layout: how sequences look.
        settings: the limits.
    """

    def __init__(
        self,
        number: int,
        query: Query,
        ids: Sequence[int],
        cache: RowCache,
        layout: AnswerLayout,
        settings: RagSettings,
    ) -> None:
        self.number = number
        self.query = query
        self.cache = cache
        self.feed = list(ids)
        """What the next pass reads."""
        self.ids: list[int] = []
        """What was read and written so far."""
        self.asking = False
        """Whether `feed` ends in a query token."""
        self.done = False
        self.events: list[Event] = []
        self.children: list[Row] = []
        self._layout = layout
        self._settings = settings
        self._segment: list[int] = []
        self._shown = ""
        self._in_answer = not layout.settings.answer_open
        self._steps: list[Step] = []
        self._read, self._written, self._asked = len(ids), 0, 0

    @property
    def top_k(self) -> int:
        """Passages that are asked for."""
        return self._settings.top_k

    @property
    def judging(self) -> bool:
        """Whether `take` needs the probabilities of all tokens."""
        return False

    def blocked(self) -> frozenset[int]:
        """Tokens that may not be written now, beside those that never may: an answer is opened before it is closed."""
        layout, mode = self._layout, self._settings.mode
        tokens: set[int | None] = {layout.query} if mode == "never" else set()
        if mode == "always" and not self._steps:
            tokens |= {layout.end, layout.answer_open, layout.answer_close}
        if not self._in_answer:
            tokens.add(layout.answer_close)
        return frozenset(token for token in tokens if token is not None)

    def passed(self) -> None:
        """Note down that `feed` was read."""
        self.ids += self.feed
        self.cache.length += len(self.feed)
        self.feed = []

    def take(self, token: int, logits: Tensor) -> None:
        """Go on with the token that was chosen. *Shape:* logits (vocabulary,)."""
        layout = self._layout
        self._written += 1
        self.feed = [token]
        if token == layout.query:
            self._ask()
        elif token == layout.end:
            self._end()
        elif token == layout.answer_open:
            self._in_answer, self._segment, self._shown = True, [], ""
        elif token == layout.answer_close:
            self._finish("answer")
        else:
            self._segment.append(token)
            self._show()
            self._look_for_plain_markers()
        if not self.done and not self.asking and self._spent():
            self._finish("budget")

    def found(self, passages: Sequence[Retrieved]) -> None:
        """Read the passages that the query found, as many as fit."""
        self.asking = False
        fitting, ids = self._fitting(passages)
        if not fitting:
            self._finish("budget")
            return
        step = Step(self._text(), tuple(fitting), len(ids), self._written - self._asked)
        self._steps.append(step)
        self._asked = self._written
        self._segment, self._shown = [], ""
        self._in_answer = not self._layout.settings.answer_open
        self._read += len(ids)
        self.feed = ids
        self.events.append(Found(step))

    def _fitting(self, passages: Sequence[Retrieved]) -> tuple[list[Retrieved], list[int]]:
        fitting: list[Retrieved] = []
        ids: list[int] = []
        for retrieved in passages:
            more = self._layout.context(retrieved.passage.title, retrieved.passage.text)
            if self.cache.length + len(ids) + len(more) >= self._layout.max_length:
                break
            fitting.append(retrieved)
            ids += more
        return fitting, ids

    def _ask(self) -> None:
        if len(self._steps) >= self._settings.max_hops:
            self._finish("max_hops")
        elif self._spent():
            self._finish("budget")
        else:
            self.asking = True
            self.events.append(Asked(self._text()))

    def _end(self) -> None:
        """The model has ended the text; that is an answer where answers are not marked."""
        unmarked = not self._layout.settings.answer_open
        self._finish("answer" if unmarked and self._text() else "end")

    def _spent(self) -> bool:
        full = self.cache.length + len(self.feed) + 1 > self._layout.max_length
        return full or self._written >= self._settings.max_tokens

    def _text(self) -> str:
        """What was written since the last passage, without markup."""
        visible = [token for token in self._segment if token not in self._layout.structure]
        return numbered(self._layout.decode(visible)).strip()

    def _show(self) -> None:
        text = self._text()
        if text.endswith("\ufffd"):
            return  # half a character
        # What a tokenizer puts together later ("do n't") differs before its end.
        pairs = enumerate(zip(text, self._shown, strict=False))
        new = text[next((place for place, (now, before) in pairs if now != before), len(self._shown)) :]
        if new:
            self.events.append(Written(new, self._in_answer))
        self._shown = text

    def _look_for_plain_markers(self) -> None:
        """End at an answer between markers of plain text, which are several tokens."""
        opening, closing = self._layout.settings.answer_open, self._layout.settings.answer_close
        if not closing or self._layout.answer_close is not None:
            return
        if closing in self._layout.decode(self._segment[-_TAIL:]) and opening in self._text():
            self._finish("answer")

    def _answer_text(self) -> str | None:
        text = self._text()
        if self._layout.settings.answer_open and self._layout.answer_open is None:
            _, _, text = text.rpartition(self._layout.settings.answer_open)
            text, _, _ = text.partition(self._layout.settings.answer_close)
        return text.strip()

    def _finish(self, stop: Stop) -> None:
        text = self._answer_text() if stop == "answer" else None
        self.done, self.asking = True, False
        self.events.append(Finished(self._answer(text, stop)))

    def _answer(self, text: str | None, stop: Stop) -> Answer:
        unknown = self._layout.settings.unknown
        if text is not None:
            sources = [passage.text for passage in read_passages(self._steps)]
            text = spelt(text, [unknown, *sources, self.query.question])
        citations = cite(text, self._steps) if text and text != unknown else ()
        return Answer(
            self.query.question,
            text,
            tuple(self._steps),
            citations,
            entities_of(citations),
            self._read,
            self._written,
            stop,
        )
