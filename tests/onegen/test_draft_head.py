"""The draft head's spans: well-formed whatever it scores. That they are right is for its fitting to show."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from hypothesis import given
from hypothesis import strategies as st

from elinker.onegen.draft_head import DraftHead

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

TEXT = "Dr. Smith lives in New York, in the United States."


def test_there_is_a_score_for_every_border_of_a_source() -> None:
    head = DraftHead(8)
    assert head(torch.randn(5, 8)).shape == (6, 2)
    assert head(torch.randn(1, 8)).shape == (2, 2)


@given(seed=st.integers(0, 1000), length=st.integers(1, 20))
def test_spans_are_in_order_not_empty_and_cut_no_word(
    onegens: "Mapping[str, OneGen]", seed: int, length: int
) -> None:
    source = onegens["bert"].source(TEXT).slice(0, length)
    torch.manual_seed(seed)
    head = DraftHead(8)
    previous = 0
    for start, end in head.spans(source, torch.randn(len(source), 8)):
        assert previous <= start < end <= len(source)
        assert source.is_edge(start)
        assert source.is_edge(end)
        previous = end
