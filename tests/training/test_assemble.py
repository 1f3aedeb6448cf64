"""A training with a pipeline ends in one that spaCy and elinker load, whatever the model is worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import spacy

import elinker
from elinker.training.config import Config
from elinker.training.run import train


def pipeline_config(output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "name": "en_small",
        "version": "1.2.3",
        "description": "a small one",
        "url_template": "https://example.org/{id}",
        "top_k": 2,
    }


def made(values: dict[str, Any], output: Path) -> Path:
    config = Config.model_validate(values | {"pipeline": pipeline_config(output)})
    return train(config, resume=False, report=lambda step: None, say=lambda what: None)


def test_the_pipeline_loads_in_spacy_and_in_elinker(values: dict[str, Any], tmp_path: Path) -> None:
    directory = made(values, tmp_path / "en_small")
    nlp = spacy.load(directory)
    assert (nlp.meta["lang"], nlp.meta["name"], nlp.meta["version"]) == ("en", "small", "1.2.3")
    text = "Paris is a city. Steve Jobs went to Paris."
    linker = elinker.load(str(directory))
    assert [m.text for m in nlp(text)._.mentions] == [m.text for m in linker(text).mentions]
    assert linker.settings.top_k == 2
    assert linker.kb.url("Q1") == "https://example.org/Q1"


def test_the_base_belongs_to_the_saved_model(values: dict[str, Any], tmp_path: Path) -> None:
    linker = elinker.load(str(made(values, tmp_path / "en_small")))
    assert linker.kb.manifest.fingerprint == linker.onegen.fingerprint


def test_making_it_again_replaces_it_and_keeps_the_card(
    values: dict[str, Any], tmp_path: Path, entities: tuple[Any, ...], configure: Callable[..., Config]
) -> None:
    output = tmp_path / "en_small"
    made(values, output)
    (output / "README.md").write_text("card", encoding="utf-8")
    (output / "stale.txt").write_text("old", encoding="utf-8")
    made(values, output)
    assert (output / "README.md").read_text(encoding="utf-8") == "card"
    assert not (output / "stale.txt").exists()
    assert len(elinker.load(str(output)).kb) == len(entities)
