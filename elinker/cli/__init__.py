"""The `elinker` command: one Typer app, a file a command group. Commands import torch when they run, not before."""

import sys

import typer

from elinker.cli import annotate, convert, data, evaluate, kb, rag, serve, stats, train
from elinker.cli.console import report
from elinker.errors import ElinkerError

app = typer.Typer(
    name="elinker",
    help="Link the entities of running text to a knowledge base with OneGen, which writes and retrieves in one pass.",
    epilog="Start here: elinker annotate --text 'Ada Lovelace met Charles Babbage in London.'",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("annotate", rich_help_panel="Annotate")(annotate.annotate)
app.command("serve", rich_help_panel="Annotate")(serve.serve)
app.command("convert", rich_help_panel="Annotate")(convert.convert)
app.command("stats", rich_help_panel="Annotate")(stats.stats)
app.add_typer(kb.app, name="kb", rich_help_panel="Knowledge bases")
app.add_typer(rag.app, name="rag", rich_help_panel="Questions")
app.add_typer(data.app, name="data", rich_help_panel="Data")
app.command("evaluate", rich_help_panel="Models")(evaluate.evaluate)
app.command("train", rich_help_panel="Models")(train.train)


def main() -> None:
    """Entry point: run the app; an `ElinkerError` becomes one line on stderr and its exit code."""
    try:
        app()
    except ElinkerError as error:
        report(error)
        sys.exit(error.exit_code)
