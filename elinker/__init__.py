"""elinker: entity linking with OneGen, one causal language model that writes and retrieves in the same pass."""

from typing import TYPE_CHECKING, Any

from elinker.schema import Candidate, Document, Entity, Mention

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

__version__ = "0.1.0"
__all__ = ["Candidate", "Document", "Entity", "Linker", "Mention", "__version__", "load"]


def load(name: str | None = None, **options: Any) -> "Linker":
    """Load a linker: the shipped starter, a shipped pipeline by name, or a directory.

    Without a name but with `model` and `kb`, these two with a decision that is not fitted.
    `options` are those of `elinker.linking.linker.Linker.load`, for example `device="cuda"` or `threshold=0.7`.
    """
    from elinker.resources import STARTER, find_pipeline

    complete = name is None and options.get("model") is not None and options.get("kb") is not None
    path = None if complete else find_pipeline(name or STARTER)
    from elinker.linking.linker import Linker  # takes seconds; a wrong name is told at once

    return Linker.load(path, **options)


def __getattr__(name: str) -> Any:
    if name == "Linker":
        from elinker.linking.linker import Linker

        return Linker
    raise AttributeError(f"module 'elinker' has no attribute {name!r}")
