"""A model directory: what makes one, what is refused, and the vectors of entities."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from elinker.errors import ModelError, UsageError
from elinker.schema import Entity

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.onegen.source import Source

TEXT = "After the death of Steve, the former CEO of Apple, his speech was watched."
ENTITIES = [Entity("Q1", "Steve Jobs", ("Jobs",), "co-founder of Apple"), Entity("Q2", "Pixar"), Entity("Q3", "東京")]


def load(directory: Path, **options: Any) -> "OneGen":
    from elinker.onegen.model import OneGen

    return OneGen.from_pretrained(directory, device="cpu", **options)


@pytest.fixture
def directory(bert_directory: Path, tmp_path: Path) -> Path:
    """A copy of the saved BERT model, to be damaged."""
    return Path(shutil.copytree(bert_directory, tmp_path / "model"))


def test_a_saved_model_comes_back_the_same(onegen: "OneGen", tmp_path: Path) -> None:
    onegen.save_pretrained(tmp_path)
    again = load(tmp_path, dtype="float32")
    assert again.settings == onegen.settings
    assert again.fingerprint == onegen.fingerprint
    (before,), (after,) = onegen.annotate([TEXT]), again.annotate([TEXT])
    assert [found[:2] for found in before] == [found[:2] for found in after]
    np.testing.assert_allclose([found[2] for found in before], [found[2] for found in after], atol=1e-5)


def test_a_model_directory_holds_settings_weights_and_tokenizer(bert_directory: Path) -> None:
    names = {path.name for path in bert_directory.iterdir()}
    assert {"onegen.json", "config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)


def test_weights_are_stored_as_wide_as_they_were(fresh: "Callable[..., OneGen]", tmp_path: Path) -> None:
    sizes = []
    onegen = fresh("llama")
    onegen.save_pretrained(tmp_path / "0", dtype=torch.bfloat16)
    for number in range(3):
        sizes.append((tmp_path / str(number) / "model.safetensors").stat().st_size)
        load(tmp_path / str(number), dtype="float32").save_pretrained(tmp_path / str(number + 1))
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_directory_without_settings_is_refused(directory: Path) -> None:
    (directory / "onegen.json").unlink()
    with pytest.raises(ModelError, match=r"not a OneGen model: onegen\.json is missing"):
        load(directory)


def test_truncated_weights_are_refused(directory: Path) -> None:
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot load the model in") as caught:
        load(directory)
    assert "\n" not in str(caught.value)


def test_weights_that_lack_a_tensor_are_refused(directory: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(directory / "model.safetensors")
    name = next(name for name in tensors if name.endswith("query.weight"))
    del tensors[name]
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lack 1 tensors"):
        load(directory)


def test_pickled_weights_are_refused(directory: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot load the model in"):
        load(directory)


@pytest.mark.parametrize("names", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_a_model_without_tokenizer_is_refused(directory: Path, names: list[str]) -> None:
    for name in names:
        (directory / name).unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        load(directory)


def test_a_damaged_tokenizer_is_refused(directory: Path) -> None:
    (directory / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="cannot load the model in"):
        load(directory)


def test_a_damaged_config_is_refused(directory: Path) -> None:
    (directory / "config.json").write_text('{"model_type": "no_such_thing"}')
    with pytest.raises(ModelError, match="cannot load the model in"):
        load(directory)


@pytest.mark.parametrize("kind", ["bert", "of_its_own"])
def test_code_in_a_model_directory_is_not_run_and_nobody_is_asked(
    directory: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> str:
        raise AssertionError("a question on the terminal")

    monkeypatch.setattr("builtins.input", asked)
    (directory / "own.py").write_text(f"open({str(directory / 'was_run')!r}, 'w')\nclass Own: pass\n")
    for name, classes in (("config.json", "own.Own"), ("tokenizer_config.json", ["own.Own", "own.Own"])):
        settings = json.loads((directory / name).read_text())
        own = {"AutoConfig": classes, "AutoModelForCausalLM": classes, "AutoTokenizer": classes}
        (directory / name).write_text(json.dumps(settings | {"model_type": kind, "auto_map": own}))
    if kind == "bert":
        load(directory)
    else:
        with pytest.raises(ModelError, match="cannot load the model in"):
            load(directory)
    assert not (directory / "was_run").exists()


def test_weights_of_another_model_are_refused(directory: Path, onegens: "Mapping[str, OneGen]", tmp_path: Path) -> None:
    onegens["llama"].save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", directory)
    with pytest.raises(ModelError, match="lack"):
        load(directory)


@pytest.mark.parametrize("path", ["/no/such/place", "./nothing", "a/b/c", "name"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="no model directory"):
        load(Path(path) if path.startswith("/") else path)  # type: ignore[arg-type]


@pytest.mark.parametrize(("option", "value"), [("device", "cuda:99"), ("device", "tpu?"), ("dtype", "float8")])
def test_a_device_or_number_type_that_is_not_there_is_refused(bert_directory: Path, option: str, value: str) -> None:
    from elinker.onegen.model import OneGen

    with pytest.raises(UsageError, match=option):
        OneGen.from_pretrained(bert_directory, **{"device": "cpu", option: value})


def test_a_tokenizer_without_offsets_is_refused(onegens: "Mapping[str, OneGen]") -> None:
    from elinker.onegen.model import OneGen

    class Slow:
        is_fast = False

    onegen = onegens["llama"]
    with pytest.raises(ModelError, match="fast tokenizer"):
        OneGen(onegen.model, Slow(), onegen.settings)


def test_a_plain_model_becomes_a_onegen_model_by_its_settings(
    fresh: "Callable[..., OneGen]",
    settings_for: Callable[..., Any],
    tokenizer_for: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    """Settings beside the files of any causal LM are enough: the tokens are added when it is loaded."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer_for("llama")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    settings_for("llama").save(tmp_path)
    onegen = load(tmp_path)
    assert onegen.model.get_input_embeddings().num_embeddings == len(tokenizer) + 5
    assert onegen.layout.query == onegen.tokenizer.convert_tokens_to_ids("[LK]")


def test_an_entity_vector_is_the_hidden_state_at_its_token(onegen: "OneGen") -> None:
    text = onegen.entity_text(ENTITIES[0])
    sequence = onegen.layout.document(text)
    with torch.inference_mode():
        hidden = onegen.backbone(torch.tensor([sequence.ids]), types=torch.tensor([sequence.types]))
    wanted = torch.nn.functional.normalize(hidden[0, sequence.retrieval[0]], dim=0)
    assert sequence.ids[sequence.retrieval[0]] == onegen.layout.document_token
    np.testing.assert_allclose(onegen.encode_documents([text])[0], wanted.numpy(), atol=1e-5)


def test_entity_vectors_do_not_depend_on_the_batch(onegen: "OneGen") -> None:
    texts = [onegen.entity_text(entity) for entity in ENTITIES] + ["", "word " * 100]
    alone = np.concatenate([onegen.encode_documents([text]) for text in texts])
    for size in (1, 2, 64):
        np.testing.assert_allclose(onegen.encode_documents(texts, batch_size=size), alone, atol=2e-5)


def test_entity_vectors_come_as_float32_of_length_one_even_for_none(onegen: "OneGen") -> None:
    assert onegen.encode_documents([]).shape == (0, onegen.dim)
    vectors = onegen.encode_documents(["a", "b"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_progress_counts_every_text_once(onegens: "Mapping[str, OneGen]") -> None:
    done: list[int] = []
    onegens["llama"].encode_documents(["a", "b", "c", "d", "e"], batch_size=2, progress=done.append)
    assert done == [2, 2, 1]


def test_a_query_is_the_vector_of_a_text_that_is_all_mention(onegen: "OneGen") -> None:
    texts = ["Paris", "", "the capital of France"]
    vectors = onegen.encode_queries(texts)
    assert vectors.shape == (3, onegen.dim)
    assert not vectors[1].any()
    for row in (0, 2):
        alone = onegen.disambiguate(texts[row], [(0, len(texts[row]))])
        np.testing.assert_allclose(vectors[row], alone[0], atol=2e-5)


def test_a_draft_head_is_saved_and_loaded_with_its_model(fresh: "Callable[..., OneGen]", tmp_path: Path) -> None:
    from elinker.onegen.draft_head import DRAFT_HEAD_FILE, DraftHead

    onegen = fresh("bert")
    assert onegen.draft_head is None
    onegen.draft_head = DraftHead(onegen.dim)
    onegen.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.draft_head is not None
    torch.testing.assert_close(
        again.draft_head.first.weight, onegen.draft_head.first.weight.bfloat16().float(), rtol=0, atol=0
    )
    assert again.fingerprint == onegen.fingerprint
    (tmp_path / DRAFT_HEAD_FILE).write_bytes(b"damaged")
    with pytest.raises(ModelError, match=DRAFT_HEAD_FILE):
        load(tmp_path)


@pytest.fixture
def mixed(onegens: "Mapping[str, OneGen]") -> "Iterator[OneGen]":
    """A model that multiplies in bf16. Random weights leave many choices close: bf16 alone decides some otherwise."""
    onegens["bert"].mixed = True
    yield onegens["bert"]
    onegens["bert"].mixed = False


def windows(onegen: "OneGen") -> "list[Source]":
    return [onegen.source(TEXT[start:]).slice(0, onegen.layout.window) for start in range(0, 40, 2)]


def test_where_rounding_could_decide_a_choice_float32_does(mixed: "OneGen", monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = mixed.mark(windows(mixed))
    monkeypatch.setattr("elinker.onegen.model._ROUNDING", float("inf"))
    decided = mixed.mark(windows(mixed))
    mixed.mixed = False
    exact = mixed.mark(windows(mixed))
    for marking, wanted in zip(decided, exact, strict=True):
        assert marking.mentions == wanted.mentions
        np.testing.assert_allclose(marking.vectors, wanted.vectors, atol=1e-5)
    assert any(marking.margin != wanted.margin for marking, wanted in zip(rounded, exact, strict=True))


def test_that_holds_where_the_caller_multiplies_in_bf16_too(mixed: "OneGen", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elinker.onegen.model._ROUNDING", float("inf"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        decided = mixed.mark(windows(mixed))
    mixed.mixed = False
    for marking, wanted in zip(decided, mixed.mark(windows(mixed)), strict=True):
        assert marking.mentions == wanted.mentions
        np.testing.assert_allclose(marking.vectors, wanted.vectors, atol=1e-5)


def test_rounding_does_not_depend_on_what_a_text_is_read_with(mixed: "OneGen") -> None:
    together = mixed.mark(windows(mixed))
    for source, marking in zip(windows(mixed), together, strict=True):
        alone = mixed.mark([source])[0]
        assert alone.mentions == marking.mentions
        np.testing.assert_allclose(alone.vectors, marking.vectors, atol=1e-5)
