"""Tokens that a model lacks are added, and start as what their descriptions mean."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from elinker.errors import ModelError
from elinker.onegen.settings import Role, TokenSettings
from elinker.onegen.vocabulary import add_tokens

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

TOKENS = (
    TokenSettings(text="[NEW]", role=Role.RET, description="start of a name"),
    TokenSettings(text="[OTHER]", role=Role.GEN, description="Paris"),
)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "bert"])
def test_new_embeddings_are_the_mean_of_their_description_on_both_sides(
    fresh: "Callable[..., OneGen]", architecture: str
) -> None:
    onegen = fresh(architecture)
    model, tokenizer = onegen.model, onegen.tokenizer
    wanted = [tokenizer.encode(token.description, add_special_tokens=False) for token in TOKENS]
    ids = add_tokens(model, tokenizer, TOKENS)
    assert ids == [tokenizer.convert_tokens_to_ids(token.text) for token in TOKENS]
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        for token_id, description in zip(ids, wanted, strict=True):
            torch.testing.assert_close(layer.weight[token_id], layer.weight[description].mean(dim=0))


@pytest.mark.parametrize(("architecture", "tied"), [("llama", False), ("mistral", False), ("qwen2", True)])
def test_tied_embeddings_stay_tied_and_others_apart(
    fresh: "Callable[..., OneGen]", architecture: str, tied: bool
) -> None:
    model = fresh(architecture).model
    assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) is tied


def test_old_embeddings_and_output_bias_stay_as_they_are(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("bert")
    before = {name: tensor.clone() for name, tensor in onegen.model.state_dict().items()}
    add_tokens(onegen.model, onegen.tokenizer, TOKENS)
    for name, tensor in onegen.model.state_dict().items():
        old = before[name]
        torch.testing.assert_close(tensor[: len(old)] if tensor.dim() else tensor, old)
    assert onegen.model.cls.predictions.bias.isfinite().all()
    assert len(onegen.model.cls.predictions.bias) == len(onegen.tokenizer)


def test_adding_twice_changes_nothing(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("llama")
    add_tokens(onegen.model, onegen.tokenizer, TOKENS)
    weight = onegen.model.get_input_embeddings().weight.clone()
    assert add_tokens(onegen.model, onegen.tokenizer, TOKENS) == []
    assert torch.equal(onegen.model.get_input_embeddings().weight, weight)


def test_a_token_that_is_an_ordinary_word_can_no_longer_be_spelt_by_a_text(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("bert")
    word = next(text for text in onegen.tokenizer.get_vocab() if text.isalpha() and len(text) > 4)
    number = onegen.tokenizer.convert_tokens_to_ids(word)
    weight = onegen.model.get_input_embeddings().weight[number].clone()
    token = TokenSettings(text=word, role=Role.RET, description="Paris")
    again: Any = type(onegen)(
        onegen.model,
        onegen.tokenizer,
        onegen.settings.model_copy(update={"tokens": (*onegen.settings.tokens, token)}),
    )
    assert number not in again.source(f"a {word} b").ids
    assert torch.equal(onegen.model.get_input_embeddings().weight[number], weight)


def test_a_token_that_only_the_tokenizer_knows_gets_embeddings_too(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("llama")
    onegen.tokenizer.add_tokens(["[NEW]"], special_tokens=True)
    (number, _) = add_tokens(onegen.model, onegen.tokenizer, TOKENS)
    weight = onegen.model.get_input_embeddings().weight
    wanted = onegen.tokenizer.encode(TOKENS[0].description, add_special_tokens=False)
    torch.testing.assert_close(weight[number], weight[wanted].mean(dim=0))


def test_a_description_without_tokens_is_refused(fresh: "Callable[..., OneGen]") -> None:
    onegen = fresh("bert")
    with pytest.raises(ModelError, match="description ' '"):
        add_tokens(onegen.model, onegen.tokenizer, [TokenSettings(text="[X]", role=Role.GEN, description=" ")])
