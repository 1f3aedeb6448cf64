"""A training from its config to a model directory: what `elinker train` does."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.config import Config
from elinker.training.examples import LabelledText, read_texts, split_heldout
from elinker.training.initial import initial_model
from elinker.training.trainer import StepReport, Trainer


def train(config: Config, *, resume: bool, report: Callable[[StepReport], None]) -> Path:
    """Train as configured; the model, in bf16, lies in `output/model` afterwards.

    Args:
        config: the training.
        resume: continue from the latest checkpoint of `output` where there is one.
        report: called after every step.

    Returns:
        The model directory.
    """
    torch.manual_seed(config.seed)
    training, _ = load_texts(config)
    onegen = initial_model(config.model.base, config.settings)
    trainer = Trainer(config, onegen, training, read_entities(config.data.entities))
    if resume:
        trainer.resume()
    trainer.run(report)
    directory = config.output / "model"
    onegen.save_pretrained(directory, dtype=torch.bfloat16)
    return directory


def load_texts(config: Config) -> tuple[list[LabelledText], list[LabelledText]]:
    """Training and held-out texts of a config."""
    return split_heldout(read_texts(config.data.texts), config.data.heldout, config.seed)


def read_entities(path: Path) -> list[Entity]:
    """All entities of a file, in order."""
    entities = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            value = json.loads(line)
            value["aliases"], value["types"] = tuple(value.get("aliases", ())), tuple(value.get("types", ()))
            entities.append(Entity(**value))
    return entities


__all__ = ["OneGen", "load_texts", "read_entities", "train"]
