"""`elinker` with the dictionary linker of the tests, which takes `SECONDS` (environment) for each document."""

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import elinker
from elinker.cli import main

spec = importlib.util.spec_from_file_location("linkers", Path(__file__).parents[1] / "conftest.py")
assert spec is not None and spec.loader is not None
linkers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(linkers)


class Slow(linkers.DictionaryLinker):  # type: ignore[misc, name-defined]
    def pipe(self, texts: Any, **options: Any) -> Iterator[elinker.Document]:
        for document in super().pipe(texts, **options):
            time.sleep(float(os.environ.get("SECONDS", "0.002")))
            yield document


elinker.load = lambda name, **options: Slow()  # type: ignore[assignment]
main()
