"""What the ways of `elinker annotate` share: what is read, what is written, the linker that is loaded last of all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from elinker.cli.console import err
from elinker.corpus.records import Format, ReadOptions, Record, Source
from elinker.corpus.runner import Annotator
from elinker.corpus.runs.machine import versions
from elinker.corpus.runs.settings import run_settings
from elinker.resources import STARTER, find_pipeline


class Identified(Protocol):
    """A linker, or workers with one."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the results (`Linker.identity`)."""


@dataclass(frozen=True, slots=True)
class Work:
    """A corpus, how it is linked and in which format; `linking` are the options of `elinker.load`."""

    sources: Sequence[Source]
    records: Iterable[Record]
    options: ReadOptions
    form: Format
    pipeline: str | None
    linking: dict[str, Any]
    keep_nil: bool
    quiet: bool

    def load(self) -> Annotator:
        """The linker; it takes seconds, so that everything that can be refused is refused before."""
        import elinker

        name = self.pipeline and str(find_pipeline(self.pipeline))
        linker: Annotator
        if self.quiet or not err.is_terminal:
            linker = elinker.load(name, **self.linking)
        else:
            with err.status(f"loading {self.pipeline or self.linking['model'] or STARTER}"):
                linker = elinker.load(name, **self.linking)
        return linker

    def settings(self, linker: Identified, shard_documents: int | None = None) -> dict[str, Any]:
        """Everything that decides what is written (`elinker.corpus.runs.settings`)."""
        return run_settings(
            self.sources,
            self.options,
            self.form,
            shard_documents=shard_documents,
            keep_nil=self.keep_nil,
            linker=linker.identity,
        )


def start_event(output: str | None, settings: dict[str, Any], finished_shards: int = 0) -> dict[str, Any]:
    """The fields of the event that begins a run."""
    return {
        "output": output,
        "finished_shards": finished_shards,
        "settings": settings,
        "versions": versions(),
    }
