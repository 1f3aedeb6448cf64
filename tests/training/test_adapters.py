"""LoRA: what is trained, what a checkpoint and the final model hold."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elinker.errors import ConfigError
from elinker.onegen.model import OneGen
from elinker.training.trainer import Trainer

Start = Callable[..., Trainer]
KINDS = [("bert", True), ("llama", False), ("llama", True), ("qwen2", True)]
TEXT = "Paris is the capital of France"


@pytest.fixture
def lora(start: Start, causal: Callable[..., Path], values: dict[str, Any]) -> Callable[..., Trainer]:
    """A trainer with adapters in a model of a kind."""

    def make(kind: str = "llama", *, tied: bool = False, **changes: Any) -> Trainer:
        if kind != "bert":
            values["model"]["base"], values["settings"]["token_types"] = str(causal(kind, tied=tied)), "none"
        return start(**({"lora": {"r": 4}} | changes))

    return make


@pytest.mark.parametrize(("kind", "tied"), KINDS)
def test_adapters_and_the_rows_of_the_tokens_are_trained_and_nothing_else(
    kind: str, tied: bool, lora: Callable[..., Trainer]
) -> None:
    trainer = lora(kind, tied=tied)
    trained = {name for name, weight in trainer._objective.named_parameters() if weight.requires_grad}
    assert all("lora_" in name or "trainable_tokens_delta" in name for name in trained - {"nil"})
    rows = [weight for name, weight in trainer._objective.named_parameters() if "trainable_tokens_delta" in name]
    assert [len(weight) for weight in rows] == [5] * (1 if tied else 2)


@pytest.mark.parametrize(("kind", "tied"), KINDS)
def test_the_merged_model_is_the_trained_one_and_loads_like_any_other(
    kind: str, tied: bool, lora: Callable[..., Trainer], tmp_path: Path
) -> None:
    trainer = lora(kind, tied=tied, training={"learning_rate": 5e-2, "warmup": 0})
    before = dict(zip("ab", trainer.onegen.encode_queries([TEXT, "Oslo"]), strict=True))
    trainer.run()
    with_adapters = trainer.onegen.encode_queries([TEXT, "Oslo"])
    trainer.save_final(tmp_path / "run" / "model")
    assert not np.allclose(with_adapters[0], before["a"], atol=1e-3)

    loaded = OneGen.from_pretrained(tmp_path / "run" / "model", dtype="float32")
    np.testing.assert_allclose(loaded.encode_queries([TEXT, "Oslo"]), with_adapters, atol=0.02)  # stored in bf16
    assert not [name for name in loaded.model.state_dict() if "lora" in name or "token_adapter" in name]
    assert (loaded.model.get_input_embeddings().weight is loaded.model.get_output_embeddings().weight) is tied


def test_rows_of_other_words_stay_as_they_were(lora: Callable[..., Trainer]) -> None:
    trainer = lora(training={"learning_rate": 5e-2, "warmup": 0})
    before = trainer.onegen.model.get_input_embeddings().weight.clone()
    trainer.run()
    assert trainer.adapter is not None
    after = trainer.adapter.merge().model.get_input_embeddings().weight
    changed = (before != after).any(dim=1).nonzero().flatten().tolist()
    tokens = [token.text for token in trainer.config.settings.tokens]
    assert sorted(changed) == sorted(trainer.onegen.tokenizer.convert_tokens_to_ids(tokens))


def test_a_checkpoint_holds_the_adapters_alone(lora: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = lora()
    trainer.run()
    trainer.save_final(tmp_path / "run" / "model")
    files = {path.name for path in (tmp_path / "run" / "checkpoint-4").iterdir()}
    assert "adapter_model.safetensors" in files
    assert "model.safetensors" not in files
    adapters = (tmp_path / "run" / "adapter" / "adapter_model.safetensors").read_bytes()
    assert adapters == (tmp_path / "run" / "checkpoint-4" / "adapter_model.safetensors").read_bytes()


def test_frozen_weights_may_be_held_in_bfloat16(lora: Callable[..., Trainer], values: dict[str, Any]) -> None:
    values["model"]["dtype"] = "bfloat16"
    trainer = lora(training={"precision": "bfloat16"})
    trainer.run()
    kinds = {weight.dtype for weight in trainer._objective.parameters() if not weight.requires_grad}
    adapters = {weight.dtype for weight in trainer._objective.parameters() if weight.requires_grad}
    assert (kinds, adapters) == ({torch.bfloat16}, {torch.float32})


def test_layers_that_the_model_lacks_are_an_error_that_names_the_key(lora: Callable[..., Trainer]) -> None:
    with pytest.raises(ConfigError, match=r"lora\.target_modules: .*query_key"):
        lora(lora={"target_modules": ["query_key"]})


def test_an_empty_table_is_enough(lora: Callable[..., Trainer]) -> None:
    trainer = lora(lora=tomllib.loads("[lora]")["lora"])
    assert trainer.adapter is not None
