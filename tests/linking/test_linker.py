"""The linker over a real base that a tiny BERT made."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from elinker.errors import ConfigError, KnowledgeBaseError, ModelError, UsageError
from elinker.kb import KnowledgeBase, build
from elinker.linking.decision import Decision, Evidence
from elinker.schema import Document, Entity, Mention

if TYPE_CHECKING:
    from elinker.linking.linker import Linker
    from elinker.onegen.model import OneGen

TEXT = "After the death of Steve, the former CEO of Apple, his speech at Stanford was watched."
ENTITIES = (
    Entity("Q19837", "Steve Jobs", ("Jobs", "Steve"), "co-founder of Apple", ("person",)),
    Entity("Q312", "Apple", ("Apple Inc.",), "American maker of computers", ("organization",)),
    Entity("Q89", "apple", (), "fruit of the apple tree", ("food",)),
    Entity("Q127552", "Pixar", (), "animation studio", ("organization",)),
    Entity("Q1490", "東京", ("Tōkyō", "Tokyo"), "capital of Japan", ("place",)),
    Entity("Q41506", "Stanford", (), "university in California", ("organization",)),
)
ALWAYS = Decision(threshold=0.0)
NEVER = Decision(weights=(0.0, 0.0, 0.0, -30.0), threshold=1.0)


@pytest.fixture(scope="module")
def kb(onegens: "Mapping[str, OneGen]", tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return build(ENTITIES, onegens["bert"], tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def linker_with(onegens: "Mapping[str, OneGen]", kb: KnowledgeBase) -> "Callable[..., Linker]":
    """A linker with some settings replaced; it links every mention unless `decision` says otherwise."""
    from elinker.linking.linker import Linker, LinkerSettings

    return lambda **values: Linker(onegens["bert"], kb, LinkerSettings(**({"decision": ALWAYS} | values)))


@pytest.fixture
def linker(linker_with: "Callable[..., Linker]") -> "Linker":
    return linker_with()


def spans(document: Document) -> list[tuple[int, int]]:
    return [(mention.start, mention.end) for mention in document.mentions]


def given(text: str, *places: tuple[int, int], **fields: Any) -> Document:
    """A document with mentions at places."""
    return Document("d", text, tuple(Mention(start, end, text[start:end]) for start, end in places), **fields)


def assert_same(one: Document, other: Document) -> None:
    assert one.text == other.text
    assert [(m.start, m.end, m.entity_id, m.label) for m in one.mentions] == [
        (m.start, m.end, m.entity_id, m.label) for m in other.mentions
    ]
    for first, second in zip(one.mentions, other.mentions, strict=True):
        assert first.score == pytest.approx(second.score, abs=1e-3)
        assert [c.score for c in first.candidates] == pytest.approx([c.score for c in second.candidates], abs=1e-3)


def test_mentions_of_a_text_select_it_exactly_and_are_linked(linker: "Linker") -> None:
    document = linker(TEXT)
    assert document.text == TEXT
    assert document.mentions
    for mention in document.mentions:
        assert TEXT[mention.start : mention.end] == mention.text
        assert mention.entity_id == mention.candidates[0].entity_id
        assert mention.label == mention.candidates[0].label
        assert len(mention.candidates) == len(ENTITIES)


def test_what_the_linker_marks_is_what_the_model_marks(linker: "Linker", onegens: "Mapping[str, OneGen]") -> None:
    assert spans(linker(TEXT)) == onegens["bert"].detect([TEXT])[0]


def test_candidates_are_those_of_the_base_with_their_cosines(
    linker: "Linker", onegens: "Mapping[str, OneGen]", kb: KnowledgeBase
) -> None:
    (found,) = onegens["bert"].annotate([TEXT])
    vectors = np.stack([vector for _, _, vector in found])
    for mention, candidates in zip(linker(TEXT).mentions, kb.candidates(vectors, 10), strict=True):
        assert [c.entity_id for c in mention.candidates] == [c.entity_id for c in candidates]
        assert [c.score for c in mention.candidates] == pytest.approx([c.score for c in candidates], abs=1e-5)


def test_score_is_the_probability_of_the_first_candidate(linker: "Linker") -> None:
    for mention in linker(TEXT).mentions:
        cosines = [candidate.score for candidate in mention.candidates]
        names = {e.id: {name.lower() for name in e.names} for e in ENTITIES}
        named = [mention.text.lower() in names[candidate.entity_id] for candidate in mention.candidates]
        ranked = [Evidence(cosine, name) for cosine, name in zip(cosines, named, strict=True)]
        assert mention.score == pytest.approx(ALWAYS.probability(ranked))


def test_strings_get_numbers_as_ids_and_documents_keep_theirs(linker: "Linker") -> None:
    texts: list[str | Document] = ["Pixar", Document("x", "Apple", meta={"year": 1}), "", "Steve"]
    found = list(linker.pipe(texts))
    assert [document.id for document in found] == ["0", "x", "2", "3"]
    assert [document.text for document in found] == ["Pixar", "Apple", "", "Steve"]
    assert found[1].meta == {"year": 1}


def test_texts_are_read_lazily(linker_with: "Callable[..., Linker]") -> None:
    taken = []

    def texts() -> Any:
        for number in range(100):
            taken.append(number)
            yield "Pixar"

    next(iter(linker_with(batch_size=1).pipe(texts())))
    assert len(taken) < 20


def test_output_does_not_depend_on_the_batch_size(linker_with: "Callable[..., Linker]") -> None:
    texts = [TEXT, "", "Pixar", "Apple is in 東京. " * 20, "a"]
    wanted = list(linker_with(batch_size=1).pipe(texts))
    for size in (2, 64):
        for one, other in zip(linker_with(batch_size=size).pipe(texts), wanted, strict=True):
            assert_same(one, other)


def test_own_mentions_of_a_document_are_replaced_by_those_found(linker: "Linker") -> None:
    assert_same(linker(given(TEXT, (0, 5))), linker(TEXT))


def test_given_mentions_are_linked_where_they_are(linker: "Linker") -> None:
    document = linker(given(TEXT, (19, 24), (44, 49)), mentions="given")
    assert spans(document) == [(19, 24), (44, 49)]
    assert all(mention.entity_id is not None for mention in document.mentions)


def test_given_mentions_that_the_model_would_find_get_the_same_links(linker: "Linker") -> None:
    found = linker(TEXT)
    again = linker(given(TEXT, *spans(found)), mentions="given")
    assert_same(again, found)


def test_overlapping_nested_and_repeated_mentions_are_all_linked(linker: "Linker") -> None:
    places = [(15, 24), (19, 24), (19, 24), (19, 49), (30, 40)]
    document = linker(given(TEXT, *places), mentions="given")
    assert spans(document) == places
    assert all(mention.entity_id is not None for mention in document.mentions)
    assert document.mentions[1] == document.mentions[2]


def test_each_overlapping_mention_is_read_as_if_alone_in_its_layer(linker: "Linker") -> None:
    nested = linker(given(TEXT, (15, 24), (19, 24)), mentions="given")
    alone = linker(given(TEXT, (19, 24)), mentions="given")
    assert nested.mentions[1].candidates[0].score == pytest.approx(alone.mentions[0].candidates[0].score, abs=1e-4)


def test_a_mention_that_cuts_a_word_keeps_its_offsets(linker: "Linker") -> None:
    document = linker(given(TEXT, (20, 23)), mentions="given")
    assert spans(document) == [(20, 23)]
    assert document.mentions[0].text == "tev"
    assert document.mentions[0].entity_id is not None


def test_a_mention_without_tokens_stays_and_is_nil(linker: "Linker") -> None:
    text = "Steve \u200b Apple"
    document = linker(given(text, (0, 5), (6, 7), (8, 13)), mentions="given")
    assert spans(document) == [(0, 5), (6, 7), (8, 13)]
    assert document.mentions[1].entity_id is None
    assert document.mentions[1].candidates == ()
    assert document.mentions[0].entity_id is not None


def test_given_mentions_out_of_order_keep_their_order(linker: "Linker") -> None:
    assert spans(linker(given(TEXT, (44, 49), (19, 24)), mentions="given")) == [(44, 49), (19, 24)]


def test_more_given_mentions_than_fit_one_pass_are_all_linked(linker: "Linker") -> None:
    text = "a " * 100
    document = linker(given(text, *((place, place + 1) for place in range(0, 200, 2))), mentions="given")
    assert len(document.mentions) == 100
    assert all(mention.entity_id is not None for mention in document.mentions)


def test_a_document_without_mentions_has_none_to_link(linker: "Linker") -> None:
    assert linker(Document("d", TEXT), mentions="given").mentions == ()


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b\u200b"])
def test_a_text_with_nothing_in_it_has_no_mentions(linker: "Linker", text: str) -> None:
    assert linker(text).mentions == ()


def test_mentions_below_the_threshold_go_or_stay_as_nil(linker_with: "Callable[..., Linker]") -> None:
    linker = linker_with(decision=NEVER)
    assert linker(TEXT).mentions == ()
    nil = linker(TEXT, keep_nil=True)
    assert spans(nil) == spans(linker_with()(TEXT))
    assert all(mention.entity_id is None and mention.label is None for mention in nil.mentions)
    assert all(mention.candidates for mention in nil.mentions)


def test_given_mentions_stay_even_as_nil(linker_with: "Callable[..., Linker]") -> None:
    document = linker_with(decision=NEVER)(given(TEXT, (19, 24)), mentions="given")
    assert [mention.entity_id for mention in document.mentions] == [None]


def test_an_entity_that_bears_the_words_as_a_name_is_a_candidate_beyond_top_k(
    linker_with: "Callable[..., Linker]",
) -> None:
    decision = Decision(name_bonus=3.0, threshold=0.0)
    linker = linker_with(top_k=1, decision=decision)
    for place, identifier in (((19, 24), "Q19837"), ((65, 73), "Q41506")):
        (mention,) = linker(given(TEXT, place), mentions="given").mentions
        assert [candidate.entity_id for candidate in mention.candidates] == [identifier], mention.text
        assert -1 <= mention.candidates[0].score <= 1


def test_a_last_name_is_linked_as_the_full_name_before_it(linker_with: "Callable[..., Linker]") -> None:
    text = "Steve Jobs spoke. Jobs left."
    document = given(text, (0, 10), (18, 22))
    linker = linker_with(decision=Decision(recall_bonus=3.0, threshold=0.0), top_k=1)
    full, last = linker(document, mentions="given").mentions
    assert last.entity_id == full.entity_id


def test_no_more_candidates_than_top_k(linker_with: "Callable[..., Linker]") -> None:
    assert {len(mention.candidates) for mention in linker_with(top_k=2)(TEXT).mentions} == {2}


def test_a_long_text_is_linked_in_windows(linker: "Linker", onegens: "Mapping[str, OneGen]") -> None:
    sentence = "Steve met Apple at Stanford. "
    text = sentence * 60
    assert len(onegens["bert"].source(text)) > 5 * onegens["bert"].layout.window
    document = linker(text)
    last = 0
    for mention in document.mentions:
        assert last <= mention.start < mention.end
        assert text[mention.start : mention.end] == mention.text == mention.text.strip()
        last = mention.end
    parts = len(text) // 4
    for quarter in range(4):
        assert any(quarter * parts <= m.start < (quarter + 1) * parts for m in document.mentions)


def test_given_mentions_of_a_long_text_are_all_linked(linker: "Linker") -> None:
    text = "Steve met Apple at Stanford and then " * 60
    places = [(index, index + 5) for index in range(0, len(text), 37)]
    document = linker(given(text, *places), mentions="given")
    assert spans(document) == places
    assert all(mention.entity_id is not None for mention in document.mentions)


def test_tokens_are_counted(linker: "Linker", onegens: "Mapping[str, OneGen]") -> None:
    list(linker.pipe([TEXT, "Pixar"]))
    assert linker.tokens_seen == sum(len(onegens["bert"].source(text)) for text in (TEXT, "Pixar"))


def test_a_base_of_another_model_is_refused(fresh: "Callable[..., OneGen]", kb: KnowledgeBase) -> None:
    from elinker.linking.linker import Linker

    with pytest.raises(KnowledgeBaseError, match="was made by model"):
        Linker(fresh("bert", seed=9), kb)


def test_an_unknown_source_of_mentions_is_refused(linker: "Linker") -> None:
    with pytest.raises(UsageError, match="mentions='spacy'"):
        linker("text", mentions="spacy")  # type: ignore[arg-type]


def test_a_saved_linker_comes_back_with_the_same_output(linker: "Linker", tmp_path: Path) -> None:
    from elinker.linking.linker import Linker

    linker.save(tmp_path)
    again = Linker.load(tmp_path, device="cpu", dtype="float32")
    assert again.settings == linker.settings
    assert_same(again(TEXT), linker(TEXT))


def test_a_linker_is_found_inside_a_saved_pipeline(linker: "Linker", tmp_path: Path) -> None:
    from elinker.linking.linker import COMPONENT, Linker

    linker.save(tmp_path / COMPONENT)
    assert Linker.load(tmp_path, device="cpu").settings == linker.settings


def test_options_replace_what_is_stored(linker: "Linker", tmp_path: Path) -> None:
    from elinker.linking.linker import Linker

    linker.save(tmp_path)
    again = Linker.load(tmp_path, device="cpu", threshold=0.75, top_k=3, batch_size=5)
    assert (again.settings.decision.threshold, again.settings.top_k, again.settings.batch_size) == (0.75, 3, 5)
    assert again.settings.decision.weights == linker.settings.decision.weights


@pytest.mark.parametrize("option", [{"threshold": 2.0}, {"top_k": 0}, {"batch_size": -1}])
def test_a_wrong_option_is_named(linker: "Linker", tmp_path: Path, option: dict[str, Any]) -> None:
    from elinker.linking.linker import Linker

    linker.save_settings(tmp_path)
    with pytest.raises(ConfigError, match=next(iter(option))):
        Linker.load(tmp_path, **option)


def test_a_directory_without_linker_is_refused(tmp_path: Path) -> None:
    from elinker.linking.linker import Linker

    with pytest.raises(UsageError, match="holds no linker"):
        Linker.load(tmp_path)


def test_damaged_settings_are_refused(tmp_path: Path) -> None:
    from elinker.linking.linker import Linker

    (tmp_path / "linker.json").write_text('{"top": 3}')
    with pytest.raises(ModelError, match="top"):
        Linker.load(tmp_path)
