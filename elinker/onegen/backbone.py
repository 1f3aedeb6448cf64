"""A Hugging Face causal LM taken apart: hidden states of the last layer, and scores of just the tokens asked for."""

import hashlib
import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from elinker.errors import ModelError
from elinker.onegen.rows import RowCache, Rows, attend_by_rows


class Backbone(nn.Module):
    """Any causal LM of transformers behind two calls: `forward` (last layer, after the final norm) and `score`.

    Args:
        model: a causal LM with a base model and output embeddings.
        token_types: whether to pass `token_type_ids` (OneGenSettings.token_types).

    Raises:
        ModelError: the model is not causal, or keeps its output layer where this class does not find it.
    """

    def __init__(self, model: Any, *, token_types: bool) -> None:
        super().__init__()
        self.model = model
        self.token_types = token_types
        self._output = model.get_output_embeddings()
        if self._output is None or model.base_model is model:
            raise ModelError(f"{type(model).__name__} is not a causal language model")
        if getattr(model.config, "is_decoder", True) is False:
            raise ModelError(f"{type(model).__name__} looks at later tokens", hint="set is_decoder in its config.json")
        if not hasattr(model, "cls") and all(child is not self._output for child in model.children()):
            raise ModelError(f"the output layer of {type(model).__name__} is of a kind that elinker does not know")

    @property
    def dim(self) -> int:
        """Width of a hidden state, which is that of every vector."""
        return int(self.model.config.hidden_size)

    def forward(
        self,
        ids: Tensor,
        *,
        types: Tensor | None = None,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: DynamicCache | None = None,
    ) -> Tensor:
        """Hidden states of the last layer.

        Shape:
            ids, types, positions: (batch, new); mask: (batch, cached + new); result: (batch, new, dim).
        """
        extra = {"token_type_ids": types} if self.token_types else {}
        output = self.model.base_model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=cache is not None,
            **extra,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def read_rows(
        self, caches: Sequence[RowCache], ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]]
    ) -> Tensor:
        """Hidden states of new tokens of several rows, end to end; `elinker.onegen.rows` says how.

        The caches hold the new tokens afterwards, but count them only once their `length` says so.

        Shape:
            ids and types: one sequence a row, of any length but 0; result: (all new tokens, dim).
        """
        attend_by_rows(self.model)
        device = self.model.device
        positions = [
            position
            for cache, row in zip(caches, ids, strict=True)
            for position in range(cache.length, cache.length + len(row))
        ]
        extra = {"token_type_ids": torch.tensor([list(chain(*types))], device=device)} if self.token_types else {}
        output = self.model.base_model(
            input_ids=torch.tensor([list(chain(*ids))], device=device),
            position_ids=torch.tensor([positions], device=device),
            attention_mask=torch.zeros(1, 1, 1, 1, device=device),  # a mask of four dimensions is left alone
            use_cache=False,
            rows=Rows(caches, [len(row) for row in ids]),
            **extra,
        )
        hidden: Tensor = output.last_hidden_state[0]
        return hidden

    def score(self, hidden: Tensor, token_ids: Tensor) -> Tensor:
        """Logits of a few tokens per position, without the product over the vocabulary.

        Shape:
            hidden: (rows, dim); token_ids: (rows, choices); result: (rows, choices).
        """
        weight, bias = self._output.weight, self._output.bias
        with torch.autocast(hidden.device.type, enabled=False):  # choices hang on small differences
            logits = torch.einsum("rd,rcd->rc", self.transform(hidden), weight[token_ids])
            return logits if bias is None else logits + bias[token_ids]

    def score_shared(self, hidden: Tensor, token_ids: Tensor) -> Tensor:
        """Logits of the same tokens for every position.

        Shape:
            hidden: (rows, dim); token_ids: (choices,); result: (rows, choices).
        """
        bias = self._output.bias
        return nn.functional.linear(
            self.transform(hidden), self._output.weight[token_ids], None if bias is None else bias[token_ids]
        )

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the whole vocabulary.

        Shape:
            hidden: (rows, dim); result: (rows, vocabulary).
        """
        with torch.autocast(hidden.device.type, enabled=False):
            return nn.functional.linear(self.transform(hidden), self._output.weight, self._output.bias)

    def transform(self, hidden: Tensor) -> Tensor:
        """What lies between the last hidden state and the output embeddings: nothing but in BERT-like models."""
        head = getattr(self.model, "cls", None)
        result: Tensor = hidden if head is None else head.predictions.transform(hidden)
        return result


def fingerprint(model: Any, salt: Sequence[str]) -> str:
    """SHA-256 of a model's tensors and of `salt`, the settings that shape vectors.

    At most 4,096 values of each tensor, evenly spaced and rounded to bf16, so that it costs little on a large model and
    does not depend on the number type that the weights are held in.
    """
    digest = hashlib.sha256()
    for text in salt:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        sample = flat[:: max(1, math.ceil(flat.numel() / 4096))].to(torch.bfloat16).cpu()
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(sample.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()
