"""The training file: what is read, and what is said about a wrong one."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from elinker.errors import ConfigError
from elinker.training.config import (
    Config,
    ConversationConfig,
    DataConfig,
    DraftHeadConfig,
    EarlyStoppingConfig,
    LoraConfig,
    LossConfig,
    ModelConfig,
    PipelineConfig,
    TrainingConfig,
)
from elinker.training.texts import load_texts, read_entities


@pytest.fixture
def altered(recipe: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """The recipe with the first line of a key replaced, in a directory of its own."""

    def write(key: str, line: str) -> Path:
        text, count = re.subn(rf"(?m)^{key} = .*$", line, recipe.read_text(encoding="utf-8"), count=1)
        assert count == 1
        path = tmp_path / "training.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_starters_recipe_loads_and_its_files_are_there(recipe: Path) -> None:
    config = Config.load(recipe)
    assert config.data.entities.is_file()
    assert all(path.is_file() for path in config.data.texts)
    assert config.pipeline is not None
    assert config.pipeline.output == recipe.parents[1] / "en_starter"


def test_the_first_training_leads_to_the_second(recipe: Path) -> None:
    first = Config.load(recipe.with_name("en_starter_first.toml"))
    second = tomllib.loads(recipe.read_text(encoding="utf-8"))
    assert (recipe.parent / second["model"]["base"]).resolve() == first.output / "model"
    assert Config.load(recipe).settings == first.settings


def test_relative_paths_are_relative_to_the_file(altered: Callable[[str, str], Path], tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    config = Config.load(altered("base", 'base = "weights"'))
    assert config.model.base == str(tmp_path / "weights")
    assert config.data.entities == tmp_path.parents[1] / "kb/starter/entities.jsonl"
    assert config.data.texts[0] == tmp_path.parents[1] / "kb/starter/texts.jsonl"
    assert config.output == tmp_path.parents[1] / "runs/en_starter"


@pytest.mark.parametrize("base", ["package:somewhere/model", "owner/name", "/absolute/weights"])
def test_a_base_that_is_no_directory_beside_the_file_stays_as_written(
    base: str, altered: Callable[[str, str], Path]
) -> None:
    assert Config.load(altered("base", f'base = "{base}"')).model.base == base


@pytest.mark.parametrize(
    ("key", "line", "said"),
    [
        ("steps", "stepz = 3600", r"training\.stepz: Extra inputs are not permitted"),
        ("warmup", "warm_up = 150", r"training\.warm_up: Extra inputs are not permitted"),
        ("steps", 'steps = "many"', r"training\.steps: Input should be a valid integer"),
        ("steps", "steps = 0", r"training\.steps: .*greater than 0"),
        ("heldout", "heldout = 0.5", r"data\.heldout: .*less than 0\.5"),
        ("retrieval", 'retrieval = "triplet"', r"loss\.retrieval: .*'infonce' or 'bpr'"),
        ("retrieval", 'retrieval = "bpr"', r"loss: .*nil_weight"),
        ("query", 'query = "[XX]"', r"settings: .*linking\.query is '\[XX\]'"),
        ("name", 'name = "Starter"', r"pipeline\.name: "),
        ("max_tokens", "max_tokens = 256", r"data\.max_tokens is 256.*settings\.max_length, 512"),
        ("seed", "sead = 13", r"sead: Extra inputs"),
    ],
)
def test_an_error_names_file_and_key(key: str, line: str, said: str, altered: Callable[[str, str], Path]) -> None:
    with pytest.raises(ConfigError, match=rf"training\.toml: {said}") as caught:
        Config.load(altered(key, line))
    assert caught.value.hint == "docs/training.md lists the keys"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"epochs": 2}}, "training.*either steps or epochs"),
        ({"training": {"steps": None}}, "training.*either steps or epochs"),
        ({"training": {"warmup": 1.5}}, "training.warmup"),
        ({"data": {"documents": "db.jsonl"}}, "data.*either entities"),
        ({"data": {"documents": "db.jsonl", "entities": None}}, "data.*join is for labelled texts"),
        ({"conversation": {"query": "[LK]", "document": "[SE]"}}, "conversation.* belong together"),
        ({"early_stopping": {}, "data": {"heldout": 0.0}}, "early_stopping.*held-out texts"),
        ({"model": {"dtype": "bfloat16"}}, "dtype.*lora"),
        ({"lora": {"r": 0}}, "lora.r"),
    ],
)
def test_sections_that_do_not_go_together_are_told(
    changes: dict[str, Any], said: str, configure: Callable[..., Config]
) -> None:
    with pytest.raises(ValueError, match=r"(?s)" + said):
        configure(**changes)


def test_bpr_needs_hard_negatives() -> None:
    with pytest.raises(ValueError, match="hard_negatives is 0"):
        LossConfig(retrieval="bpr", hard_negatives=0)


def test_a_missing_file_a_folder_and_what_is_not_toml_are_told_apart(tmp_path: Path) -> None:
    broken, binary = tmp_path / "broken.toml", tmp_path / "binary.toml"
    broken.write_text("steps = = 3")
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"no training file .*missing\.toml"):
        Config.load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        Config.load(broken)
    with pytest.raises(ConfigError, match=r"binary\.toml is not TOML"):
        Config.load(binary)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Config.load(tmp_path)


def test_entities_are_read_in_order_and_a_repeated_id_or_a_bad_row_is_an_error(tmp_path: Path) -> None:
    from elinker.errors import InputError

    path = tmp_path / "entities.jsonl"
    rows = ['{"id": "Q2", "label": "b"}', '{"id": "Q1", "label": "a", "aliases": ["A"]}']
    path.write_text("\n".join(rows))
    assert [(entity.id, entity.names) for entity in read_entities(path)] == [("Q2", ("b",)), ("Q1", ("a", "A"))]
    path.write_text("\n".join([*rows, rows[0]]))
    with pytest.raises(InputError, match="1 ids come more than once, 'Q2' first"):
        read_entities(path)
    path.write_text("\n".join([*rows, '{"id": "Q3"}']))
    with pytest.raises(InputError, match="1 rows are not entities"):
        read_entities(path)


def test_a_config_splits_its_texts(configure: Callable[..., Config]) -> None:
    training, heldout = load_texts(configure())
    assert (len(training), len(heldout)) == (54, 6)


SECTIONS = {
    "model": ModelConfig,
    "lora": LoraConfig,
    "data": DataConfig,
    "conversation": ConversationConfig,
    "loss": LossConfig,
    "training": TrainingConfig,
    "early_stopping": EarlyStoppingConfig,
    "draft_head": DraftHeadConfig,
    "pipeline": PipelineConfig,
}


@pytest.mark.parametrize("model", [Config, *SECTIONS.values()])
def test_the_documentation_has_every_key(model: type[BaseModel]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for key in model.model_fields:
        written = f"[{key}]" if model is Config and key in {*SECTIONS, "settings"} else f"| `{key}` |"
        assert written in page, f"{model.__name__}.{key}"
