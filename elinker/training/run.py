"""What `elinker train` does: from a config to a model directory, and to a pipeline where one is configured."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from elinker.errors import MissingExtraError
from elinker.onegen.model import OneGen
from elinker.training.assemble import assemble
from elinker.training.config import Config
from elinker.training.draft_head import fit_draft_head
from elinker.training.initial import initial_model
from elinker.training.texts import load_material, load_texts

if TYPE_CHECKING:  # it needs accelerate, whose absence is told in `train`
    from elinker.training.progress import StepReport


def train(
    config: Config, *, resume: bool, report: "Callable[[StepReport], None]", say: Callable[[str], None]
) -> Path | None:
    """Train as configured; the model, in bf16, lies in `output/model` afterwards.

    Where several processes train together (torchrun, accelerate launch), the main one reports, saves and assembles.

    Args:
        config: the training.
        resume: continue from the latest checkpoint of `output` where there is one.
        report: called after every step.
        say: hears of held-out figures and of the stages after the last step.

    Returns:
        The pipeline's directory, or the model's where no pipeline is configured; None in other processes.

    Raises:
        MissingExtraError: accelerate is not installed.
    """
    if importlib.util.find_spec("accelerate") is None:
        raise MissingExtraError("accelerate", "train")
    from elinker.training.trainer import Trainer

    torch.manual_seed(config.seed)
    onegen = initial_model(config.model.base, config.settings, dtype=config.model.dtype)
    trainer = Trainer(config, onegen, load_material(config, onegen), report, say)
    trainer.run(resume=resume)
    directory = config.output / "model"
    trainer.save_final(directory)
    if not trainer.is_world_process_zero():
        return None
    if config.draft_head is not None:
        trained = OneGen.from_pretrained(directory)
        texts, _ = load_texts(config)
        head = fit_draft_head(trained, texts, config.data, tokens=config.draft_head.tokens, seed=config.seed, say=say)
        head.save(directory)
    return directory if config.pipeline is None else assemble(config, config.pipeline, directory, say=say)
