"""spaCy's own entity linker over a base whose vectors are one axis an entity, so that what it learns is easy to see."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Span
from spacy.training import Example

from elinker.errors import KnowledgeBaseError
from elinker.kb import KnowledgeBase, add, build
from elinker.schema import Entity
from elinker.spacy_kb import OneGenKnowledgeBase, make_knowledge_base

ENTITIES = (
    Entity("Q312", "Apple", ("Apple Inc.",), "maker of computers"),
    Entity("Q89", "apple", (), "fruit"),
    Entity("Q19837", "Steve Jobs", ("Jobs",), "co-founder of Apple"),
)


class AxisEncoder:
    """Gives the n-th text it sees the n-th axis."""

    fingerprint = "0" * 64
    dim = 8

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def entity_text(self, entity: Entity) -> str:
        return f"{entity.label}: {entity.description}"

    def encode_documents(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        axes = [self.seen.setdefault(text, len(self.seen)) for text in texts]
        return np.eye(self.dim, dtype=np.float32)[axes]


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return build(ENTITIES, AxisEncoder(), tmp_path / "base")


@pytest.fixture
def nlp() -> Language:
    language = spacy.blank("en")
    language.add_pipe("sentencizer")
    return language


@pytest.fixture
def kb(nlp: Language, base: KnowledgeBase) -> OneGenKnowledgeBase:
    return OneGenKnowledgeBase(nlp.vocab, base)


def span(nlp: Language, text: str, start: int, end: int) -> Span:
    return nlp.make_doc(text)[start:end]


def test_candidates_are_the_bearers_of_the_name_with_equal_priors(nlp: Language, kb: OneGenKnowledgeBase) -> None:
    found = kb.get_candidates(span(nlp, "I like APPLE a lot", 2, 3))
    assert [candidate.entity_ for candidate in found] == ["Q312", "Q89"]
    assert [candidate.alias_ for candidate in found] == ["APPLE", "APPLE"]
    assert [candidate.prior_prob for candidate in found] == [0.5, 0.5]
    assert list(found[1].entity_vector) == kb.get_vector("Q89")


def test_candidates_of_many_spans_come_in_their_order(nlp: Language, kb: OneGenKnowledgeBase) -> None:
    spans = [span(nlp, "Jobs met nobody", 0, 1), span(nlp, "Jobs met nobody", 2, 3)]
    assert [[found.entity_ for found in each] for each in kb.get_candidates_batch(spans)] == [["Q19837"], []]


def test_an_unknown_id_has_a_vector_of_zeros(kb: OneGenKnowledgeBase) -> None:
    assert kb.get_vector_length() == kb.entity_vector_length == 8
    assert kb.get_vectors(["Q404", "Q89"]) == [[0.0] * 8, kb.get_vector("Q89")]


def test_the_ids_of_the_base_are_its_entity_strings(kb: OneGenKnowledgeBase) -> None:
    assert kb.get_entity_strings() == ["Q312", "Q89", "Q19837"]
    assert kb.contains_entity("Q89")
    assert not kb.contains_entity("Q404")


def test_a_base_goes_through_disk_whole(nlp: Language, kb: OneGenKnowledgeBase, tmp_path: Path) -> None:
    kb.to_disk(tmp_path / "copy")
    again = OneGenKnowledgeBase(nlp.vocab).from_disk(tmp_path / "copy")
    assert again.get_vector_length() == 8
    assert list(again.base.entities()) == list(ENTITIES)
    again.to_disk(tmp_path / "copy")
    assert len(OneGenKnowledgeBase(nlp.vocab).from_disk(tmp_path / "copy")) == 3


def test_bytes_refer_to_the_base_where_it_lies(nlp: Language, kb: OneGenKnowledgeBase) -> None:
    again = OneGenKnowledgeBase(nlp.vocab).from_bytes(kb.to_bytes())
    assert again.get_vector("Q89") == kb.get_vector("Q89")


def test_bytes_of_a_base_that_changed_since_are_refused(
    nlp: Language, kb: OneGenKnowledgeBase, base: KnowledgeBase
) -> None:
    reference = kb.to_bytes()
    add(base, [Entity("Q1", "universe")], AxisEncoder())
    with pytest.raises(KnowledgeBaseError, match="has changed"):
        OneGenKnowledgeBase(nlp.vocab).from_bytes(reference)


def test_an_empty_base_says_how_to_fill_it(nlp: Language) -> None:
    empty = OneGenKnowledgeBase(nlp.vocab)
    assert empty.is_empty()
    with pytest.raises(KnowledgeBaseError, match="from_disk or set_kb"):
        empty.get_entity_strings()


def test_the_loader_is_registered_for_spacy_configs(nlp: Language, base: KnowledgeBase) -> None:
    loader = spacy.registry.misc.get("elinker.OneGenKnowledgeBase.v1")(str(base.path))
    assert loader(nlp.vocab).get_entity_strings() == ["Q312", "Q89", "Q19837"]


TEXTS = {
    "Apple sells computers in shops.": "Q312",
    "Apple presents new phones today.": "Q312",
    "Apple pie is sweet to eat.": "Q89",
    "Apple juice tastes of summer.": "Q89",
}


CONFIG = {
    "generate_empty_kb": {"@misc": "elinker.EmptyOneGenKnowledgeBase.v1"},
    "incl_prior": False,
    "entity_vector_length": 8,
}


def train(nlp: Language, base: KnowledgeBase) -> Language:
    sample = [
        Example.from_dict(nlp(text), {"entities": [(0, 5, "X")], "links": {(0, 5): {entity_id: 1.0}}})
        for text, entity_id in TEXTS.items()
    ]
    ruler = nlp.add_pipe("entity_ruler")
    linker = nlp.add_pipe("entity_linker", config=CONFIG)
    linker.set_kb(make_knowledge_base(base.path))
    spacy.util.fix_random_seed(0)
    optimizer = nlp.initialize(lambda: sample)
    ruler.add_patterns([{"label": "X", "pattern": "Apple"}])
    with nlp.select_pipes(enable="entity_linker"):
        for _ in range(25):
            nlp.update(sample, sgd=optimizer)
    return nlp


def linked(nlp: Language) -> list[str]:
    return [nlp(text).ents[0].kb_id_ for text in TEXTS]


def test_spacys_entity_linker_learns_with_the_base_and_survives_disk(
    nlp: Language, base: KnowledgeBase, tmp_path: Path
) -> None:
    trained = train(nlp, base)
    assert linked(trained) == list(TEXTS.values())
    trained.to_disk(tmp_path / "pipeline")
    assert linked(spacy.load(tmp_path / "pipeline")) == list(TEXTS.values())
