"""The files of the RAG starter are what their script makes, and their datasheet counts them right."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

RAG = Path(__file__).parents[2] / "kb" / "rag"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make(*arguments: str) -> None:
    subprocess.run([sys.executable, str(RAG / "make.py"), *arguments], check=True, timeout=120)


@pytest.fixture(scope="module")
def passages() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows(RAG / "passages.jsonl")}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    return rows(RAG / "test.jsonl")


@pytest.fixture(scope="module")
def facts() -> list[list[str]]:
    lines = (RAG / "facts.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("training")
    make("--training", str(directory), "--questions", "2000")
    return directory


@pytest.fixture(scope="module")
def datasheet() -> str:
    return " ".join((RAG / "DATASHEET.md").read_text(encoding="utf-8").split())


def test_the_committed_files_are_what_the_script_writes(tmp_path: Path) -> None:
    make("--shipped", str(tmp_path))
    for name in ("facts.tsv", "passages.jsonl", "test.jsonl"):
        assert (tmp_path / name).read_bytes() == (RAG / name).read_bytes(), name


def test_every_entity_of_the_base_has_a_passage_and_no_passage_is_of_another(
    passages: dict[str, dict[str, Any]],
) -> None:
    entities = {row["id"] for row in rows(RAG.parent / "starter" / "entities.jsonl")}
    assert set(passages) == entities


def test_a_question_has_a_sub_question_and_gold_passages_for_each_hop(
    questions: list[dict[str, Any]], passages: dict[str, dict[str, Any]]
) -> None:
    for question in questions:
        if question["type"] == "missing entity":
            assert "hops" not in question
            continue
        assert len(question["sub_questions"]) == len(question["hops"]), question["id"]
        assert all(question["hops"]), question["id"]
        assert all(name in passages for gold in question["hops"] for name in gold), question["id"]


def test_no_question_of_the_training_composes_relations_as_the_test_does(
    questions: list[dict[str, Any]], training: Path
) -> None:
    asked = Counter(tuple(row["composition"]) for row in rows(training / "train.jsonl"))
    hops = [question for question in questions if question["type"] in ("two hops", "three hops")]
    assert hops
    assert [question["id"] for question in hops if tuple(question["composition"]) in asked] == []


def test_entities_that_are_called_unseen_are_in_no_document_and_begin_no_question_of_the_training(
    questions: list[dict[str, Any]], training: Path
) -> None:
    unseen = {
        question["hops"][0][0]
        for question in questions
        if question["type"] == "single" and question["entity"] == "unseen"
    }
    told = {row["uid"] for row in rows(training / "documents.jsonl")}
    asked = {row["subject"] for row in rows(training / "train.jsonl")}
    assert unseen
    assert not unseen & (told | asked)


def test_the_datasheet_counts_the_files_right(
    facts: list[list[str]], passages: dict[str, Any], questions: list[dict[str, Any]], datasheet: str
) -> None:
    linked, sources = sum(bool(fact[3]) for fact in facts), Counter(fact[5] for fact in facts)
    for row in (
        f"| facts | {len(facts):,} |",
        f"| written by hand | {sources['written']:,} |",
        f"| read from descriptions | {sources['description']:,} |",
        f"| whose object is an entity of the base | {linked:,} |",
        f"| relations | {len({fact[2] for fact in facts})} |",
        f"| entities with a fact | {len({fact[0] for fact in facts}):,} |",
        f"| passages | {len(passages):,} |",
        f"| characters a passage | {sum(len(row['text']) for row in passages.values()) / len(passages):.0f} |",
    ):
        assert row in datasheet, row
    for kind, count in Counter(question["type"] for question in questions).items():
        assert f"| {kind} | {count} |" in datasheet, kind
    compositions = {
        number: len({tuple(q["composition"]) for q in questions if q["type"] == f"{number} hops"})
        for number in ("two", "three")
    }
    assert f"{compositions['two']} compositions of two relations and {compositions['three']} of three" in datasheet
