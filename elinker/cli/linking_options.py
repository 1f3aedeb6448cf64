"""The options of commands that load a linker, as `elinker.load` takes them."""

from pathlib import Path
from typing import Annotated

import typer

LINKING = "Linking"

Pipeline = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        help="Name or folder of a pipeline; the shipped starter without it.",
        metavar="NAME|DIR",
        rich_help_panel=LINKING,
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", help="Another OneGen model.", metavar="DIR|ID", rich_help_panel=LINKING)
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", help="Settings for a published model without onegen.json.", rich_help_panel=LINKING),
]
Base = Annotated[
    Path | None, typer.Option("--kb", help="Another knowledge base.", metavar="DIR", rich_help_panel=LINKING)
]
Device = Annotated[
    str | None,
    typer.Option("--device", help="Where the model runs, such as cpu, cuda or cuda:1.", rich_help_panel=LINKING),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", min=0.0, max=1.0, help="Lowest probability of a link.", rich_help_panel=LINKING),
]
TopK = Annotated[
    int | None,
    typer.Option("--top-k", min=1, help="Candidates kept for each mention.", rich_help_panel=LINKING),
]
BatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", min=1, help="Windows of text in one pass of the model.", rich_help_panel=LINKING),
]
