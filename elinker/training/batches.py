"""Batches of examples: an endless, reproducible stream, grouped by length under a budget of padded tokens."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from elinker.labelled.conversations import Conversation
from elinker.onegen.layout import Layout
from elinker.training.config import DataConfig
from elinker.training.conversations import Dialect
from elinker.training.examples import Example, examples_of_epoch
from elinker.training.labelled import LabelledText

Epoch = Callable[[random.Random], Iterable[Example]]
"""All examples of an epoch, in an order that the generator draws."""

_POOL = 512
"""Examples sorted together: large enough that a batch is of one length, small enough that an epoch stays random."""


class Batch:
    """The examples of a batch, for all processes, and the batch's number from the start of the training.

    A plain class: what wraps a model for several processes takes dataclasses and tuples apart to find tensors.
    """

    def __init__(self, number: int, examples: Sequence[Example]) -> None:
        self.number = number
        self.examples = examples


def labelled_epoch(texts: Sequence[LabelledText], layout: Layout, config: DataConfig) -> Epoch:
    """Epochs of labelled texts."""
    return lambda generator: examples_of_epoch(texts, layout, config, generator)


def conversation_epoch(conversations: Sequence[Conversation], dialect: Dialect, max_tokens: int) -> Epoch:
    """Epochs of conversations."""

    def epoch(generator: random.Random) -> Iterator[Example]:
        order = list(conversations)
        generator.shuffle(order)
        for conversation in order:
            yield dialect.example(conversation, max_tokens, generator)

    return epoch


def batches(epoch: Epoch, *, batch_tokens: int, seed: int) -> Iterator[list[Example]]:
    """Batches without end, the same for the same seed."""
    for number in itertools.count():
        yield from batches_of_epoch(epoch, number, batch_tokens=batch_tokens, seed=seed)


def batches_of_epoch(epoch: Epoch, number: int, *, batch_tokens: int, seed: int) -> Iterator[list[Example]]:
    """The batches of epoch `number`, counted from 0."""
    generator = random.Random(f"{seed}-{number}")
    examples = iter(epoch(generator))
    while pool := list(itertools.islice(examples, _POOL)):
        grouped = list(by_length(pool, batch_tokens))
        generator.shuffle(grouped)
        yield from grouped


def by_length(examples: Sequence[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """Examples in batches of like length whose padded size is at most `batch_tokens` (one example at least)."""
    batch: list[Example] = []
    for example in sorted(examples, key=lambda example: len(example.sequence)):
        if batch and len(example.sequence) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch
