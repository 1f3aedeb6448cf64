"""`elinker rag chat`: several questions, each with the history of those before it. See `elinker.rag.chat`."""

import sys

from elinker.cli.console import err, report
from elinker.cli.rag_display import follow, show, show_sources
from elinker.cli.rag_options import (
    Device,
    Entity,
    MaxHops,
    MaxTokens,
    Model,
    OptionalIndex,
    Pipeline,
    Preset,
    RetrievalMode,
    TopK,
    load_rag,
)
from elinker.errors import InputError

COMMANDS = "/sources shows what the last answer read, /reset forgets the conversation, /quit ends it"


def chat(
    pipeline: Pipeline = None,
    index: OptionalIndex = None,
    model: Model = None,
    entity: Entity = None,
    top_k: TopK = None,
    max_hops: MaxHops = None,
    max_tokens: MaxTokens = None,
    mode: RetrievalMode = None,
    preset: Preset = None,
    device: Device = None,
) -> None:
    """Answer one question after the other, each with those before it in mind. Questions are lines of standard input.

    /sources shows the passages that the last answer read, /reset forgets the conversation, /quit ends it.
    """
    rag = load_rag(
        pipeline,
        model=model,
        index=index,
        preset=preset,
        device=device,
        top_k=top_k,
        max_hops=max_hops,
        max_tokens=max_tokens,
        mode=mode,
    )
    from elinker.rag.chat import Chat

    conversation = Chat(rag, entities=tuple(entity or ()))
    err.print(f"[dim]{COMMANDS}[/]")
    while (line := _line()) is not None:
        remembered = conversation.remembered
        if line == "/quit":
            return
        if line == "/reset":
            conversation.reset()
        elif line == "/sources":
            show_sources(conversation.sources)
        elif line.startswith("/"):
            err.print(COMMANDS)
        elif line:
            try:
                show(follow(conversation.stream(line)))
            except InputError as error:
                report(error)
            if conversation.remembered <= remembered:
                err.print("[dim]the oldest turns were forgotten: the model's positions are full[/]")


def _line() -> str | None:
    """The next line of standard input; None at its end."""
    err.print("[bold]>[/] ", end="")
    line = sys.stdin.readline()
    return line.strip() if line else None
