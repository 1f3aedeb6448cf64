"""Adding a OneGen model's tokens to a tokenizer and a model that do not know them."""

from collections.abc import Sequence
from typing import Any

import torch

from elinker.errors import ModelError
from elinker.onegen.settings import TokenSettings


def add_tokens(model: Any, tokenizer: Any, tokens: Sequence[TokenSettings]) -> list[int]:
    """Add the tokens that are missing; their input and output embeddings start as the mean of their description's.

    Tokens that the vocabulary has already are registered too: from then on a text cannot spell them.

    Returns:
        The ids of the tokens whose embeddings were made.

    Raises:
        ModelError: a description is no token to the tokenizer.
    """
    known = tokenizer.get_vocab()
    rows = model.get_input_embeddings().num_embeddings
    new = [token for token in tokens if known.get(token.text, rows) >= rows]
    descriptions = [tokenizer.encode(token.description, add_special_tokens=False) for token in new]
    for token, description in zip(new, descriptions, strict=True):
        if not description:
            raise ModelError(f"the description {token.description!r} of {token.text!r} is no token to the tokenizer")
    tokenizer.add_tokens([token.text for token in tokens], special_tokens=True)
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = [int(tokenizer.convert_tokens_to_ids(token.text)) for token in new]
    embeddings = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    if embeddings[0] is embeddings[1]:
        embeddings.pop()
    with torch.no_grad():
        for weight in embeddings:
            for token_id, description in zip(ids, descriptions, strict=True):
                weight[token_id] = weight[description].mean(dim=0)
    return ids
