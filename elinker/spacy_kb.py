"""A base as a spaCy `KnowledgeBase`, so that spaCy's own `entity_linker` and other components can use it.

Candidates come from names, not from vectors of the text: that is what spaCy's interface offers. The OneGen linker is
`elinker.component`.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from spacy import registry
from spacy.kb import Candidate
from spacy.kb import KnowledgeBase as SpacyKnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from elinker.errors import KnowledgeBaseError
from elinker.kb.base import KnowledgeBase


class OneGenKnowledgeBase(SpacyKnowledgeBase):  # type: ignore[misc]
    """spaCy's view of an opened base. Without one it is empty, to be filled by `from_disk` or `from_bytes`.

    In a config, `[initialize.components.entity_linker.kb_loader]` takes
    `@misc = "elinker.OneGenKnowledgeBase.v1"` with `path`, and `[components.entity_linker.generate_empty_kb]` takes
    `@misc = "elinker.EmptyOneGenKnowledgeBase.v1"`, so that a saved pipeline loads again.
    """

    def __init__(self, vocab: Vocab, base: KnowledgeBase | None = None, *, entity_vector_length: int = 0) -> None:
        super().__init__(vocab, base.dim if base is not None else entity_vector_length)
        self._base = base

    @property
    def base(self) -> KnowledgeBase:
        """The opened base.

        Raises:
            KnowledgeBaseError: there is none yet.
        """
        if self._base is None:
            raise KnowledgeBaseError("the knowledge base is empty", hint="load one with from_disk or set_kb")
        return self._base

    def is_empty(self) -> bool:
        """Whether no base was loaded yet; spaCy asks before it initialises or predicts."""
        return self._base is None

    def __len__(self) -> int:
        return 0 if self._base is None else len(self._base)

    def get_size_entities(self) -> int:
        """How many entities there are."""
        return len(self)

    def get_entity_strings(self) -> list[str]:
        """All ids, in order of rows."""
        return list(self.base.table.ids())

    def contains_entity(self, entity: str) -> bool:
        """Whether an id is in the base."""
        return self.base.find(entity) is not None

    def get_candidates(self, mention: Span) -> list[Candidate]:
        """The entities that bear the mention's text as label or alias, each with the same prior probability."""
        return self.get_alias_candidates(mention.text)

    def get_candidates_batch(self, mentions: Iterable[Span]) -> list[list[Candidate]]:
        """`get_candidates` of each mention."""
        return [self.get_candidates(mention) for mention in mentions]

    def get_alias_candidates(self, alias: str) -> list[Candidate]:
        """The entities that bear a name, in order of rows, each with the same prior probability."""
        base = self.base
        rows = base.rows_named(alias)
        strings = self.vocab.strings
        return [
            Candidate(
                kb=self,
                entity_hash=strings.add(base.table.id(row)),
                entity_freq=1.0,
                entity_vector=vector,
                alias_hash=strings.add(alias),
                prior_prob=1.0 / len(rows),
            )
            for row, vector in zip(rows, base.vectors(rows).tolist(), strict=True)
        ]

    def get_vector(self, entity: str) -> list[float]:
        """The vector of an id; zeros for an unknown one, as spaCy's own base does."""
        row = self.base.find(entity)
        if row is None:
            return [0.0] * self.get_vector_length()
        vector: list[float] = self.base.vectors([row])[0].tolist()
        return vector

    def get_vectors(self, entities: Iterable[str]) -> list[list[float]]:
        """`get_vector` of each id."""
        return [self.get_vector(entity) for entity in entities]

    def get_vector_length(self) -> int:
        """Length of an entity's vector."""
        return int(self.entity_vector_length)

    def to_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> None:
        """Copy the base's files into a directory; `exclude` names none of its parts, they belong together."""
        self.base.save(path)

    def from_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> "OneGenKnowledgeBase":
        """Open a base directory in place; spaCy's vocabulary stays as it is.

        Raises:
            KnowledgeBaseError: the directory is not a usable base.
        """
        return self._show(KnowledgeBase.open(path))

    def to_bytes(self, **_: object) -> bytes:
        """Where the base lies, and its manifest: a base may be larger than memory, so it does not travel itself."""
        manifest = self.base.manifest.model_dump(mode="json")
        return json.dumps({"path": str(self.base.path.resolve()), "manifest": manifest}).encode()

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "OneGenKnowledgeBase":
        """Open the base that `to_bytes` referred to.

        Raises:
            KnowledgeBaseError: it is not there any more, or it is another one by now.
        """
        try:
            reference = json.loads(bytes_data)
            path, expected = Path(reference["path"]), reference["manifest"]
        except (ValueError, KeyError, TypeError):
            raise KnowledgeBaseError("the bytes are not a reference to a knowledge base") from None
        base = KnowledgeBase.open(path)
        if base.manifest.model_dump(mode="json") != expected:
            raise KnowledgeBaseError(
                f"the base {path} has changed since it was referred to", hint="save it with to_disk"
            )
        return self._show(base)

    def _show(self, base: KnowledgeBase) -> "OneGenKnowledgeBase":
        # spaCy's vector length can only be set by its initialiser
        super().__init__(self.vocab, base.dim)
        self._base = base
        return self


@registry.misc("elinker.OneGenKnowledgeBase.v1")  # type: ignore[untyped-decorator]
def make_knowledge_base(path: str | Path) -> Callable[[Vocab], OneGenKnowledgeBase]:
    """A loader for `EntityLinker.set_kb` and `kb_loader` in a config: opens the base at `path`."""
    return lambda vocab: OneGenKnowledgeBase(vocab, KnowledgeBase.open(path))


@registry.misc("elinker.EmptyOneGenKnowledgeBase.v1")  # type: ignore[untyped-decorator]
def make_empty_knowledge_base() -> Callable[[Vocab, int], OneGenKnowledgeBase]:
    """For `generate_empty_kb` in a config: a base that is loaded with the pipeline."""
    return lambda vocab, entity_vector_length: OneGenKnowledgeBase(vocab, entity_vector_length=entity_vector_length)
