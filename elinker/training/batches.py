"""Batches of examples: an endless, reproducible stream, grouped by length under a budget of padded tokens."""

import itertools
import random
from collections.abc import Iterator, Sequence

from elinker.onegen.layout import Layout
from elinker.training.config import DataConfig
from elinker.training.examples import Example, examples_of_epoch
from elinker.training.labelled import LabelledText

_POOL = 512
"""Examples sorted together: large enough that a batch is of one length, small enough that an epoch stays random."""


def batches(
    texts: Sequence[LabelledText], layout: Layout, config: DataConfig, *, batch_tokens: int, seed: int
) -> Iterator[list[Example]]:
    """Batches without end, the same for the same seed."""
    for epoch in itertools.count():
        generator = random.Random(f"{seed}-{epoch}")
        examples = examples_of_epoch(texts, layout, config, generator)
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
