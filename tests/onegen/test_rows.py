"""Rows read end to end: each gets what it would get alone, over any cut of it into passes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
import torch

from elinker.onegen.rows import RowCache

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

TEXTS = ("After the death of Steve, the former CEO of Apple", "Paris", "Dr. Smith lives in New York!")


def plain(onegen: "OneGen", ids: list[int], types: list[int]) -> torch.Tensor:
    """One sequence through the model as transformers runs it."""
    return onegen.backbone(torch.tensor([ids]), types=torch.tensor([types]))[0]


@torch.inference_mode()
def test_a_row_gets_what_it_would_get_alone(onegen: "OneGen") -> None:
    sources = [onegen.source(text) for text in TEXTS]
    ids, types = [list(s.ids) for s in sources], [list(s.types) for s in sources]
    states = onegen.backbone.read_rows([RowCache(4) for _ in sources], ids, types)
    for row, found in enumerate(torch.split(states, [len(row) for row in ids])):
        torch.testing.assert_close(found, plain(onegen, ids[row], types[row]), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("cut", [1, 3])
def test_a_row_may_be_read_in_parts_and_cut_back(onegen: "OneGen", cut: int) -> None:
    source = onegen.source(TEXTS[0])
    ids, types = list(source.ids), list(source.types)
    cache = RowCache(2)
    onegen.backbone.read_rows([cache], [ids[:cut]], [types[:cut]])
    cache.length = cut
    onegen.backbone.read_rows([cache], [ids[::-1]], [types])  # never counted, so forgotten
    states = onegen.backbone.read_rows([cache], [ids[cut:]], [types[cut:]])
    torch.testing.assert_close(states, plain(onegen, ids, types)[cut:], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_sliding_window_hides_what_is_further_back(onegens: "Mapping[str, OneGen]") -> None:
    onegen = onegens["mistral"]
    source = onegen.source(TEXTS[0])
    ids, types = list(source.ids), list(source.types)
    window, onegen.model.config.sliding_window = onegen.model.config.sliding_window, 4
    try:
        states = onegen.backbone.read_rows([RowCache(2)], [ids], [types])
        wanted = plain(onegen, ids, types)
    finally:
        onegen.model.config.sliding_window = window
    torch.testing.assert_close(states, wanted, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(states, plain(onegen, ids, types), atol=1e-3)
