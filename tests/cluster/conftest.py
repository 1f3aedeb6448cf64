"""One Ray on this machine for all tests, and what its workers load: light things that are pickled with the tests."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from elinker.cluster import session
from elinker.cluster.session import ClusterSettings, connected


@pytest.fixture(scope="session")
def ray_here() -> Iterator[Any]:
    """Ray with a small object store; the commands and engines of the tests find it running.

    Two workers stay while the tests of a file last, a third one comes and goes.
    """
    ray = pytest.importorskip("ray", reason="ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "OBJECT_STORE", 80 * 2**20)
        with connected(ClusterSettings(workers=3)):
            yield ray


@pytest.fixture(scope="session")
def load_linker() -> Callable[[], Any]:
    """Loads a linker of capital letters, in a worker as well as here.

    Texts tell it what to do: `poison` is refused, `crash` is a mistake of the linker, `damaged` one of the base;
    `die once PATH` kills the process unless PATH is there, `die` always does.
    """

    def load() -> Any:
        import re
        from dataclasses import replace
        from pathlib import Path

        from elinker import Candidate, Mention
        from elinker.errors import InputError, KnowledgeBaseError

        class Capitals:
            identity = {"model": "capitals"}
            tokens_seen = 0

            def pipe(self, texts: Any, *, mentions: str = "onegen", keep_nil: bool = False) -> Any:
                for document in texts:
                    obey(document.text)
                    self.tokens_seen += len(document.text.split())
                    found = re.finditer(r"[A-Z]\w+", document.text)
                    yield replace(document, mentions=tuple(link(m) for m in found if keep_nil or m[0] != "Nobody"))

        def link(match: Any) -> Any:
            start, end, name = match.start(), match.end(), match[0]
            if name == "Nobody":
                return Mention(start, end, name, score=0.1)
            return Mention(start, end, name, f"Q{name}", name, 0.9, (Candidate(f"Q{name}", name, 0.8),))

        def obey(text: str) -> None:
            if "poison" in text:
                raise InputError("the text is poisoned")
            if "crash" in text:
                raise IndexError("list index out of range")
            if "damaged" in text:
                raise KnowledgeBaseError("the base is damaged", hint="build it again")
            if text.startswith("die once "):
                mark = Path(text.removeprefix("die once "))
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            elif text == "die":
                os.kill(os.getpid(), signal.SIGKILL)

        return Capitals()

    return load


@pytest.fixture(scope="session")
def load_model() -> Callable[[], Any]:
    """Loads a model whose vectors of a batch depend on all texts of the batch."""

    def load() -> Any:
        import hashlib
        from operator import attrgetter
        from types import SimpleNamespace
        from typing import Any

        import numpy as np

        class Hashes:
            fingerprint = hashlib.sha256(b"hashes").hexdigest()
            dim = 16
            layout = SimpleNamespace(entity_text=attrgetter("description"))

            def entity_text(self, entity: Any) -> str:
                return str(self.layout.entity_text(entity))

            def encode_documents(self, texts: Any, *, batch_size: int = 64, progress: Any = None) -> Any:
                vectors = np.zeros((len(texts), self.dim), np.float32)
                for row, text in enumerate(texts):
                    batch = texts[row - row % batch_size :][:batch_size]
                    digest = hashlib.sha512("\0".join([text, *batch]).encode()).digest()
                    vectors[row] = np.frombuffer(digest[:16], np.uint8).astype(np.float32) - 127.5
                    if progress is not None:
                        progress(1)
                return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

        return Hashes()

    return load
