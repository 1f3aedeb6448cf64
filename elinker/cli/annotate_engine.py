"""Who links the shards of `elinker annotate`: this process, or workers of Ray."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from elinker.cli.annotate_work import Work
from elinker.cli.console import err
from elinker.corpus.records import Record
from elinker.corpus.runner import Annotator
from elinker.corpus.runs.engine import Engine, LocalEngine
from elinker.resources import find_pipeline

if TYPE_CHECKING:
    from elinker.cluster.engine import RayEngine
    from elinker.cluster.session import ClusterSettings

OnRecord = Callable[[Record, int], None]


class Linkers(Protocol):
    """One or several loaded linkers that give the same results."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the results (`Linker.identity`)."""

    def engine(self, on_record: OnRecord) -> Engine:
        """What links shards with them; `on_record` is called as by `link_shard`, where records come one by one."""


@contextmanager
def loaded_linkers(work: Work, cluster: "ClusterSettings | None") -> Iterator[Linkers]:
    """The linker in this process, or one in each worker.

    Raises:
        ElinkerError: it cannot be loaded, or there are no workers.
    """
    if cluster is None:
        yield _Local(work.load(), keep_nil=work.keep_nil)
        return
    from elinker.cluster.engine import RayEngine

    engine = RayEngine(_loader(work), cluster, keep_nil=work.keep_nil)
    with ExitStack() as stack:
        if err.is_terminal and not work.quiet:
            with err.status(f"loading the linker in {cluster.workers} workers"):
                stack.enter_context(engine)
        else:
            stack.enter_context(engine)
        yield _Workers(engine)


class _Local:
    def __init__(self, linker: Annotator, *, keep_nil: bool) -> None:
        self._linker = linker
        self._keep_nil = keep_nil

    @property
    def identity(self) -> dict[str, Any]:
        return self._linker.identity

    def engine(self, on_record: OnRecord) -> Engine:
        return LocalEngine(self._linker, keep_nil=self._keep_nil, on_record=on_record)


class _Workers:
    """Shards arrive as a whole from workers, so that there is nothing to tell of single records."""

    def __init__(self, engine: "RayEngine") -> None:
        self._engine = engine

    @property
    def identity(self) -> dict[str, Any]:
        return self._engine.identity

    def engine(self, on_record: OnRecord) -> Engine:
        return self._engine


def _loader(work: Work) -> Callable[[], Annotator]:
    """Loads the linker in a worker, which works in another folder and perhaps on another machine."""
    from elinker import load

    pipeline = work.pipeline and str(find_pipeline(work.pipeline).resolve())
    linking = {name: _absolute(value) for name, value in work.linking.items()}
    return partial(load, pipeline, **linking)


def _absolute(value: Any) -> Any:
    """A folder by its whole path; everything else as it is."""
    return str(Path(value).resolve()) if isinstance(value, str | Path) and Path(value).is_dir() else value
