"""A drafter that a model carries: two small convolutions over what reading the prompt left at the source's tokens.

The prompt is read in any case, so the guess costs a few hundredths of a pass. `elinker.training.draft_head` fits it to
what the model itself marks.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from elinker.errors import ModelError
from elinker.onegen.drafting import Draft
from elinker.onegen.source import Source

DRAFT_HEAD_FILE = "draft_head.safetensors"

_HIDDEN = 64
_BEFORE, _AFTER = 2, 4
"""Neighbours that the first layer sees: attention is causal, so what follows a token is known only further on."""
_AROUND = 2
"""Neighbours on each side that the second layer sees."""


class DraftHead(nn.Module):
    """Scores, at each token, that a mention opens before it and that one closes before it.

    Args:
        dim: width of a hidden state.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(dim, _HIDDEN, _BEFORE + 1 + _AFTER)
        self.second = nn.Conv1d(_HIDDEN, 2, 2 * _AROUND + 1, padding=_AROUND)

    @classmethod
    def load(cls, directory: Path, dim: int) -> "DraftHead | None":
        """The head that lies beside a model's weights; None where there is none.

        Raises:
            ModelError: the file is damaged or belongs to a model of another width.
        """
        path = directory / DRAFT_HEAD_FILE
        if not path.exists():
            return None
        head = cls(dim)
        try:
            head.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        except (SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"{path} does not fit the model: {str(error).splitlines()[0]}", hint="delete it, or fit it anew"
            ) from None
        return head.eval()

    def save(self, directory: Path) -> None:
        """Write the head, in bf16, beside a model's weights."""
        tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, directory / DRAFT_HEAD_FILE)

    def forward(self, states: Tensor) -> Tensor:
        """Scores of opening and of closing before each token and, last, behind them all.

        Shape:
            states: (tokens, dim); result: (tokens + 1, 2).
        """
        padded = nn.functional.pad(states.float().T, (_BEFORE, _AFTER + 1))
        scores: Tensor = self.second(nn.functional.gelu(self.first(padded[None])))[0].T
        return scores


class HeadDrafter:
    """What a `DraftHead` guesses."""

    reads_states = True

    def __init__(self, head: DraftHead) -> None:
        self._head = head

    def __call__(self, source: Source, states: Tensor | None) -> Draft:
        """See `drafting.Drafter`."""
        assert states is not None
        opens, closes = self._head(states).T.tolist()
        return Draft(opens, closes)
