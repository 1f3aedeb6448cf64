"""The shipped starter for RAG answers held-out questions with sources. Floors are below the figures of its card."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from elinker.rag.answer import Answer
from elinker.rag.evaluation.predictions import prediction
from elinker.rag.evaluation.questions import Question
from elinker.rag.evaluation.reading import read_questions
from elinker.rag.evaluation.scoring import score
from elinker.rag.rag import Rag

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "pipelines" / "en_rag"
WEIGHTS_LIMIT, INDEX_LIMIT = 50 * 1024 * 1024, 20 * 1024 * 1024

pytestmark = pytest.mark.skipif(not (STARTER / "rag.json").exists(), reason="no starter for RAG in this checkout")

Asked = list[tuple[Question, Answer]]


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_questions(ROOT / "kb" / "rag" / "test.jsonl")


@pytest.fixture(scope="module")
def rag() -> Rag:
    return Rag.load("en_rag")


@pytest.fixture(scope="module")
def chains(rag: Rag, questions: Sequence[Question]) -> Asked:
    """Questions of two and three hops in compositions that the training never asked about."""
    return ask(rag, [q for q in questions if q.type in ("two hops", "three hops")][::20])


@pytest.fixture(scope="module")
def missing(rag: Rag, questions: Sequence[Question]) -> Asked:
    """Questions that no passage answers."""
    return ask(rag, [q for q in questions if not q.answerable][::4])


def ask(rag: Rag, questions: Sequence[Question]) -> Asked:
    return list(zip(questions, rag.answers([question.text for question in questions]), strict=True))


def figure(asked: Asked, name: str) -> float:
    predictions = {q.id: prediction({"id": q.id, **json.loads(json.dumps(answer.to_json()))}) for q, answer in asked}
    mean = score([question for question, _ in asked], predictions).mean(name)
    assert mean is not None
    return mean


def test_weights_and_index_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in (STARTER / "model").glob("*")) < WEIGHTS_LIMIT
    assert sum(path.stat().st_size for path in (STARTER / "passages").glob("*")) < INDEX_LIMIT


def test_the_index_holds_the_committed_passages(rag: Rag) -> None:
    with (ROOT / "kb" / "rag" / "passages.jsonl").open(encoding="utf-8") as lines:
        assert len(rag.index) == sum(1 for _ in lines)


def test_questions_of_two_and_three_hops_in_unseen_compositions_are_answered(chains: Asked) -> None:
    assert figure(chains, "answer_em") >= 0.8


def test_each_hop_finds_its_passage_first(chains: Asked) -> None:
    assert figure(chains, "hop_1@1") >= 0.9
    assert figure(chains, "hop_2@1") >= 0.85
    assert figure(chains, "hop_3@1") >= 0.8


def test_what_is_not_in_the_base_is_called_so(missing: Asked) -> None:
    assert figure(missing, "recognised") >= 0.8


def test_what_is_in_the_base_is_rarely_called_missing(chains: Asked) -> None:
    assert sum(answer.text == "not in the base" for _, answer in chains) <= len(chains) / 5


def test_without_retrieval_the_same_model_answers_far_fewer(chains: Asked) -> None:
    alone = ask(Rag.load("en_rag", mode="never"), [question for question, _ in chains])
    assert figure(alone, "answer_em") <= figure(chains, "answer_em") / 2


def test_answers_cite_passages_and_the_cited_words_are_theirs(chains: Asked) -> None:
    answered = [answer for _, answer in chains if answer.text and answer.text != "not in the base"]
    assert answered
    for answer in answered:
        read = {retrieved.passage.id for step in answer.steps for retrieved in step.passages}
        assert answer.citations
        assert {citation.passage.id for citation in answer.citations} <= read
        assert all(citation.text in citation.passage.text for citation in answer.citations)


def test_what_is_not_in_the_base_has_no_source(missing: Asked) -> None:
    assert all(not answer.citations for _, answer in missing if answer.text == "not in the base")


def test_a_comparison_reads_about_both(rag: Rag) -> None:
    answer = rag.answer("Are Lyon and Toulouse in the same country?")
    assert [step.passages[0].passage.title for step in answer.steps] == ["Lyon", "Toulouse"]
    assert [citation.number for citation in answer.citations] == [1, 2]
