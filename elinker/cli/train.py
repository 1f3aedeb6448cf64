"""`elinker train`: a OneGen model from a TOML file, in one process or in several that a launcher starts."""

import os
from pathlib import Path
from typing import Annotated

import typer

from elinker.cli.console import out, progress


def train(
    config: Annotated[Path, typer.Argument(help="The training as TOML (docs/training.md).")],
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Continue from the latest checkpoint, or begin anew.")
    ] = True,
) -> None:
    """Train a OneGen model on any causal language model.

    Losses go to stderr, and to log.jsonl and tensorboard/ in the output directory. The directory of what was made is
    printed on stdout. After a kill the same command goes on from the last checkpoint.

    [bold]Examples[/bold]

    elinker train pipelines/train/en_starter.toml

    elinker train my.toml --restart

    accelerate launch --num_processes 4 -m elinker train my.toml

    tensorboard --logdir runs/my/tensorboard
    """
    from rich.progress import TextColumn

    from elinker.training.config import Config
    from elinker.training.progress import StepReport
    from elinker.training.run import train as run

    settings = Config.load(config)
    settings.output.mkdir(parents=True, exist_ok=True)
    if os.environ.get("RANK", "0") != "0":  # another process of the same training reports
        run(settings, resume=resume, report=lambda step: None, say=lambda words: None)
        return
    columns = TextColumn("CE {task.fields[generation]:.3f}  retrieval {task.fields[retrieval]:.3f}")
    with progress(columns) as bar, (settings.output / "log.jsonl").open("a", encoding="utf-8") as log:
        task = bar.add_task("training", total=settings.training.steps, generation=0.0, retrieval=0.0)

        def report(step: StepReport) -> None:
            bar.update(
                task,
                completed=step.step,
                total=step.steps,
                generation=step.generation_loss,
                retrieval=step.retrieval_loss,
            )
            log.write(step.to_json() + "\n")
            log.flush()

        made = run(settings, resume=resume, report=report, say=bar.console.print)
    out.print(str(made))
