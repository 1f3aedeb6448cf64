"""What a training starts from: where the weights lie, and how an encoder becomes a decoder."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertModel

from elinker.errors import ConfigError, MissingExtraError
from elinker.onegen.model import OneGen
from elinker.onegen.settings import OneGenSettings
from elinker.training.config import Config
from elinker.training.initial import base_path, initial_model


@pytest.fixture
def settings(configure: Callable[..., Config]) -> OneGenSettings:
    return configure().settings


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `weights_of_test` with a folder `model`."""
    folder = tmp_path / "weights_of_test"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_directories_and_hub_ids_are_taken_as_written() -> None:
    assert base_path("/some/where") == "/some/where"
    assert base_path("owner/name") == "owner/name"


def test_a_package_base_is_where_the_package_is_installed_and_the_package_is_not_run(package: Path) -> None:
    assert base_path("package:weights_of_test/model") == str(package / "model")
    assert base_path("package:weights_of_test") == str(package)
    assert "weights_of_test" not in sys.modules


@pytest.mark.parametrize("name", ["not_there_at_all", "not_there.at_all", ""])
def test_a_missing_package_is_an_error_that_says_what_to_install(name: str) -> None:
    with pytest.raises(MissingExtraError) as caught:
        base_path(f"package:{name}/model")
    assert "elinker[starter]" in str(caught.value)
    assert name in caught.value.message


def test_a_package_without_the_folder_is_an_error_that_names_both(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.base: package weights_of_test has no directory 'weights'"):
        base_path("package:weights_of_test/weights")


def test_a_directory_without_a_model_is_an_error_that_names_the_key(tmp_path: Path, settings: OneGenSettings) -> None:
    with pytest.raises(ConfigError, match=r"model\.base: cannot load"):
        initial_model(str(tmp_path), settings)


def test_more_positions_than_the_weights_have_are_an_error_that_names_the_key(
    base: Path, settings: OneGenSettings
) -> None:
    with pytest.raises(ConfigError, match=r"settings\.max_length is 600, the model of model\.base has 512"):
        initial_model(str(base), settings.model_copy(update={"max_length": 600}))


def test_token_types_need_a_model_that_has_some(
    fresh: Callable[..., OneGen], tmp_path: Path, settings: OneGenSettings
) -> None:
    fresh("llama").save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"settings\.token_types: a model of type llama"):
        initial_model(str(tmp_path), settings.model_copy(update={"max_length": 128}))


def test_a_causal_model_is_taken_as_it_is(fresh: Callable[..., OneGen], tmp_path: Path) -> None:
    saved = fresh("llama")
    saved.save_pretrained(tmp_path)
    started = initial_model(str(tmp_path), saved.settings)
    assert started.fingerprint == saved.fingerprint


def test_an_encoder_becomes_causal(onegen: OneGen) -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 20, 21]])
    with torch.no_grad():
        hidden = onegen.backbone(ids, types=torch.zeros_like(ids))
    torch.testing.assert_close(hidden[0, :3], hidden[1, :3])
    assert not torch.allclose(hidden[0, 3:], hidden[1, 3:], atol=1e-3)


def test_an_encoders_weights_are_kept_and_its_output_layer_is_its_embeddings(onegen: OneGen, base: Path) -> None:
    encoder = BertModel.from_pretrained(base)
    words = encoder.get_input_embeddings().weight
    assert torch.equal(onegen.model.get_input_embeddings().weight[: len(words)], words)
    assert onegen.model.get_output_embeddings().weight is onegen.model.get_input_embeddings().weight
    layer = encoder.encoder.layer[1].attention.self.query.weight
    assert torch.equal(onegen.model.bert.encoder.layer[1].attention.self.query.weight, layer)


def test_the_layer_that_encoders_lack_starts_as_the_identity(onegen: OneGen) -> None:
    dense = onegen.model.cls.predictions.transform.dense
    assert torch.equal(dense.weight, torch.eye(32))
    assert not dense.bias.any()
    assert not onegen.model.cls.predictions.bias.any()


def test_the_three_case_types_start_alike(onegen: OneGen) -> None:
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        by_type = [onegen.backbone(ids, types=torch.full_like(ids, kind)) for kind in range(3)]
    torch.testing.assert_close(by_type[0], by_type[1])
    torch.testing.assert_close(by_type[0], by_type[2])


def test_training_is_without_dropout(onegen: OneGen) -> None:
    ids = torch.tensor([[5, 6, 7]])
    onegen.model.train()
    with torch.no_grad():
        once, twice = (onegen.backbone(ids, types=torch.zeros_like(ids)) for _ in range(2))
    assert torch.equal(once, twice)


def test_a_started_model_has_the_tokens_of_the_settings_and_survives_saving(onegen: OneGen, tmp_path: Path) -> None:
    vocabulary = onegen.tokenizer.get_vocab()
    assert all(token.text in vocabulary for token in onegen.settings.tokens)
    onegen.save_pretrained(tmp_path)
    assert OneGen.from_pretrained(tmp_path).fingerprint == onegen.fingerprint


def test_a_model_trained_before_is_taken_up_where_it_stopped(onegen: OneGen, tmp_path: Path) -> None:
    with torch.no_grad():
        onegen.model.cls.predictions.transform.dense.weight.mul_(2)
        onegen.model.bert.embeddings.token_type_embeddings.weight[2].add_(1)
    onegen.save_pretrained(tmp_path)
    again = initial_model(str(tmp_path), onegen.settings)
    kept = again.model.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in onegen.model.state_dict().items())
