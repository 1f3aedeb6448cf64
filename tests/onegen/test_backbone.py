"""What the parts of a causal LM give equals what the whole gives, and a model's fingerprint tells its vectors."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from elinker.errors import ModelError
from elinker.onegen.backbone import Backbone

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

IDS = [[5, 17, 40, 9, 22, 31], [7, 7, 12, 60, 3, 44]]


def inputs(onegen: "OneGen") -> tuple[torch.Tensor, torch.Tensor, Any]:
    """Ids, types, and the output of the whole model for them."""
    ids = torch.tensor(IDS)
    types = ids % 3 if onegen.settings.token_types == "case" else torch.zeros_like(ids)
    extra = {"token_type_ids": types} if onegen.settings.token_types == "case" else {}
    with torch.inference_mode():
        return ids, types, onegen.model(input_ids=ids, **extra, output_hidden_states=True)


@torch.inference_mode()
def test_hidden_states_are_those_of_the_last_layer(onegen: "OneGen") -> None:
    ids, types, whole = inputs(onegen)
    torch.testing.assert_close(onegen.backbone(ids, types=types), whole.hidden_states[-1])
    assert whole.hidden_states[-1].shape[-1] == onegen.backbone.dim


@torch.inference_mode()
def test_scores_of_a_few_tokens_are_the_models_own_logits(onegen: "OneGen") -> None:
    ids, types, whole = inputs(onegen)
    hidden = onegen.backbone(ids, types=types)[:, -1]
    choices = torch.tensor([[4, 50, len(onegen.tokenizer) - 1], [9, 9, 2]])
    wanted = whole.logits[:, -1].gather(1, choices)
    torch.testing.assert_close(onegen.backbone.score(hidden, choices), wanted, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_scores_of_shared_tokens_are_the_models_own_logits(onegen: "OneGen") -> None:
    ids, types, whole = inputs(onegen)
    hidden = onegen.backbone(ids, types=types)[:, -1]
    choices = torch.tensor([3, 41, len(onegen.tokenizer) - 2])
    wanted = whole.logits[:, -1, choices]
    torch.testing.assert_close(onegen.backbone.score_shared(hidden, choices), wanted, atol=1e-4, rtol=1e-4)


def test_a_model_that_looks_ahead_is_refused(fresh: "Callable[..., OneGen]") -> None:
    with pytest.raises(ModelError, match="later tokens"):
        fresh("bert", is_decoder=False)


def test_a_model_without_an_output_layer_is_refused(fresh: "Callable[..., OneGen]") -> None:
    with pytest.raises(ModelError, match="not a causal language model"):
        Backbone(fresh("llama").model.base_model, token_types=False)


def test_an_output_layer_of_an_unknown_kind_is_refused() -> None:
    """RoBERTa's head has layers of its own, which `score` would leave out."""
    from transformers import RobertaConfig, RobertaForCausalLM

    config = RobertaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, is_decoder=True
    )
    with pytest.raises(ModelError, match="RobertaForCausalLM"):
        Backbone(RobertaForCausalLM(config), token_types=False)


@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_the_fingerprint_outlives_saving_loading_and_the_number_type(
    fresh: "Callable[..., OneGen]", tmp_path: Path, architecture: str
) -> None:
    onegen = fresh(architecture)
    onegen.save_pretrained(tmp_path / "bf16", dtype=torch.bfloat16)
    narrow = type(onegen).from_pretrained(tmp_path / "bf16", dtype="bfloat16", device="cpu")
    wide = type(onegen).from_pretrained(tmp_path / "bf16", dtype="float32", device="cpu")
    assert narrow.fingerprint == wide.fingerprint == onegen.fingerprint
    wide.save_pretrained(tmp_path / "again")
    assert type(onegen).from_pretrained(tmp_path / "again", device="cpu").fingerprint == onegen.fingerprint


def test_models_of_other_weights_have_other_fingerprints(fresh: "Callable[..., OneGen]") -> None:
    assert fresh("llama").fingerprint == fresh("llama").fingerprint
    assert fresh("llama").fingerprint != fresh("llama", seed=1).fingerprint


def test_a_changed_tensor_changes_the_fingerprint(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("bert")
    known = {onegen.fingerprint}
    state = dict(onegen.model.named_parameters())
    for name, tensor in state.items():
        with torch.no_grad():
            tensor.add_(0.25)
        assert onegen.fingerprint not in known, name
        known.add(onegen.fingerprint)


def test_the_end_of_a_tensor_counts_too(fresh: "Callable[..., OneGen]") -> None:
    """A tensor of some 5,000 values: sampling must reach its end."""
    onegen = fresh("llama", intermediate_size=160)
    weight = onegen.model.base_model.layers[0].mlp.up_proj.weight
    assert weight.numel() == 5120
    before = onegen.fingerprint
    with torch.no_grad():
        weight[-8:] += 0.25
    assert onegen.fingerprint != before


def test_document_template_and_vocabulary_count_linking_settings_do_not(
    fresh: "Callable[..., OneGen]", settings_for: Callable[..., Any]
) -> None:
    plain = settings_for("bert")
    document = plain.document.model_dump() | {"template": "{label}[SE]"}
    linking = plain.linking.model_dump() | {"forced": ""}
    same = fresh("bert").fingerprint
    assert fresh("bert", settings=settings_for("bert", document=document)).fingerprint != same
    assert fresh("bert", settings=settings_for("bert", linking=linking)).fingerprint == same
    grown = fresh("bert")
    grown.tokenizer.add_tokens(["Wozniak"])
    assert grown.fingerprint != same
