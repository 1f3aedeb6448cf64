"""The model that a training starts from."""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BertLMHeadModel

from elinker.errors import ConfigError, MissingExtraError
from elinker.onegen.model import OneGen
from elinker.onegen.quiet import quiet
from elinker.onegen.settings import OneGenSettings

_PACKAGE = "package:"
_TOKEN_TYPES = 3
"""Rows of the token-type table for OneGenSettings.token_types = "case"."""


def initial_model(base: str, settings: OneGenSettings, *, dtype: str = "float32") -> OneGen:
    """Load the weights named by `ModelConfig.base` and add what OneGen needs.

    An encoder of BERT's kind gets causal attention; the layer before its output embeddings, which such checkpoints
    lack, starts as the identity. One that is a decoder already, such as a model trained before, keeps it. Dropout is
    off: its random numbers cost half of a step on a CPU.

    Raises:
        ConfigError, MissingExtraError: there are no such weights.
    """
    path = base_path(base)
    number_type = getattr(torch, dtype)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(path, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            _check_fit(config, settings)
            if config.model_type != "bert":
                causal = AutoModelForCausalLM.from_pretrained(path, dtype=number_type, trust_remote_code=False)
                return OneGen(causal, tokenizer, settings)
            was_decoder = bool(getattr(config, "is_decoder", False))
            config.is_decoder = True
            config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
            model: Any = BertLMHeadModel.from_pretrained(
                path, config=config, dtype=number_type, attn_implementation="eager"
            )
    except (OSError, ValueError) as error:  # what transformers raises for a missing, damaged or unknown model
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"model.base: cannot load {base}: {reason}") from error
    if not was_decoder:
        _identity_transform(model)
    if settings.token_types == "case" and config.type_vocab_size < _TOKEN_TYPES:
        _grow_token_types(model)
    tokenizer.model_max_length = settings.max_length
    return OneGen(model, tokenizer, settings)


def base_path(base: str) -> str:
    """A directory or hub id, with `package:NAME/SUBDIRECTORY` resolved to where that package is installed."""
    if not base.startswith(_PACKAGE):
        return base
    package, _, inner = base.removeprefix(_PACKAGE).partition("/")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # a parent package that is missing, or no name at all
        found = None
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(f"package {package}, which carries the weights to start from,", "starter")
    path = Path(found.submodule_search_locations[0]) / inner
    if not path.is_dir():
        raise ConfigError(f"model.base: package {package} has no directory {inner!r}")
    return str(path)


def _check_fit(config: Any, settings: OneGenSettings) -> None:
    positions = getattr(config, "max_position_embeddings", settings.max_length)
    if settings.max_length > positions:
        raise ConfigError(f"settings.max_length is {settings.max_length}, the model of model.base has {positions}")
    if settings.token_types == "case" and config.model_type != "bert":
        raise ConfigError(f"settings.token_types: a model of type {config.model_type} has no token types")


def _identity_transform(model: BertLMHeadModel) -> None:
    transform = model.cls.predictions.transform
    with torch.no_grad():
        transform.dense.weight.copy_(torch.eye(model.config.hidden_size))
        transform.dense.bias.zero_()
        model.cls.predictions.bias.zero_()


def _grow_token_types(model: BertLMHeadModel) -> None:
    """Three rows for plain, capitalised and all-capital words; all start as row 0, the one the weights know."""
    old = model.bert.embeddings.token_type_embeddings
    new = nn.Embedding(_TOKEN_TYPES, old.embedding_dim)
    with torch.no_grad():
        new.weight.copy_(old.weight[0].expand(_TOKEN_TYPES, -1))
    model.bert.embeddings.token_type_embeddings = new
    model.config.type_vocab_size = _TOKEN_TYPES
