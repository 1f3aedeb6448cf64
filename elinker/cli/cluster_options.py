"""The options of commands that can work on a cluster; ray itself is imported when the work begins."""

from enum import StrEnum
from typing import Annotated

import typer

from elinker.cluster.session import ClusterSettings
from elinker.errors import UsageError

CLUSTER = "Cluster"


class EngineName(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    RAY = "ray"


Engine = Annotated[
    EngineName,
    typer.Option("--engine", help="This process, or workers of Ray that each load the model.", rich_help_panel=CLUSTER),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of Ray, 1 without it.", rich_help_panel=CLUSTER)
]
Cpus = Annotated[
    int | None,
    typer.Option(
        "--cpus-per-worker", min=1, help="Cores and torch threads of a worker, 1 without it.", rich_help_panel=CLUSTER
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker", min=0.0, help="GPUs of a worker, such as 1 or 0.25; 0 without it.", rich_help_panel=CLUSTER
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="A Ray cluster; without it Ray is started on this machine.",
        metavar="HOST:PORT|auto",
        rich_help_panel=CLUSTER,
    ),
]


def cluster_settings(
    engine: EngineName, workers: int | None, cpus: int | None, gpus: float | None, address: str | None
) -> ClusterSettings | None:
    """The workers that are asked for; None for the local engine.

    Raises:
        UsageError: options of workers come without --engine ray, or do not fit.
    """
    if engine is EngineName.RAY:
        return ClusterSettings(workers or 1, cpus or 1, gpus or 0.0, address)
    given = {"--workers": workers, "--cpus-per-worker": cpus, "--gpus-per-worker": gpus, "--address": address}
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} is for workers of Ray", hint="add --engine ray")
    return None
