"""Several processes train what one does: parts of lists, and a whole training in two processes with gloo."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from elinker.training.ranks import Ranks
from elinker.training.trainer import Trainer


@given(st.lists(st.integers(0, 99), min_size=1, max_size=30), st.integers(1, 5))
def test_parts_are_of_one_size_and_come_together_in_the_order_of_the_list(items: list[int], size: int) -> None:
    parts = [Ranks(rank, size).own_padded(items) for rank in range(size)]
    assert {len(part) for part in parts} == {-(-len(items) // size)}
    woven = torch.stack([torch.tensor(part) for part in parts], dim=1).flatten().tolist()  # as `gather` does
    assert woven[: len(items)] == items


@given(st.lists(st.integers(), max_size=30), st.integers(1, 5))
def test_every_item_is_the_part_of_one_process(items: list[int], size: int) -> None:
    parts = [Ranks(rank, size).own(items) for rank in range(size)]
    assert sorted(item for part in parts for item in part) == sorted(items)


def torchrun(config: Path, processes: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
    address = ["--master_addr=127.0.0.1", f"--master_port={port}"]
    done = subprocess.run(
        [*command, *address, "-m", "elinker", "train", str(config)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_two_processes_have_the_losses_and_end_in_the_weights_of_one(
    values: dict[str, Any], start: Callable[..., Trainer], tmp_path: Path
) -> None:
    """A batch of one text, which leaves a process without any, is among the batches; so are bank and NIL."""
    values["training"] |= {"batch_tokens": 250, "gradient_accumulation": 2, "learning_rate": 4e-3}
    values["data"]["heldout"] = 0.0
    values["loss"] |= {"document_chunk": 2, "hard_negatives": 2}
    expected: list[dict[str, Any]] = []
    one = start(output=str(tmp_path / "one"), report=lambda step: expected.append(json.loads(step.to_json())))
    one.run()

    values["output"] = str(tmp_path / "two")
    (tmp_path / "two.toml").write_text(as_toml(values), encoding="utf-8")
    torchrun(tmp_path / "two.toml", 2)
    found = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == [pytest.approx(step, rel=1e-4) for step in expected]

    single, double = (load_file(tmp_path / run / "checkpoint-4" / "model.safetensors") for run in ("one", "two"))
    assert single.keys() == double.keys()
    for key, weight in single.items():
        torch.testing.assert_close(double[key], weight, rtol=1e-3, atol=2e-5)


def as_toml(values: dict[str, Any]) -> str:
    """The values as TOML; JSON's scalars and arrays of scalars are TOML's."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *_table(name, table)]
    return "\n".join(lines)


def _table(name: str, table: dict[str, Any]) -> list[str]:
    nested = {key: value for key, value in table.items() if isinstance(value, dict) or _is_tables(value)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if key not in nested]
    for key, value in nested.items():
        mark = f"[[{name}.{key}]]" if _is_tables(value) else f"[{name}.{key}]"
        for one in value if isinstance(value, list) else [value]:
            lines += ["", mark, *_table(f"{name}.{key}", one)]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
