"""What a config names, read: labelled texts and entities, or conversations and documents."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elinker.errors import ConfigError, InputError
from elinker.kb import EntityFile
from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.batches import Epoch, conversation_epoch, labelled_epoch
from elinker.training.config import Config
from elinker.training.conversations import Dialect
from elinker.training.documents import DocumentBank
from elinker.training.labelled import LabelledText, read_texts, split_heldout


@dataclass(frozen=True, slots=True)
class Material:
    """What a training works on: epochs of examples, the documents, and what held-out texts are linked with."""

    epoch: Epoch
    bank: DocumentBank
    heldout: Sequence[LabelledText] = ()
    entities: Sequence[Entity] = ()


def load_material(config: Config, onegen: OneGen) -> Material:
    """Read everything that a config names.

    Raises:
        InputError: a file cannot be read or is broken.
        ConfigError: there is nothing to train on, or the vocabulary lacks a token of `[conversation]`.
        ModelError: texts are labelled and the settings have no linking part.
    """
    if config.conversation is not None:
        return _conversations(config, Dialect(config.conversation, onegen.tokenizer))
    training, heldout = load_texts(config)
    entities = read_entities(_path(config.data.entities))
    return labelled_material(config, onegen.layout, training, entities, heldout)


def labelled_material(
    config: Config,
    layout: Layout,
    training: Sequence[LabelledText],
    entities: Sequence[Entity],
    heldout: Sequence[LabelledText] = (),
) -> Material:
    """The material of texts and entities that are in memory."""
    if not training:
        raise ConfigError("data.texts: there is no text to train on")
    if config.data.noise and layout.markers_are_text:
        raise ConfigError(
            "data.noise replaces tokens, but with markers of plain text whole texts are read",
            hint="set it to 0, or name open and close of settings.linking in settings.tokens",
        )
    bank = DocumentBank.of_entities(entities, layout)
    return Material(labelled_epoch(training, layout, config.data), bank, heldout, entities)


def _conversations(config: Config, dialect: Dialect) -> Material:
    first, *others = config.data.texts
    training, _ = split_heldout(dialect.read_conversations([first]), config.data.heldout, config.seed)
    training += dialect.read_conversations(others)
    if not training:
        raise ConfigError("data.texts: there is no conversation to train on")
    documents = dialect.read_documents(_path(config.data.documents))
    bank = DocumentBank.of_passages(documents, dialect, config.data.max_tokens)
    return Material(conversation_epoch(training, dialect, config.data.max_tokens), bank)


def load_texts(config: Config) -> tuple[list[LabelledText], list[LabelledText]]:
    """Training and held-out texts of a config; the latter are drawn from the first file alone."""
    first, *others = config.data.texts
    texts = read_texts([first], config.data.format)
    training, heldout = split_heldout(texts, config.data.heldout, config.seed)
    return training + read_texts(others, config.data.format), heldout


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


def _path(path: Path | None) -> Path:
    if path is None:
        raise ConfigError("data: a path is missing")
    return path
