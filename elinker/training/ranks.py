"""What the processes of a training share: who does which part of a list, and vectors gathered with their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

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
        gathered: Tensor = _Gather.apply(part, self.rank, self.size)  # type: ignore[no-untyped-call]
        return gathered.flatten(0, 1)[:count]


class _Gather(torch.autograd.Function):
    """The tensors of all processes, stacked along dimension 1; backwards, the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, rank: int, size: int) -> Tensor:
        ctx.rank = rank
        parts = [torch.empty_like(part) for _ in range(size)]
        distributed.all_gather(parts, part.contiguous())
        return torch.stack(parts, dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        whole = gradients[0].contiguous()
        distributed.all_reduce(whole)
        return whole[:, ctx.rank], None, None
