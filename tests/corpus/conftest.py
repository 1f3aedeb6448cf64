"""A small real linker with the interface of `elinker.Linker`, so that the corpus is tested without a model."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Literal

import pytest

from elinker import Candidate, Document, Mention
from elinker.corpus import FORMATS
from elinker.corpus.losses import Losses, losses_of
from elinker.errors import InputError

ENTITIES = {"Apple": "Q312", "London": "Q84", "Ada Lovelace": "Q7259"}


class DictionaryLinker:
    """Links the words of a dictionary, capitalised other words are NIL; a text with `poison` is refused.

    Like the real one it takes a batch of documents before it returns the first of them.
    """

    identity = {"dictionary": ENTITIES}

    def __init__(self, batch_size: int = 3) -> None:
        self.tokens_seen = 0
        self.taken = 0
        self._batch_size = batch_size
        self._pattern = re.compile("|".join([*ENTITIES, r"\b[A-Z]\w+"]))

    def pipe(
        self,
        texts: Iterable[str | Document],
        *,
        mentions: Literal["onegen", "given"] = "onegen",
        keep_nil: bool = False,
    ) -> Iterator[Document]:
        remaining = enumerate(texts)
        while batch := list(islice(remaining, self._batch_size)):
            documents = [Document(str(i), text) if isinstance(text, str) else text for i, text in batch]
            self.taken += len(documents)
            for document in documents:
                if "poison" in document.text:
                    raise InputError("the text is poisoned")
                if "crash" in document.text:
                    raise IndexError("list index out of range")
            for document in documents:
                self.tokens_seen += len(document.text.split())
                yield replace(document, mentions=tuple(self._mentions(document.text, keep_nil)))

    def _mentions(self, text: str, keep_nil: bool) -> Iterator[Mention]:
        for match in self._pattern.finditer(text):
            name = match[0]
            entity_id = ENTITIES.get(name)
            if entity_id is not None:
                candidates = (Candidate(entity_id, name, 0.9),)
                yield Mention(match.start(), match.end(), name, entity_id, name, 0.75, candidates)
            elif keep_nil:
                yield Mention(match.start(), match.end(), name, score=0.2)


@pytest.fixture
def linker() -> DictionaryLinker:
    return DictionaryLinker()


@pytest.fixture(scope="session")
def written() -> Callable[..., tuple[bytes, Losses]]:
    """`written(format, *documents)`: the bytes of a file, and what the format could not hold."""

    def write(name: str, *originals: Document) -> tuple[bytes, Losses]:
        form = FORMATS[name]
        assert form.write is not None
        stream = io.BytesIO()
        writer = form.write(stream)
        for document in originals:
            writer.write(document)
        writer.finish()
        return stream.getvalue(), losses_of(writer)

    return write
