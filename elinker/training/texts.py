"""The texts and entities that a config names."""

from collections import Counter
from pathlib import Path

from elinker.errors import InputError
from elinker.kb import EntityFile
from elinker.schema import Entity
from elinker.training.config import Config
from elinker.training.labelled import LabelledText, read_texts, split_heldout


def load_texts(config: Config) -> tuple[list[LabelledText], list[LabelledText]]:
    """Training and held-out texts of a config; the latter are drawn from the first file alone."""
    first, *others = config.data.texts
    training, heldout = split_heldout(read_texts([first]), config.data.heldout, config.seed)
    return training + read_texts(others), heldout


def read_entities(path: Path) -> list[Entity]:
    """All entities of a file, in order.

    Raises:
        InputError: a row is bad or an id comes twice; a training should not go on without it unnoticed.
    """
    file = EntityFile(path)
    entities = list(file)
    if file.rejected:
        raise InputError(f"{path}: {file.rejected} rows are not entities", hint="elinker kb build lists them")
    repeated = [entity_id for entity_id, count in Counter(entity.id for entity in entities).items() if count > 1]
    if repeated:
        raise InputError(f"{path}: {len(repeated)} ids come more than once, {repeated[0]!r} first")
    return entities
