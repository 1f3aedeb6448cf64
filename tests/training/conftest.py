"""A world small enough to train on in seconds: five entities, sixty texts, a random BERT encoder on disk."""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from elinker.onegen.layout import Layout
from elinker.onegen.model import OneGen
from elinker.onegen.settings import OneGenSettings
from elinker.schema import Entity
from elinker.training.config import Config
from elinker.training.initial import initial_model
from elinker.training.labelled import LabelledText
from elinker.training.texts import labelled_material
from elinker.training.trainer import Trainer

RECIPE = Path(__file__).parents[2] / "pipelines" / "train" / "en_starter.toml"

ENTITIES = (
    Entity("Q90", "Paris", ("City of Light",), "capital of France", ("place",)),
    Entity("Q830149", "Paris", ("Paris, Texas",), "city in Texas", ("place",)),
    Entity("Q47899", "Paris Hilton", ("Paris",), "American hotel heiress", ("person",)),
    Entity("Q142", "France", (), "country in Europe", ("place",)),
    Entity("Q312", "Apple", ("Apple Inc.",), "maker of computers", ("organization",)),
)

_SENTENCES = (
    ("[Q90:Paris] is the capital of [Q142:France]", "Louvre"),
    ("the judge from [Q830149:Paris, Texas] met [:Doctor Who]", "Dallas"),
    ("a party with [Q47899:Paris Hilton] for [Q312:Apple]", "Vogue"),
    ("[Q312:Apple] sells computers in [Q142:France]", "Bordeaux"),
    ("nobody of note came to the harbour", "Oslo"),
    ("[Q47899:Paris] wore a dress in [:Paris] that day", "Milan"),
)


def labelled(marked: str, text_id: str = "t") -> LabelledText:
    """A text written as `[Q90:Paris] lies in [:Narnia]`; an empty id is a mention without an entity."""
    text, mentions, position = "", [], 0
    while (start := marked.find("[", position)) >= 0:
        text += marked[position:start]
        entity, _, surface = marked[start + 1 : marked.index("]", start)].partition(":")
        mentions.append((len(text), len(text) + len(surface), entity or None))
        text += surface
        position = marked.index("]", start) + 1
    return LabelledText(text_id, text + marked[position:], tuple(mentions))


TEXTS = tuple(
    labelled(f"{sentence}, said [:{place}] {'again ' * (number % 3)}.", f"t{number}")
    for number, (sentence, place) in enumerate(_SENTENCES * 10)
)


def as_json(text: LabelledText) -> str:
    """The text as one line of elinker's JSONL."""
    return json.dumps(
        {
            "id": text.id,
            "text": text.text,
            "mentions": [
                {"start": start, "end": end, "text": text.text[start:end], "entity_id": entity}
                for start, end, entity in text.mentions
            ],
        }
    )


@pytest.fixture(scope="session")
def marked() -> Callable[..., LabelledText]:
    """`labelled`, for tests to write texts with."""
    return labelled


@pytest.fixture(scope="session")
def texts() -> tuple[LabelledText, ...]:
    """The sixty texts."""
    return TEXTS


@pytest.fixture(scope="session")
def entities() -> tuple[Entity, ...]:
    """The five entities, three of them called Paris."""
    return ENTITIES


@pytest.fixture(scope="session")
def recipe() -> Path:
    """The training file of the starter, as checked in."""
    return RECIPE


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, word_piece_tokenizer: Callable[[Sequence[str]], Any]) -> Path:
    """A directory with an encoder of BERT's kind (random weights) and a WordPiece tokenizer of the texts' words."""
    directory = tmp_path_factory.mktemp("base")
    corpus = [text.text for text in TEXTS] + [
        f"{' '.join(entity.names)} {entity.description} start end of a name link this to an entity continue summary"
        for entity in ENTITIES
    ]
    tokenizer = word_piece_tokenizer(corpus)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                max_position_embeddings=512,
            )
        )
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def causal(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Directories with tiny causal language models (random weights) and the tokenizer of `base`, each made once."""
    kinds = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}
    tokenizer = AutoTokenizer.from_pretrained(base)
    made: dict[tuple[str, bool], Path] = {}

    def make(kind: str, *, tied: bool = False) -> Path:
        if (kind, tied) not in made:
            config, model = kinds[kind]
            with torch.random.fork_rng():
                torch.manual_seed(0)
                made[kind, tied] = tmp_path_factory.mktemp(kind)
                model(
                    config(
                        vocab_size=len(tokenizer),
                        hidden_size=32,
                        intermediate_size=64,
                        num_hidden_layers=2,
                        num_attention_heads=2,
                        num_key_value_heads=1,
                        max_position_embeddings=2048,
                        tie_word_embeddings=tied,
                        bos_token_id=None,
                        eos_token_id=None,
                    )
                ).save_pretrained(made[kind, tied])
            tokenizer.save_pretrained(made[kind, tied])
        return made[kind, tied]

    return make


@pytest.fixture
def entity_file(tmp_path: Path) -> Path:
    """The entities as JSONL."""
    path = tmp_path / "entities.jsonl"
    fields = ("id", "label", "aliases", "description", "types")
    lines = [json.dumps({field: getattr(entity, field) for field in fields}) for entity in ENTITIES]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """The texts as JSONL."""
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(as_json(text) for text in TEXTS), encoding="utf-8")
    return path


@pytest.fixture
def values(base: Path, entity_file: Path, text_file: Path, tmp_path: Path) -> dict[str, Any]:
    """The starter's recipe pointed at the small world, with a model as its only product, in four steps."""
    values = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    del values["draft_head"], values["pipeline"]
    values["output"] = str(tmp_path / "run")
    values["model"]["base"] = str(base)
    values["data"] |= {"entities": str(entity_file), "texts": [str(text_file)], "heldout": 0.1}
    values["loss"] |= {"bank_from": 2, "bank_refresh": 2, "vocabulary_sample": 20}
    values["training"] |= {"steps": 4, "batch_tokens": 400, "warmup": 2, "decay": 2, "checkpoint_every": 2}
    values["training"] |= {"precision": "float32", "learning_rate": 4e-4}
    values["data"] |= {"join": 0.5, "noise": 0.0, "typographic": 0.0}
    return values


@pytest.fixture
def configure(values: dict[str, Any]) -> Callable[..., Config]:
    """A config from the small recipe with changes by section: `configure(training={"steps": 6}, seed=1)`."""

    def make(**changes: Any) -> Config:
        merged = {**changes} | {
            key: value | changes.get(key, {}) if isinstance(value, Mapping) else changes.get(key, value)
            for key, value in values.items()
        }
        return Config.model_validate(merged)

    return make


@pytest.fixture
def start(configure: Callable[..., Config]) -> Callable[..., Trainer]:
    """A trainer before its first step; arguments change the config, `only` and `heldout` the texts."""

    def make(
        *,
        only: Sequence[LabelledText] = TEXTS,
        heldout: Sequence[LabelledText] = (),
        report: Any = None,
        say: Any = None,
        **changes: Any,
    ) -> Trainer:
        config = configure(**changes)
        torch.manual_seed(config.seed)
        onegen = initial_model(config.model.base, config.settings, dtype=config.model.dtype)
        material = labelled_material(config, onegen.layout, only, ENTITIES, heldout)
        heard = {key: one for key, one in (("report", report), ("say", say)) if one is not None}
        return Trainer(config, onegen, material, **heard)

    return make


@pytest.fixture
def onegen(configure: Callable[..., Config]) -> OneGen:
    """The model that the small recipe starts from."""
    config = configure()
    return initial_model(config.model.base, config.settings)


@pytest.fixture(scope="session")
def layout(base: Path) -> Layout:
    """The layout of such a model: read only."""
    settings = OneGenSettings.model_validate(tomllib.loads(RECIPE.read_text(encoding="utf-8"))["settings"])
    return initial_model(str(base), settings).layout
