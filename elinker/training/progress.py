"""What is told of a running training: a report a step, and the same figures for TensorBoard."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from transformers import TrainerCallback


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one of `steps` steps showed; `accuracy` is the share of anchors whose nearest document is the right one."""

    step: int
    steps: int
    generation_loss: float
    retrieval_loss: float
    accuracy: float
    learning_rate: float
    tokens: int

    def to_json(self) -> str:
        """One line of the training log."""
        return json.dumps(
            {key: float(f"{value:.6g}") if type(value) is float else value for key, value in asdict(self).items()}
        )


class Reporting(TrainerCallback):  # type: ignore[misc]
    """Turns what the trainer logs into `StepReport`s and sentences, in the main process.

    Args:
        report: called after every step.
        say: hears of evaluations.
    """

    def __init__(self, report: Callable[[StepReport], None], say: Callable[[str], None]) -> None:
        self._report = report
        self._say = say

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """A step, or an evaluation."""
        if not state.is_world_process_zero or logs is None:
            return
        if "generation_loss" in logs:
            figures = {key: logs[key] for key in StepReport.__slots__ if key not in ("step", "steps")}
            self._report(StepReport(state.global_step, state.max_steps, **figures))
        elif "eval_linking_f1" in logs:
            self._say(f"step {state.global_step}: held-out linking F1 {100 * logs['eval_linking_f1']:.1f}")
