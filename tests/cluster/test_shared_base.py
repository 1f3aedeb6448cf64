"""Workers of one machine share one copy of a base: its files are mapped into memory, and none writes to them."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker import Entity
from elinker.kb import build

ENTITIES = [Entity(f"Q{number}", f"name {number}", (), f"the number {number}") for number in range(300)]


def mapped(directory: Path) -> dict[str, int]:
    """The files of a directory that are mapped into this process, with the kilobytes of each that it changed."""
    found: dict[str, int] = {}
    name = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            path = Path(line.split(maxsplit=5)[-1])
            name = path.name if path.parent == directory else ""
        elif name and line.startswith(("Private_Dirty:", "Shared_Dirty:")):
            found[name] = found.get(name, 0) + int(line.split()[1])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is mapped")
@pytest.mark.parametrize(("index", "vectors"), [("flat", "index.faiss"), ("IVF2,SQ8", "vectors.npy")])
def test_an_opened_base_is_mapped_and_never_changed(
    index: str, vectors: str, load_model: Callable[[], Any], tmp_path: Path
) -> None:
    base = build(ENTITIES, load_model(), tmp_path / "base", index=index)
    base.search(base.vectors([0, 7]), 5)
    assert base.find("Q7") == 7
    found = mapped(tmp_path / "base")
    assert {vectors, "entities.arrow"} <= found.keys()
    assert set(found.values()) == {0}
