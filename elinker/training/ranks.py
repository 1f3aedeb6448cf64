"""What the processes of a training share: who does which part of a list, and vectors gathered with their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.distributed import nn as distributed_nn

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The number of this process and how many there are; every process sees all examples and does every `size`th."""

    rank: int = 0
    size: int = 1

    def own(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part, possibly empty."""
        return items[self.rank :: self.size]

    def own_padded(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part, the last item repeated so that every process has as many; `items` is not empty."""
        missing = -len(items) % self.size
        return self.own([*items, *[items[-1]] * missing])

    def gather(self, part: Tensor, count: int) -> Tensor:
        """The rows of all processes in the order of the list that `own_padded` parted, padding dropped.

        The gradient of a row is the sum of its gradients in all processes, and goes to the process that made it.

        Shape:
            part: (rows, dim), of one size in every process; result: (count, dim).
        """
        if self.size == 1:
            return part
        parts = distributed_nn.all_gather(part)  # type: ignore[no-untyped-call]
        return torch.stack(list(parts), dim=1).flatten(0, 1)[:count]
