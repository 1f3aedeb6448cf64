"""The loop: what is trained and what is not, schedules, checkpoints, the same result from the same start."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from elinker.errors import ConfigError
from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.config import Config, TrainingConfig
from elinker.training.examples import Example, make_example
from elinker.training.initial import initial_model
from elinker.training.labelled import LabelledText
from elinker.training.trainer import StepReport, Trainer, learning_rate

Marked = Callable[..., LabelledText]


@pytest.fixture
def start(
    configure: Callable[..., Config], texts: tuple[LabelledText, ...], entities: tuple[Entity, ...]
) -> Callable[..., Trainer]:
    """A trainer before its first step; arguments change the config."""

    def make(*, only: Sequence[LabelledText] = texts, **changes: Any) -> Trainer:
        config = configure(**changes)
        return Trainer(config, initial_model(config.model.base, config.settings), only, entities)

    return make


def batch_of(trainer: Trainer, *texts: LabelledText) -> list[Example]:
    return [make_example(text, trainer.onegen.layout, 100) for text in texts]


def read(trainer: Trainer, batch: Sequence[Example]) -> Tensor:
    with torch.no_grad():
        return trainer._read([e.sequence.ids for e in batch], [e.sequence.types for e in batch])


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.onegen.model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def silent(report: StepReport) -> None:
    """Nobody listens."""


# ---- what is trained


@pytest.mark.parametrize("forced", ["[_CONTINUE_]", ""])
def test_the_token_after_a_retrieval_token_is_never_a_target(
    forced: str, start: Callable[..., Trainer], values: dict[str, Any], marked: Marked
) -> None:
    values["settings"]["linking"]["forced"] = forced
    trainer = start()
    batch = batch_of(trainer, marked("in [Q90:Paris] today"))
    sequence, layout = batch[0].sequence, trainer.onegen.layout
    hidden = read(trainer, batch).requires_grad_()
    trainer._generation(batch, hidden, random.Random(0)).backward()
    assert hidden.grad is not None
    trained = {int(position) + 1 for position in hidden.grad[0].abs().sum(dim=-1).nonzero()}

    words = len(layout.source("in Paris today"))
    copy = words + 2  # behind [CLS], the words, [SEP]
    query = copy + len(layout.source("in Paris")) + 2  # with the two markers
    assert sequence.ids[query] == layout.query
    everything = set(range(copy, len(sequence)))
    assert trained == everything - {query + 1}
    assert len(trained) == words + 4 - (forced == "")  # markers, query, end; without [_CONTINUE_] a word goes


def test_the_prompt_and_padding_are_never_targets(start: Callable[..., Trainer], marked: Marked) -> None:
    trainer = start()
    batch = batch_of(trainer, marked("in Paris today and again today"), marked("in Paris"))
    hidden = read(trainer, batch).requires_grad_()
    trainer._generation(batch, hidden, random.Random(0)).backward()
    assert hidden.grad is not None
    short = len(batch[1].sequence)
    copied = len(trainer.onegen.layout.source("in Paris"))
    positions = hidden.grad[1].abs().sum(dim=-1).nonzero().flatten().tolist()
    assert positions == list(range(copied + 1, short - 1))


def test_a_name_of_the_base_without_an_entity_is_not_trained_as_nil(
    start: Callable[..., Trainer], marked: Marked
) -> None:
    trainer = start()
    batch = batch_of(trainer, marked("[Q90:Paris], [:Paris], [:PARIS HILTON], [:Oslo] and [Q999:Rome]"))
    anchors, positives, surfaces = trainer._anchors(batch)
    assert surfaces == ["Paris", "Oslo", "Rome"]
    assert positives == [0, None, None]
    retrieval = batch[0].sequence.retrieval
    assert anchors == [(0, retrieval[0]), (0, retrieval[3]), (0, retrieval[4])]


def test_without_nil_weight_mentions_without_an_entity_are_not_trained(
    start: Callable[..., Trainer], marked: Marked
) -> None:
    def gradient(weight: float) -> Tensor:
        trainer = start(loss={"nil_weight": weight})
        batch = batch_of(trainer, marked("[Q90:Paris] and [:Oslo]"))
        hidden = read(trainer, batch).requires_grad_()
        trainer._retrieval(batch, hidden, random.Random(0))[0].backward()
        assert hidden.grad is not None
        return hidden.grad[0, list(batch[0].sequence.retrieval)].abs().sum(dim=-1)

    without, with_weight = gradient(0.0), gradient(0.3)
    assert (without > 0).tolist() == [True, False]
    assert (with_weight > 0).tolist() == [True, True]


@pytest.mark.parametrize("surface", ["Oslo", "Paris"])
def test_a_batch_without_an_entity_costs_nothing_and_does_not_fail(
    surface: str, start: Callable[..., Trainer], marked: Marked
) -> None:
    trainer = start(loss={"nil_weight": 0.3})
    batch = batch_of(trainer, marked(f"in [:{surface}]"))
    loss, accuracy = trainer._retrieval(batch, read(trainer, batch), random.Random(0))
    assert (loss.item(), accuracy) == (0.0, 0.0)


def test_texts_without_a_mention_train_generation_alone(start: Callable[..., Trainer], marked: Marked) -> None:
    reports: list[StepReport] = []
    start(only=[marked("nobody came")]).run(reports.append)
    assert all(report.generation_loss > 0 and report.retrieval_loss == 0 for report in reports)


@pytest.mark.parametrize("retrieval", ["infonce", "bpr"])
def test_retrieval_compares_directions_over_the_hidden_dimension(
    retrieval: str, start: Callable[..., Trainer], texts: tuple[LabelledText, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(loss={"retrieval": retrieval, "nil_weight": 0.0, "hard_negatives": 4})
    batch = batch_of(trainer, *texts[:8])
    hidden = read(trainer, batch)
    expected = trainer._retrieval(batch, hidden, random.Random(0))[0]
    assert expected > 0.01

    scaled = hidden * torch.rand(*hidden.shape[:2], 1).add(0.1)
    torch.testing.assert_close(trainer._retrieval(batch, scaled, random.Random(0))[0], expected)

    order = torch.randperm(hidden.shape[-1])
    encode = trainer._encode
    monkeypatch.setattr(trainer, "_encode", lambda rows: encode(rows)[:, order])
    torch.testing.assert_close(trainer._retrieval(batch, hidden[..., order], random.Random(0))[0], expected)
    assert not torch.allclose(trainer._retrieval(batch, hidden, random.Random(0))[0], expected)


def test_retrieval_does_not_depend_on_the_order_of_the_batch(
    start: Callable[..., Trainer], texts: tuple[LabelledText, ...]
) -> None:
    trainer = start(loss={"hard_negatives": 0})
    batch = batch_of(trainer, *texts[:8])
    hidden = read(trainer, batch)
    loss, accuracy = trainer._retrieval(batch, hidden, random.Random(0))
    turned, turned_accuracy = trainer._retrieval(batch[::-1], hidden.flip(0), random.Random(1))
    torch.testing.assert_close(turned, loss)
    assert turned_accuracy == pytest.approx(accuracy)


def test_every_entity_of_the_bank_is_a_negative_of_infonce(start: Callable[..., Trainer], marked: Marked) -> None:
    trainer = start(loss={"nil_weight": 0.0, "hard_negatives": 0, "temperature": 0.05})
    batch = batch_of(trainer, marked("sells in [Q142:France]"))
    hidden = read(trainer, batch)
    alone = trainer._retrieval(batch, hidden, random.Random(0))[0]
    trainer._bank.refresh()
    vectors = trainer._bank.vectors
    assert vectors is not None
    query = torch.nn.functional.normalize(hidden[0, batch[0].sequence.retrieval[0]], dim=0)
    expected = -(vectors @ query / 0.05).log_softmax(dim=0)[3]
    assert alone.item() == 0.0
    torch.testing.assert_close(trainer._retrieval(batch, hidden, random.Random(0))[0], expected)


@pytest.mark.parametrize(("documents", "hard"), [(1, 4), (2, 4), (3, 1), (64, 24)])
def test_no_more_documents_are_encoded_than_configured(
    documents: int, hard: int, start: Callable[..., Trainer]
) -> None:
    trainer = start(loss={"documents": documents, "hard_negatives": hard})
    rows = trainer._fresh_rows([0, 3, 3, 4], {0: [1, 2], 3: [0]}, random.Random(0))
    assert len(rows) == len(set(rows)) == min(documents, 5)
    assert rows[0] in {0, 3, 4}


def test_documents_encoded_in_a_step_are_written_back_to_the_bank(
    start: Callable[..., Trainer], marked: Marked
) -> None:
    trainer = start(loss={"hard_negatives": 0})
    trainer._bank.vectors = torch.zeros(5, 32)
    batch = batch_of(trainer, marked("sells in [Q142:France]"))
    trainer._retrieval(batch, read(trainer, batch), random.Random(0))
    assert trainer._bank.vectors.norm(dim=1).tolist() == pytest.approx([0, 0, 0, 1, 0])


# ---- the run


def test_learning_rate_rises_stays_and_falls() -> None:
    config = TrainingConfig(steps=10, batch_tokens=1, learning_rate=1.0, warmup=4, decay=5)
    rates = [learning_rate(step, config) for step in range(10)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2])


def test_learning_rate_without_warmup_and_decay_is_constant() -> None:
    config = TrainingConfig(steps=3, batch_tokens=1, learning_rate=0.5)
    assert [learning_rate(step, config) for step in range(3)] == [0.5, 0.5, 0.5]


MEMORISING = {
    "steps": 40,
    "learning_rate": 6e-3,
    "warmup": 5,
    "decay": 10,
    "batch_tokens": 1000,
    "checkpoint_every": 99,
}
PLAIN = {"join": 0.0, "lower": 0.0, "upper": 0.0}


def mean(reports: Sequence[StepReport], key: str) -> float:
    return sum(getattr(report, key) for report in reports) / len(reports)


@pytest.mark.parametrize(
    "loss",
    [
        {"retrieval": "infonce", "nil_weight": 0.3, "temperature": 0.05},
        {"retrieval": "bpr", "nil_weight": 0.0, "temperature": 0.2},
    ],
    ids=["infonce", "bpr"],
)
def test_a_tiny_model_learns_six_texts_by_heart(
    loss: dict[str, Any], start: Callable[..., Trainer], texts: tuple[LabelledText, ...]
) -> None:
    reports: list[StepReport] = []
    bank = {"bank_from": 0, "bank_refresh": 10, "generation_weight": 1.0, "retrieval_weight": 1.0}
    start(only=texts[:6], data=PLAIN, training=MEMORISING, loss=loss | bank).run(reports.append)
    first, last = reports[:5], reports[-5:]
    assert mean(last, "generation_loss") < 0.6 * mean(first, "generation_loss")
    assert mean(last, "retrieval_loss") < 0.5 * mean(first, "retrieval_loss")
    assert mean(first, "accuracy") < 0.7
    assert mean(last, "accuracy") > 0.9


def test_every_step_is_reported_with_its_figures(start: Callable[..., Trainer]) -> None:
    reports: list[StepReport] = []
    start().run(reports.append)
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert [report.learning_rate for report in reports] == pytest.approx([2e-4, 4e-4, 4e-4, 2e-4])
    assert all(0 < report.tokens <= 400 and 0 <= report.accuracy <= 1 for report in reports)


def test_a_small_learning_rate_survives_in_the_log() -> None:
    report = StepReport(3, 1.23456789, 0.5, 1.0, 2.5e-8, 400)
    assert json.loads(report.to_json()) == {
        "step": 3,
        "generation_loss": 1.23457,
        "retrieval_loss": 0.5,
        "accuracy": 1.0,
        "learning_rate": 2.5e-8,
        "tokens": 400,
    }


def test_the_same_config_and_seed_give_the_same_weights(start: Callable[..., Trainer]) -> None:
    one, other, reseeded = start(), start(), start(seed=14)
    for trainer in (one, other, reseeded):
        trainer.run(silent)
    assert same(weights(one), weights(other))
    assert not same(weights(one), weights(reseeded))


def test_a_killed_run_resumes_to_the_weights_of_one_that_was_not(start: Callable[..., Trainer], tmp_path: Path) -> None:
    six = {"steps": 6, "checkpoint_every": 3}
    whole = start(training=six, output=str(tmp_path / "whole"))
    whole.run(silent)

    def kill(report: StepReport) -> None:
        if report.step == 5:
            raise KeyboardInterrupt

    killed = start(training=six, output=str(tmp_path / "killed"))
    with pytest.raises(KeyboardInterrupt):
        killed.run(kill)

    resumed = start(training=six, output=str(tmp_path / "killed"))
    assert resumed.resume()
    assert resumed.step == 3
    steps: list[int] = []
    resumed.run(lambda report: steps.append(report.step))
    assert steps == [4, 5, 6]
    assert same(weights(resumed), weights(whole))
    assert torch.equal(resumed._nil, whole._nil)
    assert whole._bank.vectors is not None
    assert resumed._bank.vectors is not None
    assert torch.equal(resumed._bank.vectors, whole._bank.vectors)


def test_without_a_checkpoint_there_is_nothing_to_resume(start: Callable[..., Trainer]) -> None:
    trainer = start()
    assert not trainer.resume()
    assert trainer.step == 0


def test_the_last_two_checkpoints_are_kept_and_nothing_half_written(
    start: Callable[..., Trainer], tmp_path: Path
) -> None:
    left = tmp_path / "run" / "checkpoint-000002.partial"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_text("half")
    start(training={"steps": 7, "checkpoint_every": 2}).run(silent)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint-000006", "checkpoint-000007"]


def test_a_checkpoint_is_a_model_that_can_be_used(start: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = start()
    trainer.run(silent)
    loaded = OneGen.from_pretrained(tmp_path / "run" / "checkpoint-000004")
    assert same({name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}, weights(trainer))


def test_checkpoints_beyond_a_million_steps_are_found_in_order(start: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = start()
    for step in (999_999, 1_000_000):
        trainer.step = step
        trainer.save_checkpoint()
    assert [path.name for path in trainer._checkpoints()] == ["checkpoint-999999", "checkpoint-1000000"]


def test_a_step_is_saved_over_its_own_earlier_checkpoint(start: Callable[..., Trainer]) -> None:
    start().run(silent)
    again = start()
    again.run(silent)
    assert [path.name for path in again._checkpoints()] == ["checkpoint-000002", "checkpoint-000004"]


def test_training_on_no_text_is_an_error_that_names_the_key(start: Callable[..., Trainer]) -> None:
    with pytest.raises(ConfigError, match=r"data\.texts"):
        start(only=[])
