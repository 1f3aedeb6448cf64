"""Both losses of a batch: what is trained and what is not, what is compared with what."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, distributed
from torch.distributed.fsdp import fully_shard

from elinker.training.anchors import anchors_of
from elinker.training.batches import Batch
from elinker.training.examples import Example, make_example
from elinker.training.labelled import LabelledText
from elinker.training.objective import Objective, fresh_rows
from elinker.training.trainer import Trainer

Marked = Callable[..., LabelledText]
Start = Callable[..., Trainer]


def batch_of(trainer: Trainer, *texts: LabelledText) -> list[Example]:
    return [make_example(text, trainer.onegen.layout, 100) for text in texts]


def read(trainer: Trainer, batch: Sequence[Example]) -> Tensor:
    with torch.no_grad():
        return trainer._objective._read([example.sequence for example in batch])


def everything(batch: Sequence[Example]) -> dict[int, int]:
    return {number: number for number in range(len(batch))}


def generation(trainer: Trainer, batch: Sequence[Example], hidden: Tensor) -> Tensor:
    return trainer._objective._generation(batch, everything(batch), hidden, random.Random(0))


def retrieval(
    trainer: Trainer, batch: Sequence[Example], hidden: Tensor, *, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    return trainer._objective._retrieval(batch, everything(batch), hidden, random.Random(seed))


@pytest.mark.parametrize("forced", ["[_CONTINUE_]", ""])
def test_the_token_after_a_retrieval_token_is_never_a_target(
    forced: str, start: Start, values: dict[str, Any], marked: Marked
) -> None:
    values["settings"]["linking"]["forced"] = forced
    trainer = start()
    batch = batch_of(trainer, marked("in [Q90:Paris] today"))
    sequence, layout = batch[0].sequence, trainer.onegen.layout
    hidden = read(trainer, batch).requires_grad_()
    generation(trainer, batch, hidden).backward()
    assert hidden.grad is not None
    trained = {int(position) + 1 for position in hidden.grad[0].abs().sum(dim=-1).nonzero()}

    words = len(layout.source("in Paris today"))
    copy = words + 2  # behind [CLS], the words, [SEP]
    query = copy + len(layout.source("in Paris")) + 2  # with the two markers
    assert sequence.ids[query] == layout.query
    assert trained == set(range(copy, len(sequence))) - {query + 1}
    assert len(trained) == words + 4 - (forced == "")  # markers, query, end; without [_CONTINUE_] a word goes


def test_the_prompt_and_padding_are_never_targets(start: Start, marked: Marked) -> None:
    trainer = start()
    batch = batch_of(trainer, marked("in Paris today and again today"), marked("in Paris"))
    hidden = read(trainer, batch).requires_grad_()
    generation(trainer, batch, hidden).backward()
    assert hidden.grad is not None
    short = len(batch[1].sequence)
    copied = len(trainer.onegen.layout.source("in Paris"))
    positions = hidden.grad[1].abs().sum(dim=-1).nonzero().flatten().tolist()
    assert positions == list(range(copied + 1, short - 1))


def test_a_name_of_the_base_without_an_entity_is_not_trained_as_nil(start: Start, marked: Marked) -> None:
    trainer = start()
    batch = batch_of(trainer, marked("[Q90:Paris], [:Paris], [:PARIS HILTON], [:Oslo] and [Q999:Rome]"))
    bank = trainer.material.bank
    anchors = anchors_of(batch, bank.row_of, bank.knows, 0, random.Random(0))
    assert [anchor.surface for anchor in anchors] == ["Paris", "Oslo", "Rome"]
    assert [anchor.positive for anchor in anchors] == [0, None, None]
    places = batch[0].sequence.retrieval
    assert [anchor.position for anchor in anchors] == [places[0], places[3], places[4]]


def test_of_an_example_no_more_anchors_are_trained_than_configured(start: Start, marked: Marked) -> None:
    trainer = start()
    batch = batch_of(trainer, marked("[Q90:Paris], [Q142:France], [Q312:Apple]"), marked("[Q142:France]"))
    bank = trainer.material.bank
    drawn = [anchors_of(batch, bank.row_of, bank.knows, 1, random.Random(seed)) for seed in range(20)]
    assert {tuple(anchor.example for anchor in anchors) for anchors in drawn} == {(0, 1)}
    assert {anchors[0].surface for anchors in drawn} == {"Paris", "France", "Apple"}


def test_without_nil_weight_mentions_without_an_entity_are_not_trained(start: Start, marked: Marked) -> None:
    def gradient(weight: float) -> Tensor:
        trainer = start(loss={"nil_weight": weight})
        batch = batch_of(trainer, marked("[Q90:Paris] and [:Oslo]"))
        hidden = read(trainer, batch).requires_grad_()
        retrieval(trainer, batch, hidden)[0].backward()
        assert hidden.grad is not None
        return hidden.grad[0, list(batch[0].sequence.retrieval)].abs().sum(dim=-1)

    without, with_weight = gradient(0.0), gradient(0.3)
    assert (without > 0).tolist() == [True, False]
    assert (with_weight > 0).tolist() == [True, True]


@pytest.mark.parametrize("surface", ["Oslo", "Paris"])
def test_a_batch_without_an_entity_costs_nothing_and_does_not_fail(surface: str, start: Start, marked: Marked) -> None:
    trainer = start(loss={"nil_weight": 0.3})
    batch = batch_of(trainer, marked(f"in [:{surface}]"))
    assert [part.item() for part in retrieval(trainer, batch, read(trainer, batch))] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("loss", ["infonce", "bpr"])
def test_retrieval_compares_directions_over_the_hidden_dimension(
    loss: str, start: Start, texts: tuple[LabelledText, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(loss={"retrieval": loss, "nil_weight": 0.0, "hard_negatives": 4})
    batch = batch_of(trainer, *texts[:8])
    hidden = read(trainer, batch)
    expected = retrieval(trainer, batch, hidden)[0]
    assert expected > 0.01

    scaled = hidden * torch.rand(*hidden.shape[:2], 1).add(0.1)
    torch.testing.assert_close(retrieval(trainer, batch, scaled)[0], expected)

    order = torch.randperm(hidden.shape[-1])
    encode = trainer._objective._encode
    monkeypatch.setattr(trainer._objective, "_encode", lambda rows: encode(rows)[:, order])
    torch.testing.assert_close(retrieval(trainer, batch, hidden[..., order])[0], expected)
    assert not torch.allclose(retrieval(trainer, batch, hidden)[0], expected)


def test_retrieval_does_not_depend_on_the_order_of_the_batch(start: Start, texts: tuple[LabelledText, ...]) -> None:
    trainer = start(loss={"hard_negatives": 0})
    batch = batch_of(trainer, *texts[:8])
    hidden = read(trainer, batch)
    loss, *counts = retrieval(trainer, batch, hidden)
    turned, *turned_counts = retrieval(trainer, batch[::-1], hidden.flip(0), seed=1)
    torch.testing.assert_close(turned, loss)
    assert turned_counts == counts


def test_every_entity_of_the_bank_is_a_negative_of_infonce(start: Start, marked: Marked) -> None:
    trainer = start(loss={"nil_weight": 0.0, "hard_negatives": 0, "temperature": 0.05})
    batch = batch_of(trainer, marked("sells in [Q142:France]"))
    hidden = read(trainer, batch)
    alone = retrieval(trainer, batch, hidden)[0]
    with torch.no_grad():
        trainer.material.bank.refresh(lambda rows: trainer._objective(rows=rows))
    vectors = trainer.material.bank.vectors
    assert vectors is not None
    query = torch.nn.functional.normalize(hidden[0, batch[0].sequence.retrieval[0]], dim=0)
    expected = -(vectors @ query / 0.05).log_softmax(dim=0)[3]
    assert alone.item() == 0.0
    torch.testing.assert_close(retrieval(trainer, batch, hidden)[0], expected)


def test_what_else_is_right_for_an_anchor_is_not_a_negative_of_it(start: Start, marked: Marked) -> None:
    trainer = start(loss={"nil_weight": 0.0, "hard_negatives": 0})
    (example,) = batch_of(trainer, marked("sells in [Q142:France] and [Q90:Paris]"))
    both = Example(example.sequence, ("Q142", "Q90"), ("France", "Paris"), ((), ()), (("Q142", "Q90"), ("Q90", "Q142")))
    hidden = read(trainer, [example])
    assert retrieval(trainer, [example], hidden)[0] > 0
    assert retrieval(trainer, [both], hidden)[0].item() == 0.0


def test_the_bank_holds_the_vectors_that_the_model_gives_entities(start: Start) -> None:
    trainer = start()
    with torch.no_grad():
        vectors = trainer._objective(rows=range(5))
    onegen = trainer.onegen
    entity_texts = [onegen.entity_text(entity) for entity in trainer.material.entities]
    torch.testing.assert_close(vectors, torch.from_numpy(onegen.encode_documents(entity_texts)))


@pytest.mark.parametrize(("documents", "hard"), [(1, 4), (2, 4), (3, 1), (64, 24)])
def test_no_more_documents_are_encoded_than_configured_and_none_twice(documents: int, hard: int) -> None:
    rows = fresh_rows([0, 3, 3, 4], {0: [1, 2, 1], 3: [0]}, documents, random.Random(0))
    assert len(rows) == len(set(rows)) == min(documents, 5)
    assert rows[0] in {0, 3, 4}


def test_documents_encoded_in_a_step_are_written_back_to_the_bank(start: Start, marked: Marked) -> None:
    trainer = start(loss={"hard_negatives": 0})
    trainer.material.bank.vectors = torch.zeros(5, 32)
    batch = batch_of(trainer, marked("sells in [Q142:France]"))
    retrieval(trainer, batch, read(trainer, batch))
    assert trainer.material.bank.vectors.norm(dim=1).tolist() == pytest.approx([0, 0, 0, 1, 0])


def gradients(objective: Objective, batch: Batch) -> dict[str, Tensor]:
    objective.zero_grad()
    figures = objective(batch)
    assert isinstance(figures, dict)
    figures["loss"].backward()
    return {name: weight.grad.clone() for name, weight in objective.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("kind", ["bert", "llama"])
@pytest.mark.parametrize("loss", ["infonce", "bpr"])
def test_documents_encoded_in_chunks_with_cached_gradients_give_the_gradients_of_the_plain_computation(
    kind: str, loss: str, start: Start, causal: Callable[..., Any], texts: tuple[LabelledText, ...]
) -> None:
    changes: dict[str, Any] = {"loss": {"retrieval": loss, "nil_weight": 0.3 * (loss == "infonce")}}
    if kind == "llama":
        changes |= {"model": {"base": str(causal("llama"))}, "settings": {"token_types": "none"}}
    plain = start(**changes)
    changes["loss"] |= {"document_chunk": 2}
    chunked = start(**changes)
    batch = Batch(0, batch_of(plain, *texts[:8]))
    expected = gradients(plain._objective, batch)
    found = gradients(chunked._objective, batch)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)


def test_only_one_chunk_of_documents_has_a_graph_at_a_time(
    start: Start, texts: tuple[LabelledText, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(loss={"document_chunk": 1, "nil_weight": 0.0})
    objective = trainer._objective
    kept: list[int] = []
    saved = torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.numel()) or one, lambda one: one)
    with saved:
        objective._encode(range(5))
    few = sum(kept)
    kept.clear()
    monkeypatch.setattr(objective, "_config", objective._config.model_copy(update={"document_chunk": 0}))
    with saved:
        objective._encode(range(5))
    assert few < sum(kept) / 20


@pytest.fixture
def process_group() -> Iterator[None]:
    """A group of this process alone."""
    distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("lora", [None, {"r": 4}], ids=["full", "lora"])
def test_sharded_by_fsdp_the_gradients_are_those_of_the_whole_module(
    lora: dict[str, Any] | None,
    start: Start,
    causal: Callable[..., Any],
    texts: tuple[LabelledText, ...],
    process_group: None,
) -> None:
    changes: dict[str, Any] = {"model": {"base": str(causal("llama"))}, "settings": {"token_types": "none"}}
    changes |= {"lora": lora, "loss": {"document_chunk": 2}}
    whole, sharded = start(**changes), start(**changes)
    batch = Batch(0, batch_of(whole, *texts[:8]))
    expected = gradients(whole._objective, batch)
    for layer in sharded.onegen.model.base_model.layers:
        fully_shard(layer)
    fully_shard(sharded._objective)
    with torch.no_grad():
        assert sharded._objective(rows=range(5)).shape == (5, 32)
    found = gradients(sharded._objective, batch)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name].full_tensor(), gradient, rtol=1e-4, atol=1e-6)
