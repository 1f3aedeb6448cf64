"""A conversation over one cache: each turn is read behind the turns before it, and nothing is read twice.

When the turns take more than half of the model's positions, the oldest are forgotten, and the rest is read anew, as the
token ids that they were.
"""

from collections.abc import Iterator, Sequence

from elinker.onegen.rows import RowCache
from elinker.rag.answer import Answer, Passage
from elinker.rag.citing import read_passages
from elinker.rag.events import Event, Finished
from elinker.rag.judging import JudgingRow
from elinker.rag.rag import Rag
from elinker.rag.rows import Query


class Chat:
    """Several questions to a `Rag`, each with the history of those before it.

    Args:
        rag: what answers.
        entities: only passages in which one of these is linked are read; empty for all.
    """

    def __init__(self, rag: Rag, *, entities: Sequence[str] = ()) -> None:
        self.rag = rag
        self.entities = tuple(entities)
        self.answers: list[Answer] = []
        """All answers since the last `reset`, also those of turns that the model no longer sees."""
        self._turns: list[list[int]] = []
        self._cache = RowCache(0)
        self._unread: list[int] = []

    @property
    def remembered(self) -> int:
        """How many turns the model sees."""
        return len(self._turns)

    @property
    def sources(self) -> list[Passage]:
        """The passages that the last answer read, in order."""
        return read_passages(self.answers[-1].steps) if self.answers else []

    def ask(self, question: str) -> Answer:
        """Answer a question.

        Raises:
            InputError: the question is empty or longer than the model reads.
        """
        for event in self.stream(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("an answer always finishes")

    def stream(self, question: str) -> Iterator[Event]:
        """Answer a question, giving what happens as it happens; the last event is `Finished`."""
        self.rag.check(question)
        layout = self.rag.layout
        prompt = layout.prompt(question, after=layout.settings.end if self._turns else "")
        self._make_room(len(prompt))
        history = [token for turn in self._turns for token in turn]
        known = len(history)
        self._cache.length = known - len(self._unread)  # whatever a turn that was not followed to its end left behind
        row = self.rag.row_after(Query(question, self.entities), [*self._unread, *prompt], self._cache)
        row.ids = history[: self._cache.length]
        for event in self.rag.run(row):
            if isinstance(event, Finished):
                self.answers.append(event.answer)
                written = row.best if isinstance(row, JudgingRow) else row
                whole = [*written.ids, *written.feed]
                closing = [] if whole[-1] == layout.end else [layout.end]
                self._turns.append([*whole[known:], *closing])
                self._cache = written.cache
                self._unread = [*written.feed, *closing]
            yield event

    def reset(self) -> None:
        """Forget everything."""
        self.answers, self._turns, self._unread, self._cache = [], [], [], RowCache(0)

    def _make_room(self, needed: int) -> None:
        """Forget turns, the oldest first, until the history and the question take half of the positions at most."""
        half = self.rag.layout.max_length // 2
        kept = self._turns
        while kept and sum(map(len, kept)) + needed > half:
            kept = kept[1:]
        if len(kept) < len(self._turns):
            self._turns, self._cache = kept, RowCache(0)
            self._unread = [token for turn in kept for token in turn]
