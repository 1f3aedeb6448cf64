"""The service over a tiny BERT and a real base, and linkers that fail or wait where a test needs it."""

import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from elinker.errors import InputError
from elinker.kb import KnowledgeBase, build
from elinker.linking.decision import Decision
from elinker.schema import Document, Entity

if TYPE_CHECKING:
    from fastapi import FastAPI

    from elinker.linking.linker import Linker
    from elinker.onegen.model import OneGen

ENTITIES = (
    Entity("Q19837", "Steve Jobs", ("Jobs", "Steve"), "co-founder of Apple", ("person",)),
    Entity("Q312", "Apple", ("Apple Inc.",), "American maker of computers", ("organization",)),
    Entity("Q89", "apple", (), "fruit of the apple tree", ("food",)),
    Entity("Q1490", "東京", ("Tōkyō", "Tokyo"), "capital of Japan", ("place",)),
    Entity("Q41506", "Stanford", (), "university in California", ("organization",)),
)

Asking = Callable[["FastAPI", Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(scope="session")
def kb(onegens: "Mapping[str, OneGen]", tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    directory = tmp_path_factory.mktemp("service") / "base"
    return build(ENTITIES, onegens["bert"], directory, url_template="https://www.wikidata.org/wiki/{id}")


@pytest.fixture(scope="session")
def linker(onegens: "Mapping[str, OneGen]", kb: KnowledgeBase) -> "Linker":
    """Links what lies near to anything; the rest is NIL."""
    from elinker.linking.linker import Linker, LinkerSettings

    return Linker(onegens["bert"], kb, LinkerSettings(top_k=3, decision=Decision(threshold=0.9)))


@pytest.fixture
def brittle(onegens: "Mapping[str, OneGen]", kb: KnowledgeBase) -> "Linker":
    """Refuses texts with `poison` and breaks down over those with `crash`, as a whole batch."""
    from elinker.linking.linker import Linker

    class Brittle(Linker):
        def pipe(self, texts: Iterable[str | Document], **options: Any) -> Iterator[Document]:
            documents = list(texts)
            for document in documents:
                assert isinstance(document, Document)
                if "poison" in document.text:
                    raise InputError("the text is poisoned")
                if "crash" in document.text:
                    raise IndexError("list index out of range")
            return super().pipe(documents, **options)

    return Brittle(onegens["bert"], kb)


class Halting:
    """A linker that waits before each batch until it is let; `entered` says that it waits."""

    def __init__(self, linker: "Linker") -> None:
        self._linker = linker
        self.kb, self.onegen, self.settings = linker.kb, linker.onegen, linker.settings
        self.tokens_seen = 0
        self.entered = threading.Event()
        self.linked: list[str] = []
        self._turns = threading.Semaphore(0)

    def let(self, batches: int = 1_000) -> None:
        """Have batches linked, those that come later included."""
        self._turns.release(batches)

    def pipe(self, texts: Iterable[Document], **options: Any) -> Iterator[Document]:
        documents = list(texts)
        if documents:
            self.entered.set()
            assert self._turns.acquire(timeout=30)
            self.linked += [document.text for document in documents]
        return self._linker.pipe(documents, **options)


@pytest.fixture
def halting(linker: "Linker") -> Iterator[Halting]:
    made = Halting(linker)
    yield made
    made.let()


@pytest.fixture
def app_with() -> "Callable[..., FastAPI]":
    """`app_with(linker, token=…, text_characters=…)`: an application, limits by their names."""
    from dataclasses import fields

    from elinker.service.app import create_app
    from elinker.service.limits import Limits

    names = {field.name for field in fields(Limits)}

    def make(linker: Any, **options: Any) -> "FastAPI":
        limits = Limits(**{name: value for name, value in options.items() if name in names})
        return create_app(
            linker, limits=limits, **{name: value for name, value in options.items() if name not in names}
        )

    return make
