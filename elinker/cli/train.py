"""`elinker train`: a OneGen model from a TOML file."""

from pathlib import Path
from typing import Annotated

import typer

from elinker.cli.console import err, out, progress


def train(
    config: Annotated[Path, typer.Argument(help="The training as TOML (docs/training.md).")],
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Continue from the latest checkpoint, or begin anew.")
    ] = True,
) -> None:
    """Train a OneGen model.

    Example: elinker train pipelines/train/en_starter.toml
    """
    from rich.progress import TextColumn

    from elinker.training.config import Config
    from elinker.training.run import train as run
    from elinker.training.trainer import StepReport

    settings = Config.load(config)
    settings.output.mkdir(parents=True, exist_ok=True)
    columns = TextColumn("CE {task.fields[generation]:.3f}  retrieval {task.fields[retrieval]:.3f}")
    with progress(columns) as bar, (settings.output / "log.jsonl").open("a", encoding="utf-8") as log:
        task = bar.add_task("training", total=settings.training.steps, generation=0.0, retrieval=0.0)

        def report(step: StepReport) -> None:
            bar.update(task, completed=step.step, generation=step.generation_loss, retrieval=step.retrieval_loss)
            log.write(step.to_json() + "\n")
            log.flush()

        made = run(settings, resume=resume, report=report, say=bar.console.print)
    err.print(f"trained in {settings.training.steps} steps")
    out.print(str(made))
