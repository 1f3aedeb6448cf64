"""The spaCy component, around a linker whose tiny model finds mentions at odd places: alignment has work to do."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin, Span
from spacy.training import Example

from elinker.errors import UsageError
from elinker.schema import Entity

if TYPE_CHECKING:
    from spacy.language import Language

    from elinker.linking.linker import Linker
    from elinker.onegen.model import OneGen

TEXTS = (
    "After the death of Steve, the former CEO of Apple, his speech at Stanford was watched.",
    "Paris is the capital of France. Dr. Smith works for Pixar in New York!",
    "Nothing here, 🙂 — or [LK]?\r\nAngela Merkel met Obama.",
    "",
)
ENTITIES = (
    Entity("Q19837", "Steve Jobs", ("Jobs", "Steve"), "co-founder of Apple", ("person",)),
    Entity("Q312", "Apple", ("Apple Inc.",), "American maker of computers", ("creative work",)),
    Entity("Q90", "Paris", (), "capital of France"),
)


@pytest.fixture(scope="module")
def linker(onegens: "Mapping[str, OneGen]", tmp_path_factory: pytest.TempPathFactory) -> "Linker":
    from elinker.kb import build
    from elinker.linking.decision import Decision
    from elinker.linking.linker import Linker, LinkerSettings

    base = build(ENTITIES, onegens["bert"], tmp_path_factory.mktemp("base") / "base")
    return Linker(onegens["bert"], base, LinkerSettings(decision=Decision(threshold=0.0)))


@pytest.fixture(scope="module")
def directory(linker: "Linker", tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("linker")
    linker.save(path)
    return path


@pytest.fixture
def pipeline(linker: "Linker") -> "Callable[..., Language]":
    """A blank English pipeline with the component configured as given."""

    def make(**config: Any) -> "Language":
        nlp = spacy.blank("en")
        nlp.add_pipe("onegen_linker", config=config).use(linker)
        return nlp

    return make


def links(doc: Any) -> list[tuple[str, int, int, str]]:
    return [(span.text, span.start, span.end, span.kb_id_) for span in doc.ents]


def test_mentions_become_entity_spans_with_ids(pipeline: "Callable[..., Language]", linker: "Linker") -> None:
    doc = pipeline()(TEXTS[0])
    assert doc.ents
    assert {span.kb_id_ for span in doc.ents} <= {entity.id for entity in ENTITIES}
    assert [m.text for m in doc._.mentions] == [m.text for m in linker(TEXTS[0]).mentions]


def test_labels_are_the_entities_types(pipeline: "Callable[..., Language]") -> None:
    labels = {"Q19837": "PERSON", "Q312": "CREATIVE_WORK", "Q90": "ENTITY"}
    spans = [span for doc in pipeline().pipe(TEXTS) for span in doc.ents]
    assert spans
    assert all(span.label_ == labels[span.kb_id_] for span in spans)


def test_candidates_and_score_are_those_of_the_mention(pipeline: "Callable[..., Language]") -> None:
    doc = pipeline(alignment_mode="strict")(TEXTS[0])
    mentions = {(mention.start, mention.end): mention for mention in doc._.mentions}
    assert doc.ents
    for span in doc.ents:
        mention = mentions[span.start_char, span.end_char]
        assert span._.candidates == mention.candidates
        assert span._.link_score == mention.score


def test_a_span_that_no_mention_made_has_no_candidates(pipeline: "Callable[..., Language]") -> None:
    doc = pipeline()(TEXTS[0])
    assert doc[0 : len(doc)]._.candidates == ()
    assert doc[0 : len(doc)]._.link_score is None


@pytest.mark.parametrize("mode", ["strict", "contract", "expand"])
def test_exact_offsets_stay_whatever_the_alignment(
    pipeline: "Callable[..., Language]", mode: str, linker: "Linker"
) -> None:
    for doc, text in zip(pipeline(alignment_mode=mode).pipe(TEXTS), TEXTS, strict=True):
        expected = [(m.start, m.end, m.text) for m in linker(text).mentions]
        assert [(m.start, m.end, m.text) for m in doc._.mentions] == expected


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_keeps_its_offsets(pipeline_once: "Language", text: str) -> None:
    doc = pipeline_once(text)
    assert doc.text == text
    assert all(text[m.start : m.end] == m.text for m in doc._.mentions)


@pytest.fixture(scope="module")
def pipeline_once(linker: "Linker") -> "Language":
    nlp = spacy.blank("en")
    nlp.add_pipe("onegen_linker").use(linker)
    return nlp


def test_pipe_gives_what_single_calls_give(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    assert [links(doc) for doc in nlp.pipe(TEXTS, batch_size=2)] == [links(nlp(text)) for text in TEXTS]


def test_two_processes_give_what_one_gives(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    one = list(nlp.pipe(TEXTS * 2))
    two = list(nlp.pipe(TEXTS * 2, n_process=2, batch_size=2))
    assert [links(doc) for doc in two] == [links(doc) for doc in one]
    assert [len(doc._.mentions) for doc in two] == [len(doc._.mentions) for doc in one]


def test_spans_of_an_upstream_component_are_linked_with_their_labels(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline(mentions="ents")
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "ORG", "pattern": "Apple"}, {"label": "PERSON", "pattern": "Steve"}])
    doc = nlp(TEXTS[0])
    assert [(span.text, span.label_) for span in doc.ents] == [("Steve", "PERSON"), ("Apple", "ORG")]
    assert all(span.kb_id_.startswith("Q") for span in doc.ents)
    assert [mention.text for mention in doc._.mentions] == ["Steve", "Apple"]


def test_upstream_spans_as_a_draft_save_passes_and_change_nothing(
    pipeline: "Callable[..., Language]", linker: "Linker", monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    read_rows = linker.onegen.backbone.read_rows
    monkeypatch.setattr(linker.onegen.backbone, "read_rows", lambda *given: passes.append(1) or read_rows(*given))
    plain = pipeline(keep_nil=True, alignment_mode="strict")(TEXTS[0])
    before = len(passes)
    nlp = pipeline(draft="ents", keep_nil=True)
    doc = nlp.make_doc(TEXTS[0])
    doc.ents = [Span(doc, span.start, span.end, label="ANY") for span in plain.ents]
    doc = nlp.get_pipe("onegen_linker")(doc)
    assert doc._.mentions == plain._.mentions
    assert len(passes) - before == 1 < before


def test_upstream_spans_that_no_mention_overlaps_stay(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "ANY", "pattern": [{"TEXT": {"REGEX": ".*"}}]}])
    plain = pipeline()(TEXTS[0])
    doc = nlp(TEXTS[0])
    assert [link for link in links(doc) if link[3]] == links(plain)
    covered = sum(span.end - span.start for span in plain.ents)
    assert sum(span.label_ == "ANY" for span in doc.ents) == len(doc) - covered > 0


def test_a_mention_that_is_not_linked_is_nil_or_gone(linker: "Linker") -> None:
    from elinker.linking.decision import Decision
    from elinker.linking.linker import Linker, LinkerSettings

    never = LinkerSettings(decision=Decision(weights=(0.0, 0.0, 0.0, -30.0), threshold=1.0))
    nlp = spacy.blank("en")
    component = nlp.add_pipe("onegen_linker", config={"keep_nil": True})
    component.use(Linker(linker.onegen, linker.kb, never))
    kept = nlp(TEXTS[0])
    component.keep_nil = False
    assert kept.ents
    assert {span.kb_id_ for span in kept.ents} == {"NIL"}
    assert nlp(TEXTS[0]).ents == ()


def test_the_config_alone_rebuilds_the_component(directory: Path, linker: "Linker") -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("onegen_linker", config={"pipeline": str(directory), "top_k": 2})
    again = spacy.blank("en").from_config(nlp.config)
    doc = again(TEXTS[0])
    assert [m.entity_id for m in doc._.mentions] == [m.entity_id for m in linker(TEXTS[0]).mentions]
    assert all(len(span._.candidates) <= 2 for span in doc.ents)


def test_a_saved_pipeline_gives_the_same_output(pipeline: "Callable[..., Language]", tmp_path: Path) -> None:
    nlp = pipeline()
    nlp.to_disk(tmp_path / "saved")
    again = spacy.load(tmp_path / "saved")
    assert [links(doc) for doc in again.pipe(TEXTS)] == [links(doc) for doc in nlp.pipe(TEXTS)]


def test_a_pipeline_travels_as_bytes(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    again = spacy.blank("en")
    again.add_pipe("onegen_linker")
    again.from_bytes(nlp.to_bytes())
    assert links(again(TEXTS[0])) == links(nlp(TEXTS[0]))


def test_packed_files_cannot_leave_their_directory(pipeline: "Callable[..., Language]") -> None:
    import srsly

    with pytest.raises(UsageError, match="leaves"):
        pipeline().get_pipe("onegen_linker").from_bytes(srsly.msgpack_dumps({"../evil": b"x"}))


def test_annotations_survive_a_docbin(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    doc = nlp(TEXTS[0])
    packed = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (again,) = DocBin().from_bytes(packed).get_docs(nlp.vocab)
    assert again._.mentions == doc._.mentions
    assert [span._.link_score for span in again.ents] == [span._.link_score for span in doc.ents]
    assert json.dumps(doc.user_data["elinker"])


def test_a_deselected_component_does_nothing(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    with nlp.select_pipes(disable=["onegen_linker"]):
        assert nlp(TEXTS[0]).ents == ()
    assert nlp(TEXTS[0]).ents


def test_evaluate_scores_links_with_spacys_scorer(pipeline: "Callable[..., Language]") -> None:
    nlp = pipeline()
    gold = nlp(TEXTS[0])
    right = Example(nlp.make_doc(TEXTS[0]), gold)
    wrong_doc = nlp(TEXTS[0])
    wrong_doc.set_ents([Span(wrong_doc, s.start, s.end, label=s.label_, kb_id="Q0") for s in wrong_doc.ents])
    assert nlp.evaluate([right])["nel_micro_f"] == 1.0
    assert nlp.evaluate([Example(nlp.make_doc(TEXTS[0]), wrong_doc)])["nel_micro_f"] == 0.0


@pytest.mark.parametrize(("key", "value"), [("mentions", "all"), ("alignment_mode", "loose"), ("draft", "none")])
def test_a_wrong_choice_is_named(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=key):
        spacy.blank("en").add_pipe("onegen_linker", config={key: value})


def test_an_unknown_pipeline_is_named_when_the_first_text_comes() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("onegen_linker", config={"pipeline": "no_such_pipeline"})
    with pytest.raises(UsageError, match="no_such_pipeline"):
        nlp("text")
