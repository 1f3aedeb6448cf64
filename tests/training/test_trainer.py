"""The run: schedules, steps and reports, checkpoints, the same result from the same start, early stopping."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from elinker.errors import ConfigError
from elinker.onegen.model import OneGen
from elinker.training.config import Config, TrainingConfig
from elinker.training.labelled import LabelledText
from elinker.training.progress import StepReport
from elinker.training.trainer import Trainer, rate, training_arguments, whole_checkpoints

Marked = Callable[..., LabelledText]
Start = Callable[..., Trainer]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer._objective.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def names(output: Path) -> list[str]:
    return [path.name for path in whole_checkpoints(output)]


def test_learning_rate_rises_stays_and_falls() -> None:
    config = TrainingConfig(steps=10, batch_tokens=1, learning_rate=1.0, warmup=4, decay=5)
    expected = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
    assert [rate(step, 10, config) for step in range(10)] == pytest.approx(expected)


def test_warmup_and_decay_may_be_shares_of_all_steps() -> None:
    config = TrainingConfig(epochs=1, batch_tokens=1, learning_rate=1.0, warmup=0.4, decay=0.5)
    counted = TrainingConfig(steps=10, batch_tokens=1, learning_rate=1.0, warmup=4, decay=5)
    assert [rate(step, 10, config) for step in range(10)] == [rate(step, 10, counted) for step in range(10)]
    whole = TrainingConfig(epochs=1, batch_tokens=1, learning_rate=1.0, decay=1.0)
    assert [rate(step, 4, whole) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_learning_rate_without_warmup_and_decay_is_constant() -> None:
    config = TrainingConfig(steps=3, batch_tokens=1, learning_rate=0.5)
    assert [rate(step, 3, config) for step in range(3)] == [1.0, 1.0, 1.0]


def test_epochs_are_as_many_steps_as_their_batches_make(
    start: Start, texts: tuple[LabelledText, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(training={"steps": None, "epochs": 3, "batch_tokens": 1}, data={"join": 0.0})
    assert trainer.steps == 3 * len(texts)
    halved = start(
        training={"steps": None, "epochs": 3, "batch_tokens": 1, "gradient_accumulation": 2}, data={"join": 0.0}
    )
    assert halved.steps == 3 * len(texts) // 2


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
    loss: dict[str, Any], start: Start, texts: tuple[LabelledText, ...]
) -> None:
    reports: list[StepReport] = []
    bank = {"bank_from": 0, "bank_refresh": 10, "generation_weight": 1.0, "retrieval_weight": 1.0}
    start(only=texts[:6], data=PLAIN, training=MEMORISING, loss=loss | bank, report=reports.append).run()
    first, last = reports[:5], reports[-5:]
    assert mean(last, "generation_loss") < 0.6 * mean(first, "generation_loss")
    assert mean(last, "retrieval_loss") < 0.5 * mean(first, "retrieval_loss")
    assert mean(first, "accuracy") < 0.7
    assert mean(last, "accuracy") > 0.9


def test_texts_without_a_mention_train_generation_alone(start: Start, marked: Marked) -> None:
    reports: list[StepReport] = []
    start(only=[marked("nobody came")], report=reports.append).run()
    assert all(report.generation_loss > 0 and report.retrieval_loss == 0 for report in reports)


def test_every_step_is_reported_with_its_figures(start: Start) -> None:
    reports: list[StepReport] = []
    start(report=reports.append).run()
    assert [(report.step, report.steps) for report in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [report.learning_rate for report in reports] == pytest.approx([2e-4, 4e-4, 4e-4, 2e-4])
    assert all(0 < report.tokens <= 400 and 0 <= report.accuracy <= 1 for report in reports)


def test_tensorboard_has_both_losses_and_retrieval_accuracy_of_every_step(start: Start, tmp_path: Path) -> None:
    reports: list[StepReport] = []
    start(report=reports.append).run()
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    for key in ("generation_loss", "retrieval_loss", "accuracy"):
        written = [(event.step, event.value) for event in events.Scalars(f"train/{key}")]
        assert written == [(report.step, pytest.approx(getattr(report, key))) for report in reports]


def test_a_small_learning_rate_survives_in_the_log() -> None:
    report = StepReport(3, 9, 1.23456789, 0.5, 1.0, 2.5e-8, 400)
    assert json.loads(report.to_json()) == {
        "step": 3,
        "steps": 9,
        "generation_loss": 1.23457,
        "retrieval_loss": 0.5,
        "accuracy": 1.0,
        "learning_rate": 2.5e-8,
        "tokens": 400,
    }


def test_matrices_decay_and_vectors_do_not(start: Start) -> None:
    trainer = start(training={"weight_decay": 0.1})
    decayed, plain = trainer.create_optimizer().param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert {parameter.dim() for parameter in decayed["params"]} == {2}
    assert {parameter.dim() for parameter in plain["params"]} == {1}


def test_two_batches_accumulated_are_a_step_of_their_mean_gradient(start: Start) -> None:
    one, two, both = (start(training={"steps": 1, "gradient_accumulation": count}) for count in (1, 1, 2))
    batches = list(zip(range(2), (item["batch"] for item in _stream(both)), strict=False))
    gradients = []
    for trainer, (_, batch) in zip((one, two), batches, strict=True):
        trainer._objective(batch)["loss"].backward()
        gradients.append({name: weight.grad for name, weight in trainer._objective.named_parameters()})
    for _, batch in batches:
        both.current_gradient_accumulation_steps = 2
        both.training_step(both._objective, {"batch": batch})
    for name, weight in both._objective.named_parameters():
        first, second = (found[name] for found in gradients)
        if first is not None and second is not None:
            torch.testing.assert_close(weight.grad, (first + second) / 2, rtol=1e-4, atol=1e-6)


def _stream(trainer: Trainer) -> Any:
    return trainer.get_train_dataloader()


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_gradient_checkpointing_changes_no_loss(kind: str, start: Start, causal: Callable[..., Path]) -> None:
    losses = []
    for checkpointing in (False, True):
        reports: list[StepReport] = []
        changes: dict[str, Any] = {"training": {"gradient_checkpointing": checkpointing}}
        if kind == "llama":
            changes |= {"model": {"base": str(causal("llama"))}, "settings": {"token_types": "none"}}
        start(report=reports.append, **changes).run()
        losses.append([(report.generation_loss, report.retrieval_loss) for report in reports])
    assert losses[1] == [pytest.approx(pair, rel=1e-4) for pair in losses[0]]


def test_the_same_config_and_seed_give_the_same_weights(start: Start) -> None:
    one, other, reseeded = start(), start(), start(seed=14)
    for trainer in (one, other, reseeded):
        trainer.run()
    assert same(weights(one), weights(other))
    assert not same(weights(one), weights(reseeded))


@pytest.mark.parametrize("lora", [None, {"r": 4, "dropout": 0.3}], ids=["full", "lora"])
def test_a_killed_run_resumes_with_the_losses_and_to_the_weights_of_one_that_was_not(
    lora: dict[str, Any] | None, start: Start, tmp_path: Path
) -> None:
    six = {"steps": 6, "checkpoint_every": 3}
    expected: list[StepReport] = []
    whole = start(training=six, lora=lora, output=str(tmp_path / "whole"), report=expected.append)
    whole.run()

    def kill(report: StepReport) -> None:
        if report.step == 5:
            raise KeyboardInterrupt

    killed = start(training=six, lora=lora, output=str(tmp_path / "killed"), report=kill)
    with pytest.raises(KeyboardInterrupt):
        killed.run()

    found: list[StepReport] = []
    resumed = start(training=six, lora=lora, output=str(tmp_path / "killed"), report=found.append)
    resumed.run(resume=True)
    assert found == expected[3:]
    assert same(weights(resumed), weights(whole))
    vectors = whole.material.bank.vectors
    assert vectors is not None
    assert torch.equal(vectors, resumed.material.bank.vectors)


def test_without_a_checkpoint_a_resumed_run_begins(start: Start) -> None:
    reports: list[StepReport] = []
    start(report=reports.append).run(resume=True)
    assert [report.step for report in reports] == [1, 2, 3, 4]


@pytest.mark.parametrize("left", ["", "{half"])
def test_a_checkpoint_that_a_kill_left_unfinished_is_passed_over_and_removed(
    left: str, start: Start, tmp_path: Path
) -> None:
    start(training={"steps": 2}).run()
    unfinished = tmp_path / "run" / "checkpoint-3"
    unfinished.mkdir()
    (unfinished / "model.safetensors").write_text("half")
    if left:
        (unfinished / "trainer_state.json").write_text(left)
    reports: list[StepReport] = []
    start(training={"steps": 4, "checkpoint_every": 99}, report=reports.append).run(resume=True)
    assert [report.step for report in reports] == [3, 4]
    assert not unfinished.exists()


def test_the_last_two_checkpoints_are_kept(start: Start, tmp_path: Path) -> None:
    start(training={"steps": 7, "checkpoint_every": 2}).run()
    assert names(tmp_path / "run") == ["checkpoint-6", "checkpoint-7"]


def test_a_checkpoint_is_a_model_that_can_be_used(start: Start, tmp_path: Path) -> None:
    trainer = start()
    trainer.run()
    loaded = OneGen.from_pretrained(tmp_path / "run" / "checkpoint-4")
    state = trainer.onegen.model.state_dict()
    assert same(dict(loaded.model.state_dict()), dict(state))


def test_nothing_in_a_checkpoint_needs_unpickling(start: Start, tmp_path: Path) -> None:
    start().run()
    files = {path.name for path in (tmp_path / "run" / "checkpoint-4").iterdir()}
    assert "training_args.bin" not in files
    assert {"model.safetensors", "training.safetensors", "optimizer.pt"} <= files
    torch.load(tmp_path / "run" / "checkpoint-4" / "optimizer.pt", weights_only=True)


def test_checkpoints_are_found_in_the_order_of_their_steps(start: Start, tmp_path: Path) -> None:
    start(training={"steps": 11, "checkpoint_every": 9}).run()
    assert names(tmp_path / "run") == ["checkpoint-9", "checkpoint-11"]


@pytest.mark.parametrize("lora", [None, {"r": 4}], ids=["full", "lora"])
def test_weights_gathered_from_shards_make_the_same_model(
    lora: dict[str, Any] | None, start: Start, tmp_path: Path
) -> None:
    trainer = start(lora=lora, training={"steps": 1, "learning_rate": 1e-2})
    trainer.run()
    state = trainer._objective.state_dict()
    trainer._save(str(tmp_path / "adapter"), state)
    made = trainer._from_shards(tmp_path / "adapter", state)
    expected = trainer.onegen if trainer.adapter is None else trainer.adapter.merge()
    assert same(dict(made.model.state_dict()), dict(expected.model.state_dict()))
    if lora is None:
        assert same(dict(OneGen.from_pretrained(tmp_path / "adapter").model.state_dict()), state_of(trainer))


def state_of(trainer: Trainer) -> dict[str, Tensor]:
    return dict(trainer.onegen.model.state_dict())


def test_the_config_arrives_in_transformers_terms(configure: Callable[..., Config], tmp_path: Path) -> None:
    changes = {"gradient_accumulation": 3, "precision": "bfloat16", "clip": 0.5, "weight_decay": 0.1}
    found = training_arguments(configure(training=changes, early_stopping={}), 7)
    assert (found.gradient_accumulation_steps, found.bf16, found.max_grad_norm) == (3, True, 0.5)
    assert (found.max_steps, found.save_steps, found.eval_steps, found.weight_decay) == (7, 2, 2, 0.1)
    assert (found.output_dir, found.learning_rate, found.load_best_model_at_end) == (str(tmp_path / "run"), 4e-4, True)


STOPPING: dict[str, Any] = {
    "training": {"steps": 12, "checkpoint_every": 2, "learning_rate": 1e-9},
    "early_stopping": {"patience": 2, "texts": 4},
}


def test_training_ends_when_held_out_texts_are_linked_no_better(
    start: Start, texts: tuple[LabelledText, ...], tmp_path: Path
) -> None:
    reports: list[StepReport] = []
    said: list[str] = []
    trainer = start(heldout=texts[:6], report=reports.append, say=said.append, **STOPPING)
    trainer.run()
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [words.partition(" F1 ")[0] for words in said] == [f"step {step}: held-out linking" for step in (2, 4, 6)]
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("eval/linking_f1")] == [2, 4, 6]


def test_the_model_of_the_best_checkpoint_is_the_result_now_and_when_resumed(
    start: Start, texts: tuple[LabelledText, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.7, 0.3, 0.1])
    monkeypatch.setattr("elinker.training.trainer.linking_f1", lambda *_: next(scores))
    trainer = start(heldout=texts[:6], **STOPPING)
    trainer.run()
    best = OneGen.from_pretrained(tmp_path / "run" / "checkpoint-4")
    last = OneGen.from_pretrained(tmp_path / "run" / "checkpoint-8")
    found = dict(trainer.onegen.model.state_dict())
    assert same(found, dict(best.model.state_dict()))
    assert not same(found, dict(last.model.state_dict()))

    reports: list[StepReport] = []
    again = start(heldout=texts[:6], report=reports.append, **STOPPING)
    again.run(resume=True)
    assert reports == []
    assert same(dict(again.onegen.model.state_dict()), found)


def test_training_on_no_text_is_an_error_that_names_the_key(start: Start) -> None:
    with pytest.raises(ConfigError, match=r"data\.texts"):
        start(only=[])


def test_random_words_want_markers_that_are_tokens(start: Start, values: dict[str, Any]) -> None:
    values["settings"] |= {"token_types": "none", "punctuation_runs": "each"}
    values["settings"]["tokens"] = [one for one in values["settings"]["tokens"] if "MENTION" not in one["text"]]
    start()
    with pytest.raises(ConfigError, match=r"data\.noise.*plain text"):
        start(data={"noise": 0.3})
