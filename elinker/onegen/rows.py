"""Forward passes over rows of different lengths without padding: tokens lie end to end, attention keeps rows apart.

Every layer but attention treats a token alone, so the tokens of all rows may go through it as one long sequence;
attention is called once a row, over that row's own keys and values. No token of padding is computed, a row is cut back
by forgetting a number, and what a row gets does not depend on which others it is read with.
"""

import sys
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

_PREFIX = "elinker_"
_registering = Lock()


class RowCache:
    """Keys and values of one row in every layer.

    Args:
        capacity: tokens to make room for at first; it grows where they do not suffice.
    """

    def __init__(self, capacity: int) -> None:
        self.length = 0
        """Tokens that count; those behind are overwritten by the next pass."""
        self._capacity = capacity
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def begin_with(self, other: "RowCache") -> None:
        """Take over the tokens that another row counts; this one has none yet."""
        self.length = other.length
        for layer, stored in other._layers.items():
            self._layers[layer] = self._grown(stored[0], stored[0]), self._grown(stored[1], stored[1])

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values behind the `length` that count; all of the layer's, as views.

        Shape:
            keys, values: (1, heads, new, dim); result: (1, heads, length + new, dim) each.
        """
        total = self.length + keys.shape[2]
        if layer not in self._layers or total > self._layers[layer][0].shape[2]:
            if (
                total > self._capacity
            ):  # half as much again, so that a row that grows by a token is not copied each time
                self._capacity = max(total, self._capacity * 3 // 2)
            old_keys, old_values = self._layers.get(layer, (None, None))
            self._layers[layer] = self._grown(old_keys, keys), self._grown(old_values, values)
        stored = self._layers[layer]
        for buffer, new in zip(stored, (keys, values), strict=True):
            buffer[:, :, self.length : total] = new
        return stored[0][:, :, :total], stored[1][:, :, :total]

    def _grown(self, old: Tensor | None, like: Tensor) -> Tensor:
        """A buffer of the capacity that begins with the tokens of `old` that count."""
        buffer = like.new_empty((1, like.shape[1], self._capacity, like.shape[3]))
        if old is not None:
            buffer[:, :, : self.length] = old[:, :, : self.length]
        return buffer


class Rows:
    """What attention needs to know about the rows of one pass: the cache of each and how many tokens it adds."""

    def __init__(self, caches: Sequence[RowCache], counts: Sequence[int]) -> None:
        self.caches = caches
        self.counts = counts
        self._masks: dict[tuple[int, int, int | None], Tensor] = {}

    def mask(self, query: Tensor, total: int, sliding_window: int | None) -> Tensor:
        """What to add to the scores of `total` keys for queries of the last tokens, shape (1, 1, new, total)."""
        new = query.shape[2]
        key = new, total, sliding_window
        if key not in self._masks:
            places = torch.arange(total, device=query.device)
            distance = places[total - new :, None] - places
            hidden = distance < 0
            if sliding_window is not None:
                hidden |= distance >= sliding_window
            mask = query.new_zeros((1, 1, new, total))
            self._masks[key] = mask.masked_fill_(hidden, torch.finfo(query.dtype).min)
        return self._masks[key]


def attend_by_rows(model: Any) -> None:
    """Make a transformers model accept `rows` in its forward call; without it, attention stays what it was."""
    with _registering:
        name = model.config._attn_implementation
        if name.startswith(_PREFIX):
            return
        ALL_ATTENTION_FUNCTIONS.register(_PREFIX + name, _attention(name))
        ALL_MASK_ATTENTION_FUNCTIONS.register(_PREFIX + name, ALL_MASK_ATTENTION_FUNCTIONS[name])
        model.set_attn_implementation(_PREFIX + name)


def _attention(name: str) -> Callable[..., tuple[Tensor, Tensor | None]]:
    """The attention `name` of transformers, once a row where there are rows."""

    def original(module: Any) -> Callable[..., tuple[Tensor, Tensor | None]]:
        if name == "eager":  # every architecture has its own, beside its attention class
            function: Callable[..., tuple[Tensor, Tensor | None]] = sys.modules[
                type(module).__module__
            ].eager_attention_forward
            return function
        return ALL_ATTENTION_FUNCTIONS[name]  # type: ignore[no-any-return]

    def attend(
        module: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        *,
        rows: Rows | None = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None]:
        attention = original(module)
        if rows is None:
            return attention(module, query, key, value, attention_mask, **options)
        dtype = query.dtype
        if query.device.type == "cpu":  # attention over rows of this length takes longer in bf16 than in float32
            query, key, value = query.float(), key.float(), value.float()
        outputs = []
        parts = (torch.split(tensor, list(rows.counts), dim=2) for tensor in (query, key, value))
        with torch.autocast(query.device.type, enabled=False):
            for cache, asking, new_keys, new_values in zip(rows.caches, *parts, strict=True):
                keys, values = cache.append(module.layer_idx, new_keys, new_values)
                mask = rows.mask(asking, keys.shape[2], options.get("sliding_window"))
                outputs.append(attention(module, asking, keys, values, mask, **options)[0])
        return torch.cat(outputs, dim=1).to(dtype), None

    return attend
