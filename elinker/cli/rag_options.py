"""Options that the commands of `elinker rag` share, and loading what they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elinker.cli.console import err
from elinker.errors import UsageError

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.rag.rag import Rag

_LIMITS = "Limits"

Model = Annotated[
    str | None,
    typer.Option("--model", help="Model directory or hub id, or a directory with rag.json; the starter when left out."),
]
IndexDirectory = Annotated[Path, typer.Option("--index", help="Index directory.", show_default=False)]
OptionalIndex = Annotated[
    Path | None, typer.Option("--index", help="Index in place of the pipeline's.", show_default=False)
]
Pipeline = Annotated[
    str | None,
    typer.Option("--pipeline", "-p", help="A directory with rag.json, or a shipped name; the starter when left out."),
]
Preset = Annotated[str | None, typer.Option("--preset", help="Settings for a published model without onegen.json.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs, such as cpu or cuda.")]
Entity = Annotated[
    list[str] | None,
    typer.Option("--entity", help="Only read passages in which this entity is linked, such as Q90; may be repeated."),
]
TopK = Annotated[int | None, typer.Option("--top-k", min=1, help="Passages read at a hop.", rich_help_panel=_LIMITS)]
MaxHops = Annotated[int | None, typer.Option("--max-hops", min=1, help="Hops at most.", rich_help_panel=_LIMITS)]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="Tokens written at most.", rich_help_panel=_LIMITS)
]
RetrievalMode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        help="adaptive: where the model asks; always: once at least; never: without passages.",
        rich_help_panel=_LIMITS,
    ),
]


def load_model(name_or_path: str | None, device: str | None, preset: str | None) -> "OneGen":
    """The model of a directory or hub id, or of a directory with `rag.json` or its shipped name."""
    from elinker.onegen.model import OneGen
    from elinker.onegen.presets import is_published
    from elinker.rag.rag import MODEL, STARTER, find_rag

    with err.status("loading the model"):
        if name_or_path is not None and is_published(name_or_path):
            return OneGen.from_pretrained(name_or_path, preset=preset, device=device)
        try:
            found = find_rag(name_or_path or STARTER)
        except UsageError:
            if name_or_path is None:
                raise
            return OneGen.from_pretrained(name_or_path, preset=preset, device=device)
        inside = found / MODEL
        return OneGen.from_pretrained(inside if inside.is_dir() else found, preset=preset, device=device)


def find_index(name_or_path: str) -> Path:
    """The index that is meant: that of a directory with `rag.json` or of its shipped name, or the directory itself."""
    from elinker.rag.rag import PASSAGES, find_rag

    try:
        found = find_rag(name_or_path)
    except UsageError:
        return Path(name_or_path)
    inside = found / PASSAGES
    return inside if inside.is_dir() else found


def load_rag(
    pipeline: str | None,
    *,
    model: str | None,
    index: Path | None,
    preset: str | None,
    device: str | None,
    top_k: int | None,
    max_hops: int | None,
    max_tokens: int | None,
    mode: str | None,
) -> "Rag":
    """What answers: a pipeline, or a model and an index, with limits in place of its own.

    Raises:
        UsageError: `mode` is none.
    """
    from typing import cast, get_args

    from elinker.rag.rag import MODEL, Rag
    from elinker.rag.settings import Mode

    if mode is not None and mode not in get_args(Mode):
        raise UsageError(f"mode {mode!r} is not known", hint=f"one of {', '.join(get_args(Mode))}")
    inside = None if model is None else Path(model) / MODEL
    with err.status("loading the model"):
        return Rag.load(
            pipeline,
            model=model if inside is None or not inside.is_dir() else inside,
            index=index,
            preset=preset,
            device=device,
            top_k=top_k,
            max_hops=max_hops,
            max_tokens=max_tokens,
            mode=cast(Mode | None, mode),
        )
