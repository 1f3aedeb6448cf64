"""The training files that ship are valid, and train a tiny model of the architecture that they are for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker.onegen.model import OneGen
from elinker.onegen.presets import PRESETS
from elinker.onegen.settings import OneGenSettings
from elinker.training.config import Config, LossConfig, TrainingConfig
from elinker.training.progress import StepReport
from elinker.training.run import train

RECIPES = Path(__file__).parents[2] / "pipelines" / "train"
QUERY, DOCUMENT = "[Question Representation]", "[Document Fragment Representation]"


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def messages(question: str, answer: str, **ids: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **ids}]}


def linking_data(directory: Path, entity_file: Path) -> dict[str, Any]:
    marked = " In <MENTION>Paris</MENTION>[LK][_CONTINUE_] today again.</s>"
    line = messages("[INST] … [/INST]", marked, positive=[["Q90"]], negative=[["Q47899", "Q830149"]])
    return {"entities": entity_file, "texts": (write(directory / "train.jsonl", *[line] * 6),), "heldout": 0.0}


def question_data(directory: Path, _: Path) -> dict[str, Any]:
    answer = f" again {QUERY}<paragraph>Paris is the capital {DOCUMENT}</paragraph> said France.{QUERY}"
    line = messages("who came to the harbour?", answer, positive=[["1-1", "2"], "2"], negative=[["1-0"], []])
    documents = [
        {"uid": number} | messages("Read.", f"Paris.{DOCUMENT} Oslo {number}.{DOCUMENT}") for number in (1, 2, 3)
    ]
    texts = write(directory / "train.jsonl", *[line] * 6)
    return {"documents": write(directory / "db.jsonl", *documents), "texts": (texts,)}


def ending_as_the_tiny_tokenizers_do(settings: OneGenSettings) -> OneGenSettings:
    if settings.answering is None:
        return settings
    return settings.model_copy(update={"answering": settings.answering.model_copy(update={"end": "[SEP]"})})


@pytest.mark.parametrize(
    ("name", "kind", "make"),
    [
        ("entity_linking_llama2_7b", "llama", linking_data),
        ("multi_hop_qa_qwen2_1.5b", "qwen2", question_data),
        ("single_hop_qa_llama2_7b", "llama", question_data),
    ],
)
def test_a_shipped_training_file_trains_a_tiny_model_of_its_architecture(
    name: str,
    kind: str,
    make: Callable[[Path, Path], dict[str, Any]],
    causal: Callable[..., Path],
    entity_file: Path,
    tmp_path: Path,
) -> None:
    config = Config.load(RECIPES / f"{name}.toml")
    config = config.model_copy(
        update={
            "output": tmp_path / "run",
            "settings": ending_as_the_tiny_tokenizers_do(config.settings),
            "model": config.model.model_copy(update={"base": str(causal(kind, tied=kind == "qwen2"))}),
            "data": config.data.model_copy(update=make(tmp_path, entity_file)),
            "training": config.training.model_copy(update={"epochs": None, "steps": 2, "precision": "float32"}),
        }
    )
    reports: list[StepReport] = []
    made = train(config, resume=False, report=reports.append, say=print)
    assert [report.step for report in reports] == [1, 2]
    assert all(report.generation_loss > 0 and report.retrieval_loss > 0 for report in reports)
    assert made is not None
    assert OneGen.from_pretrained(made).settings == config.settings


def settings_of(name: str) -> tuple[LossConfig, TrainingConfig, int]:
    config = Config.load(RECIPES / f"{name}.toml")
    return config.loss, config.training, config.settings.max_length


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("entity_linking_llama2_7b", (1, 4, 1300, 5e-6, 6)),
        ("multi_hop_qa_qwen2_1.5b", (2, 6, 1100, 2e-5, 3)),
        ("single_hop_qa_llama2_7b", (1, 2, 2048, 2e-5, 3)),
    ],
)
def test_the_settings_of_the_paper_are_those_of_the_paper(name: str, expected: tuple[Any, ...]) -> None:
    """Positives a text, negatives each, length, learning rate, epochs; BPR as published, both losses weigh 1."""
    loss, training, length = settings_of(name)
    assert (loss.anchors, loss.negatives_each, length, training.learning_rate, training.epochs) == expected
    assert (loss.retrieval, loss.temperature) == ("bpr", 1.0)
    assert loss.generation_weight == loss.retrieval_weight == 1.0


def test_the_linking_model_of_the_paper_is_trained_to_be_read_as_the_published_one() -> None:
    assert Config.load(RECIPES / "entity_linking_llama2_7b.toml").settings == PRESETS["onegen-llama2-el"].settings


@pytest.mark.parametrize(
    ("name", "preset", "end"),
    [
        ("multi_hop_qa_qwen2_1.5b", "onegen-llama2-multihop", "<|im_end|>"),
        ("single_hop_qa_llama2_7b", "onegen-llama2-selfrag", "</s>"),
    ],
)
def test_the_question_answering_models_of_the_paper_are_trained_to_be_asked_as_the_published_ones(
    name: str, preset: str, end: str
) -> None:
    settings, published = Config.load(RECIPES / f"{name}.toml").settings, PRESETS[preset].settings
    assert published.answering is not None
    assert settings.answering == published.answering.model_copy(update={"end": end})
    assert settings.passage == published.passage
