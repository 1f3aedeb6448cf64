"""What `elinker train` does: from a config to a model directory, and to a pipeline where one is configured."""

from collections.abc import Callable
from pathlib import Path

import torch

from elinker.training.assemble import assemble
from elinker.training.config import Config
from elinker.training.initial import initial_model
from elinker.training.texts import load_texts, read_entities
from elinker.training.trainer import StepReport, Trainer


def train(config: Config, *, resume: bool, report: Callable[[StepReport], None], say: Callable[[str], None]) -> Path:
    """Train as configured; the model, in bf16, lies in `output/model` afterwards.

    Args:
        config: the training.
        resume: continue from the latest checkpoint of `output` where there is one.
        report: called after every step.
        say: hears of the stages after the last step.

    Returns:
        The pipeline's directory, or the model's where no pipeline is configured.
    """
    torch.manual_seed(config.seed)
    training, _ = load_texts(config)
    onegen = initial_model(config.model.base, config.settings)
    trainer = Trainer(config, onegen, training, read_entities(config.data.entities))
    if resume:
        trainer.resume()
    else:
        trainer.discard_checkpoints()
    trainer.run(report)
    directory = config.output / "model"
    onegen.save_pretrained(directory, dtype=torch.bfloat16)
    return directory if config.pipeline is None else assemble(config, config.pipeline, directory, say=say)
