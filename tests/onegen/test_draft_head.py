"""The draft head's scores. That they are good guesses is for its fitting to show."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from hypothesis import given
from hypothesis import strategies as st

from elinker.onegen.draft_head import DraftHead, HeadDrafter

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

TEXT = "Dr. Smith lives in New York, in the United States."


def test_there_is_a_score_for_every_border_of_a_source() -> None:
    head = DraftHead(8)
    assert head(torch.randn(5, 8)).shape == (6, 2)
    assert head(torch.randn(1, 8)).shape == (2, 2)


@given(seed=st.integers(0, 1000), length=st.integers(1, 20))
@torch.inference_mode()
def test_a_border_is_judged_by_what_stands_around_it(seed: int, length: int) -> None:
    torch.manual_seed(seed)
    head, states = DraftHead(8).eval(), torch.randn(length, 8)
    longer = head(torch.cat([states, torch.randn(20, 8)]))
    reach = 6  # of both layers, behind a border
    torch.testing.assert_close(longer[: max(0, length - reach)], head(states)[: max(0, length - reach)])


@torch.inference_mode()
def test_scores_become_wishes(onegens: "Mapping[str, OneGen]") -> None:
    onegen = onegens["bert"]
    source = onegen.source(TEXT)
    head, states = DraftHead(onegen.dim), torch.randn(len(source), onegen.dim)
    draft = HeadDrafter(head)(source, states)
    torch.testing.assert_close(torch.tensor([draft.opens, draft.closes]).T, head(states))
