"""`POST /rag` of the service: what `Rag.answer` gives, asked by many at once, and what it refuses."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from elinker.kb import build
from elinker.schema import Entity

if TYPE_CHECKING:
    from pathlib import Path

    from elinker.onegen.model import OneGen
    from elinker.rag.rag import Rag

QUESTIONS = ("Where does Steve live?", "Who was the CEO of Apple?", "東京?", "Where did the chancellor meet him?")


@pytest.fixture
def ask(
    rag: "Rag", onegens: "Mapping[str, OneGen]", asking: Callable[..., Any], tmp_path: "Path"
) -> Callable[..., Any]:
    """`ask(talk)`: runs `talk(client)` with a service that answers questions."""
    from elinker.linking.linker import Linker
    from elinker.service.app import create_app

    base = build([Entity("Q312", "Apple")], onegens["bert"], tmp_path / "base")
    app = create_app(Linker(onegens["bert"], base), rag=rag)

    return partial(asking, app)


def test_many_at_once_get_the_answers_of_each_alone(ask: Callable[..., Any], rag: "Rag") -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(client.post("/rag", json={"question": question}) for question in QUESTIONS))

    answers = ask(talk)
    assert [answer.json() for answer in answers] == [rag.answer(question).to_json() for question in QUESTIONS]


def test_passages_are_kept_to_entities(ask: Callable[..., Any], rag: "Rag") -> None:
    body = {"question": QUESTIONS[0], "entities": ["Q312"]}
    answer = ask(lambda client: client.post("/rag", json=body)).json()
    assert answer == rag.answer(QUESTIONS[0], entities=["Q312"]).to_json()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"question": ""}, "at least 1 character"),
        ({"question": " "}, "the question is empty"),
        ({"question": "x" * 1_001}, "at most 1000 characters"),
        ({"question": "Where? " * 100}, "positions"),
        ({"question": "Where?", "entities": "Q1"}, "entities: Input should be a valid list"),
        ({}, "Field required"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(ask: Callable[..., Any], body: Any, message: str) -> None:
    answer = ask(lambda client: client.post("/rag", json=body))
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]


def test_the_answer_has_the_form_that_is_described(ask: Callable[..., Any]) -> None:
    from elinker.service.answers import QuestionAnswer

    answer = ask(lambda client: client.post("/rag", json={"question": QUESTIONS[0]}))
    QuestionAnswer.model_validate_json(answer.content)
