"""Shares of work in threads: results in order, torch's threads as they were, no waiting for others after an error."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from elinker.onegen.shares import in_shares

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("number", [0, 1, 7, 8, 9, 17, 100])
def test_results_come_in_order(number: int) -> None:
    def double(share: Sequence[int], stopped: Callable[[], bool]) -> list[int]:
        return [2 * item for item in share]

    assert in_shares(double, range(number)) == [2 * item for item in range(number)]


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("number", "shares"), [(3, 1), (8, 2), (12, 3), (40, 4)])
def test_torch_s_threads_are_shared_out_and_given_back(number: int, shares: int) -> None:
    together = threading.Barrier(shares, timeout=30)

    def describe(share: Sequence[int], stopped: Callable[[], bool]) -> list[tuple[int, int]]:
        together.wait()
        return [(threading.get_ident(), torch.get_num_threads())] * len(share)

    seen = in_shares(describe, range(number))
    assert len(set(seen)) == shares
    assert sum(threads for _, threads in set(seen)) == 4
    assert (threading.get_ident() in {thread for thread, _ in seen}) == (shares == 1)
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_an_error_in_one_share_stops_the_others() -> None:
    def fail_or_wait(share: Sequence[int], stopped: Callable[[], bool]) -> list[int]:
        if 0 in share:
            raise ValueError("broken")
        deadline = time.monotonic() + 30
        while not stopped() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stopped()
        return [0] * len(share)

    with pytest.raises(ValueError, match="broken"):
        in_shares(fail_or_wait, range(16))
    assert torch.get_num_threads() == 4


def test_what_is_marked_does_not_depend_on_the_threads(onegen: "OneGen") -> None:
    texts = [
        "Steve Jobs met Angela Merkel in Paris",
        "\u05e9\u05dc\u05d5\u05dd [LK] 🙂 Apple",
        "it rained in New York City",
    ]
    sources = [onegen.source(text * times) for text in texts for times in (1, 2, 3)]
    sources = [source.slice(0, onegen.layout.window) for source in sources]
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(onegen.mark(sources))
    finally:
        torch.set_num_threads(before)
    for others in found[1:]:
        for mine, theirs in zip(found[0], others, strict=True):
            assert mine.mentions == theirs.mentions
            np.testing.assert_allclose(mine.vectors, theirs.vectors, atol=1e-6)
