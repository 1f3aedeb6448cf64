"""Changes to training texts that teach copying what was never seen: typographic signs, and words drawn at random.

Copying must not depend on what is copied. A model that has only read tidy sentences predicts the next word from habit,
and where habit fails (rare words, figures, curly quotes) an opening marker may look likelier than the right copy.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from elinker.onegen.layout import Layout
from elinker.onegen.source import Source
from elinker.training.labelled import LabelledText

_OPENING = re.compile(r'(^|[\s(\[—–-])"')
_RATES = (0.05, 0.15, 0.4)
"""Shares of replaced words, one drawn for a text."""
_NAME_RATE = 0.5
"""How often the words of a name without an entity are replaced in a noisy text."""


def typographic(text: LabelledText) -> LabelledText:
    """The text with curly quotes and apostrophes and en dashes for straight ones; every offset stays."""
    changed = _OPENING.sub(r"\1“", text.text).replace('"', "”").replace(" '", " ‘").replace("'", "’")
    return replace(text, text=changed.replace(" - ", " – "))


class RandomWords:
    """Replaces some tokens of a source, outside mentions and in names without an entity; the text is not changed.

    Args:
        layout: gives the vocabulary to draw from: tokens of letters or digits, word pieces included.
        generator: source of the draws.
    """

    def __init__(self, layout: Layout, generator: random.Random) -> None:
        added = set(layout.tokenizer.get_added_vocab().values())
        self._vocabulary = sorted(
            token_id
            for token, token_id in layout.tokenizer.get_vocab().items()
            if token_id not in added and token.lstrip("#▁Ġ").isalnum()
        )
        self._generator = generator

    def __call__(self, source: Source, mentions: Sequence[tuple[int, int]], entities: Sequence[str | None]) -> Source:
        """The source with random words; `mentions` are token ranges, `entities` the entity of each."""
        rate = self._generator.choice(_RATES)
        kept: set[int] = set()
        renamed: set[int] = set()
        for (start, end), entity in zip(mentions, entities, strict=True):
            is_renamed = entity is None and self._generator.random() < _NAME_RATE
            (renamed if is_renamed else kept).update(range(start, end))
        ids = [
            self._generator.choice(self._vocabulary)
            if index in renamed or (index not in kept and self._generator.random() < rate)
            else token_id
            for index, token_id in enumerate(source.ids)
        ]
        return replace(source, ids=tuple(ids))
