"""Running a reader over lines, and samples in the formats of their projects, with invented and well-known facts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker.kb import EntityFile, Rejects
from elinker.kb.importers.conversion import Report, convert
from elinker.kb.importers.source import Source
from elinker.schema import Entity

Convert = Callable[..., tuple[list[Entity], Report]]


@pytest.fixture
def samples() -> Path:
    return Path(__file__).parent / "samples"


@pytest.fixture
def converted(tmp_path: Path) -> Convert:
    """Converts a file, and reads the result as `elinker kb build` would."""

    def run(path: Path, reader: Any, **options: Any) -> tuple[list[Entity], Report]:
        output = tmp_path / "converted.jsonl"
        with Rejects(tmp_path / "rejects.jsonl") as rejects:
            report = convert(Source(path), reader, output, rejects, **options)
        written = EntityFile(output)
        entities = list(written)
        assert written.rejected == 0
        return entities, report

    return run
