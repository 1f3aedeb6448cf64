"""The published file: tensors as the reference code writes them, joined to its documents, made a base."""

import contextlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elinker.errors import InputError, KnowledgeBaseError, UsageError
from elinker.kb.importers.embeddings import read_embeddings
from elinker.kb.importers.onegen_base import build_from_vectors, join
from elinker.kb.importers.onegen_documents import document_reader
from elinker.kb.importers.source import Source
from elinker.onegen.presets import PRESETS
from elinker.schema import Entity

LABELS = ["Q19837", "Q312", "Q89"]
TEMPLATE = PRESETS["onegen-llama2-el"].settings.document.template
FACTS = {
    "Q19837": ("Steve Jobs", "human", "co-founder of Apple"),
    "Q312": ("Apple (company)", "business, enterprise", 'maker of "computers" and phones'),
    "Q89": ("apple", "fruit", ""),
}


def tensor(dtype: str = "float16", rows: int = 3, dim: int = 64) -> Any:
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, dim, generator=generator).to(getattr(torch, dtype))


def dump(path: Path, value: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def document(identifier: str) -> dict[str, Any]:
    label, types, description = FACTS[identifier]
    user, assistant = TEMPLATE.removeprefix("<s>").split("The description", 1)
    text = ("The description" + assistant).format(label=label, types=types, description=description)
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": text}]
    return {"uid": identifier, "messages": messages}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """The documents, in another order than the labels, with one more."""
    path = tmp_path / "db.jsonl"
    more = {"uid": "Q1", "messages": [{"role": "user", "content": "of another form"}]}
    path.write_text("".join(json.dumps(row) + "\n" for row in [more, *map(document, reversed(LABELS))]))
    return path


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_vectors_are_read_as_torch_wrote_them(tmp_path: Path, dtype: str, protocol: int) -> None:
    import torch

    value = tensor(dtype)
    found = read_embeddings(dump(tmp_path / "e.pkl", (value, LABELS), protocol))
    expected = torch.nn.functional.normalize(value.double(), dim=1).numpy()
    assert (found.labels, found.dim) == (LABELS, 64)
    np.testing.assert_allclose(found.rows(0, 3), expected, atol=1e-7)
    np.testing.assert_allclose(found.rows(1, 2), expected[1:2], atol=1e-7)


def test_a_file_saved_on_a_gpu_is_read_without_one(tmp_path: Path) -> None:
    data = pickle.dumps((tensor(), LABELS))
    on_gpu = data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    assert on_gpu != data
    # the byte string around the storage is longer by three
    length = data.index(b"B", data.index(b"_load_from_bytes")) + 1
    stated = int.from_bytes(data[length : length + 4], "little")
    on_gpu = on_gpu[:length] + (stated + 3).to_bytes(4, "little") + on_gpu[length + 4 :]
    (tmp_path / "e.pkl").write_bytes(on_gpu)
    expected = read_embeddings(dump(tmp_path / "cpu.pkl", (tensor(), LABELS)))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "e.pkl").rows(0, 3), expected.rows(0, 3))


def test_a_part_of_a_larger_tensor_is_read_by_offset_and_stride(tmp_path: Path) -> None:
    whole = tensor("float32", rows=8, dim=10)
    found = read_embeddings(dump(tmp_path / "e.pkl", (whole[2:8:2, 3:7], LABELS)))
    expected = whole[2:8:2, 3:7].numpy()
    np.testing.assert_allclose(found.rows(0, 3), expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: (tensor(rows=2), LABELS), "2 vectors and 3 labels"),
        (lambda: (tensor(), ["Q1", "Q1", "Q2"]), "'Q1' occurs more than once"),
        (lambda: (tensor(), ["Q1", 2, "Q3"]), "not a list of strings"),
        (lambda: (tensor()[0], LABELS), "not a tensor of two dimensions"),
        (lambda: (LABELS, tensor()), "not a tensor of two dimensions"),
        (lambda: tensor(), "does not hold"),
        (lambda: (tensor("float16").long(), LABELS), "the name 'torch.LongStorage'"),
        (lambda: (tensor().numpy(), LABELS), "the name 'numpy"),
    ],
)
def test_other_contents_are_one_clear_error(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_embeddings(dump(tmp_path / "e.pkl", value()))


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_a_vector_without_direction_is_named(tmp_path: Path, bad: float) -> None:
    value = tensor("float32")
    value[1] = bad
    with pytest.raises(InputError, match=r"row 1 \(Q312\) is zero or not finite"):
        read_embeddings(dump(tmp_path / "e.pkl", (value, LABELS))).rows(0, 3)


def test_a_file_cut_or_changed_anywhere_is_an_error_or_other_numbers(tmp_path: Path) -> None:
    data = pickle.dumps((tensor(dim=4), LABELS))
    for place in range(len(data)):
        for changed in (data[:place], data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]):
            (tmp_path / "e.pkl").write_bytes(changed)
            with contextlib.suppress(InputError):
                assert read_embeddings(tmp_path / "e.pkl").numbers.shape[0] == 3


def test_code_inside_the_storage_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'flag'}",)

    inner = pickle.dumps(Attack(), 2)

    class Storage:
        def __reduce__(self) -> Any:
            import torch

            return torch.storage._load_from_bytes, (inner,)

    class Tensor:
        def __reduce__(self) -> Any:
            import torch

            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (3, 64), (64, 1), False, {})

    with pytest.raises(InputError, match="in it"):
        read_embeddings(dump(tmp_path / "e.pkl", (Tensor(), LABELS)))
    assert not (tmp_path / "flag").exists()


def test_a_tensor_that_claims_more_than_its_storage_holds_is_refused(tmp_path: Path) -> None:
    value = tensor("float32", dim=4)

    class Tensor:
        def __reduce__(self) -> Any:
            import torch

            return torch._utils._rebuild_tensor_v2, (value._typed_storage(), 0, (3, 1 << 40), (1 << 40, 1), False, {})

    with pytest.raises(InputError, match="reaches beyond its numbers"):
        read_embeddings(dump(tmp_path / "e.pkl", (Tensor(), LABELS)))


def test_an_archive_of_torch_save_and_an_empty_file_are_told_apart(tmp_path: Path) -> None:
    import torch

    torch.save((tensor(), LABELS), tmp_path / "e.pt")
    with pytest.raises(InputError, match=r"an archive of torch\.save"):
        read_embeddings(tmp_path / "e.pt")
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputError, match="is empty"):
        read_embeddings(tmp_path / "empty.pkl")
    with pytest.raises(UsageError):
        read_embeddings(tmp_path / "missing.pkl")


def test_documents_are_taken_apart_by_the_models_template() -> None:
    read = document_reader(TEMPLATE, "<s>")
    assert [read(json.dumps(document(identifier)).encode()) for identifier in LABELS] == [
        Entity("Q19837", "Steve Jobs", (), "co-founder of Apple", ("human",)),
        Entity("Q312", "Apple (company)", (), 'maker of "computers" and phones', ("business", "enterprise")),
        Entity("Q89", "apple", (), "", ("fruit",)),
    ]


def test_a_template_with_aliases_is_turned_back_too() -> None:
    read = document_reader("{label}{aliases}. {description}[SE]")
    for text, entity in {
        "Apple (AAPL, the company). maker[SE]": Entity("Q312", "Apple", ("AAPL", "the company"), "maker"),
        "Apple. maker[SE]": Entity("Q312", "Apple", (), "maker"),
    }.items():
        assert read(json.dumps({"uid": "Q312", "messages": [{"content": text}]}).encode()) == entity


def test_a_document_of_another_form_keeps_its_id_as_label() -> None:
    line = json.dumps({"uid": "Q1", "messages": [{"content": "Describe."}, {"content": "It is all."}]}).encode()
    assert document_reader(TEMPLATE, "<s>")(line) == Entity("Q1", "Q1", (), "It is all.")


def test_entities_in_our_own_form_are_read_too() -> None:
    assert document_reader(TEMPLATE)(b'{"id": "Q1", "label": "universe"}') == Entity("Q1", "universe")


def test_the_base_has_the_vectors_in_their_order_with_the_entities_of_the_documents(
    tmp_path: Path, db: Path, encoder: Any
) -> None:
    embeddings = read_embeddings(dump(tmp_path / "e.pkl", (tensor(), LABELS)))
    entities = join(embeddings, Source(db), document_reader(TEMPLATE, "<s>"))
    base = build_from_vectors(embeddings, entities, encoder, tmp_path / "base")
    assert [entity.id for entity in base.entities()] == LABELS
    assert base.entity(1).label == "Apple (company)"
    assert base.manifest.fingerprint == encoder.fingerprint
    assert encoder.encoded == []
    np.testing.assert_allclose(base.vectors([0, 1, 2]), embeddings.rows(0, 3), atol=1e-6)


def test_vectors_of_another_width_than_the_models_are_refused(tmp_path: Path, db: Path, encoder: Any) -> None:
    embeddings = read_embeddings(dump(tmp_path / "e.pkl", (tensor(dim=8), LABELS)))
    with pytest.raises(KnowledgeBaseError, match="the vectors have 8 dimensions, those of the model have 64"):
        build_from_vectors(embeddings, [], encoder, tmp_path / "base")


def test_entities_that_the_documents_lack_are_listed(tmp_path: Path, db: Path) -> None:
    embeddings = read_embeddings(dump(tmp_path / "e.pkl", (tensor(), ["Q19837", "Q7", "Q8"])))
    with pytest.raises(InputError, match="lacks 2 of the 3 entities that have vectors: Q7, Q8"):
        join(embeddings, Source(db), document_reader(TEMPLATE, "<s>"))


def test_a_limit_takes_the_first_rows(tmp_path: Path, db: Path) -> None:
    embeddings = read_embeddings(dump(tmp_path / "e.pkl", (tensor(), LABELS))).head(2)
    assert [entity.id for entity in join(embeddings, Source(db), document_reader(TEMPLATE, "<s>"))] == LABELS[:2]
