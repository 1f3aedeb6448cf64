"""Rag: a model, an index of passages and a few settings, which answer questions. The command line is `elinker.cli.rag`.

A directory with `rag.json`, `model/` and `passages/` holds all three.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from elinker.errors import InputError, ModelError, UsageError
from elinker.kb.replace import replacing
from elinker.onegen.model import OneGen
from elinker.onegen.rows import RowCache
from elinker.rag.answer import Answer, Retrieved
from elinker.rag.events import Event, Finished
from elinker.rag.judging import JudgingRow
from elinker.rag.passages import PassageIndex
from elinker.rag.rows import Query, Row
from elinker.rag.settings import SETTINGS_FILE, Mode, RagSettings
from elinker.rag.writing import Writer, read_feeds
from elinker.resources import data_directory

STARTER = "en_rag"
"""Name of the directory that is used when none is named."""

MODEL, PASSAGES = "model", "passages"
_OWN = frozenset((SETTINGS_FILE, MODEL, PASSAGES))
_ROOM = 64


class Rag:
    """Answers questions over passages (arXiv 2409.05152): what is written, retrieved and read shares one pass.

    Args:
        onegen: a model whose settings have `answering` and `passage`.
        index: passages whose vectors that model made.
        settings: how many passages, hops and tokens.

    Raises:
        ModelError: the model answers no questions, or has no reflection tokens where the settings need them.
        KnowledgeBaseError: another model made the index.
    """

    def __init__(self, onegen: OneGen, index: PassageIndex, settings: RagSettings | None = None) -> None:
        self.layout = onegen.answering
        index.check_model(onegen)
        self.onegen = onegen
        self.index = index
        self.settings = settings or RagSettings()

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        *,
        model: str | Path | None = None,
        index: str | Path | None = None,
        device: str | None = None,
        preset: str | None = None,
        top_k: int | None = None,
        max_hops: int | None = None,
        max_tokens: int | None = None,
        mode: Mode | None = None,
    ) -> "Rag":
        """Load a directory, or a model and an index of their own.

        Args:
            name_or_path: a directory with `rag.json`, `model/` and `passages/`, or the name of one that ships. By
                default the starter, unless `model` and `index` are both given.
            model: a model directory or hub id in place of the directory's.
            index: an index in place of the directory's.
            device: `cpu`, `cuda` …; by default a GPU where there is one.
            preset: settings for a published model without `onegen.json`.
            top_k: passages a hop, in place of the setting.
            max_hops: most hops, in place of the setting.
            max_tokens: most tokens written for a question, in place of the setting.
            mode: `adaptive`, `always` or `never`, in place of the setting.

        Raises:
            UsageError: there is no such directory or name, or a setting is out of range.
            ModelError, KnowledgeBaseError: a part is damaged, or model and index do not belong together.
        """
        directory = None if name_or_path is None and model and index else find_rag(name_or_path or STARTER)
        settings = RagSettings() if directory is None else RagSettings.load(directory)
        changes = {"top_k": top_k, "max_hops": max_hops, "max_tokens": max_tokens, "mode": mode}
        settings = settings.changed({key: value for key, value in changes.items() if value is not None})
        opened = PassageIndex.open(_part(directory, PASSAGES, index))
        onegen = OneGen.from_pretrained(_part(directory, MODEL, model), preset=preset, device=device)
        return cls(onegen, opened, settings)

    def save(self, directory: str | Path) -> None:
        """Write settings, model and index to a directory that `load` reads, whole or not at all; a README is kept."""
        with replacing(Path(directory).resolve(), _OWN) as target:
            self.settings.save(target)
            self.onegen.save_pretrained(target / MODEL)
            shutil.copytree(self.index.path, target / PASSAGES)

    def answer(self, question: str, *, entities: Sequence[str] = ()) -> Answer:
        """Answer one question.

        Args:
            question: any text.
            entities: only passages in which one of these entities is linked are read; empty for all.

        Raises:
            InputError: the question is empty or longer than the model reads, or no passage mentions the entities.
        """
        return next(self.answers([question], entities=entities))

    def answers(
        self, questions: Iterable[str], *, batch_size: int = 16, entities: Sequence[str] = ()
    ) -> Iterator[Answer]:
        """Answer questions as they are asked for, in order. They are worked on side by side, at different hops.

        Args:
            questions: read as there is room for them.
            batch_size: questions in one forward pass; it changes the time, not the answers.
            entities: as for `answer`.

        Raises:
            InputError: as for `answer`, when the question's turn comes.
        """
        waiting: dict[int, Answer] = {}
        due = 0
        rows = (self._row(number, Query(question, tuple(entities))) for number, question in enumerate(questions))
        for number, event in Writer(self.onegen, self.index, batch_size=batch_size).run(rows):
            if isinstance(event, Finished):
                waiting[number] = event.answer
            while due in waiting:
                yield waiting.pop(due)
                due += 1

    def stream(self, question: str, *, entities: Sequence[str] = ()) -> Iterator[Event]:
        """Answer one question, giving what happens as it happens; the last event is `Finished`."""
        return self.run(self._row(0, Query(question, tuple(entities))))

    def run(self, row: Row) -> Iterator[Event]:
        """The events of one row."""
        for _, event in Writer(self.onegen, self.index, batch_size=1).run(iter([row])):
            yield event

    def retrieve(self, query: str, *, k: int | None = None, entities: Sequence[str] = ()) -> tuple[Retrieved, ...]:
        """The passages that a query finds, as if the model had written it as its first sub-question.

        Args:
            query: any text.
            k: passages; by default the setting `top_k`.
            entities: as for `answer`.
        """
        row = self._row(0, Query(query, tuple(entities)))
        reflection = self.layout.settings.reflection
        asked = [self.layout.reflection[reflection.retrieve]] if reflection else self.layout.source(query).ids
        row.feed = [*row.feed, *asked, self.layout.query][-self.layout.max_length :]
        with torch.inference_mode():
            vector = read_feeds(self.onegen, [row])
        return self.index.retrieve(vector.float().cpu().numpy(), k or self.settings.top_k, entities)[0]

    def check(self, question: str) -> None:
        """Refuse a question that cannot be asked.

        Raises:
            InputError: it is empty, or longer than the model reads.
        """
        if not question.strip():
            raise InputError("the question is empty")
        needed, longest = len(self.layout.prompt(question)), self.layout.max_length - _ROOM
        if needed > max(longest, self.layout.max_length // 2):
            raise InputError(
                f"the question takes {needed} of the model's {self.layout.max_length} positions",
                hint="ask a shorter question; what is to be read belongs into the index",
            )

    def row_after(self, query: Query, ids: Sequence[int], cache: RowCache, *, number: int = 0) -> Row:
        """A row that reads some ids behind what its cache holds."""
        kind = JudgingRow if self.layout.settings.reflection else Row
        return kind(number, query, ids, cache, self.layout, self.settings)

    def _row(self, number: int, query: Query) -> Row:
        self.check(query.question)
        ids = self.layout.prompt(query.question)
        return self.row_after(query, ids, RowCache(len(ids) + _ROOM), number=number)


def find_rag(name_or_path: str | Path) -> Path:
    """The directory of a model with its passages, given by path or by the name of one that ships.

    Raises:
        UsageError: there is neither; the message lists the names that exist.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    shipped = data_directory("pipelines") / str(name_or_path)
    if len(path.parts) == 1 and (shipped / SETTINGS_FILE).is_file():
        return shipped
    names = sorted(child.parent.name for child in data_directory("pipelines").glob(f"*/{SETTINGS_FILE}"))
    raise UsageError(
        f"no question answering model {str(name_or_path)!r}",
        hint=f"give a directory with {SETTINGS_FILE}, or one of: {', '.join(names) or 'none shipped'}",
    )


def _part(directory: Path | None, name: str, given: str | Path | None) -> str | Path:
    if given is not None:
        return given
    if directory is None:
        raise UsageError(f"no {name} is given")
    if not (directory / name).is_dir():
        raise ModelError(
            f"{directory} holds no {name}/", hint=f"give one with --{'index' if name == PASSAGES else name}"
        )
    return directory / name
