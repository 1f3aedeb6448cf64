"""Many clients at once: each gets what it would get alone, and those who leave cost nothing."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from elinker.schema import Document

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

WORDS = ("Steve", "Apple", "Stanford", "the", "speech", "of", "a", "CEO", "France,", "met.", "東京", "😀\n\n", "(Jobs)")


def texts(number: int) -> list[str]:
    """Texts of one word up to several windows."""
    chance = random.Random(5)
    return [" ".join(chance.choices(WORDS, k=chance.choice((1, 5, 30, 80)))) for _ in range(number)]


def metric(page: str, name: str) -> float:
    return float(next(line for line in page.splitlines() if line.startswith(f"{name} ")).split()[-1])


def test_what_a_client_gets_does_not_depend_on_the_others(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    given = texts(40)

    async def talk(client: httpx.AsyncClient) -> tuple[list[httpx.Response], str]:
        answers = await asyncio.gather(
            *(
                client.post("/annotate", json={"text": text, "keep_nil": number % 2 == 0})
                for number, text in enumerate(given)
            )
        )
        return answers, (await client.get("/metrics")).text

    answers, metrics = asking(app_with(linker, batch_wait=0.2), talk)
    for number, (answer, text) in enumerate(zip(answers, given, strict=True)):
        alone = linker(Document("0", text), keep_nil=number % 2 == 0).to_json()
        assert answer.json() == {"documents": [alone]}
    assert metric(metrics, "elinker_batch_jobs_sum") == 40
    assert metric(metrics, "elinker_batch_jobs_count") < 20, "they were not put together"


def test_kinds_of_work_share_a_batch(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    text = "Steve of Apple"
    spans = {"text": text, "mentions": [{"start": 9, "end": 14}]}

    async def one(client: httpx.AsyncClient) -> list[Any]:
        return [
            (await client.post(path, json=body)).json()
            for path, body in (("/annotate", {"text": text}), ("/disambiguate", spans), ("/search", {"text": "Apple"}))
        ]

    async def together(client: httpx.AsyncClient) -> tuple[list[Any], str]:
        answers = await asyncio.gather(
            client.post("/annotate", json={"text": text}),
            client.post("/disambiguate", json=spans),
            client.post("/search", json={"text": "Apple"}),
        )
        return [answer.json() for answer in answers], (await client.get("/metrics")).text

    alone = asking(app_with(linker), one)
    answers, metrics = asking(app_with(linker, batch_wait=20.0, batch_characters=36), together)
    assert answers == alone
    assert metric(metrics, "elinker_batch_jobs_count") == 1


def test_the_documents_of_a_client_that_leaves_are_dropped(halting: Any, app_with: Callable[..., Any]) -> None:
    app = app_with(halting, batch_characters=1)

    async def request(texts: list[str], left: asyncio.Event) -> list[dict[str, Any]]:
        body = json.dumps({"documents": texts}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/annotate",
            "raw_path": b"/annotate",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        await app(scope, receive, send)
        return sent

    async def talk() -> None:
        leaving, never = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(request(["Apple", "Steve", "Tokyo"], leaving))
        await asyncio.to_thread(halting.entered.wait, 30)
        second = asyncio.create_task(request(["Stanford"], never))
        leaving.set()
        assert await first == []
        halting.let()
        assert (await second)[0]["status"] == 200

    asyncio.run(talk())
    assert halting.linked == ["Apple", "Stanford"]


def test_a_line_is_sent_as_soon_as_it_is_ready(halting: Any, app_with: Callable[..., Any]) -> None:
    app = app_with(halting, batch_characters=1)
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def talk() -> None:
        body = json.dumps({"documents": ["Apple", "Steve"]}).encode()

        async def receive() -> dict[str, Any]:
            if not received:
                received.append(1)
                return {"type": "http.request", "body": body, "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            if message.get("body"):
                await lines.put(message["body"])

        received: list[int] = []
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/annotate",
            "raw_path": b"/annotate",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"accept", b"application/x-ndjson")],
        }
        answering = asyncio.create_task(app(scope, receive, send))
        await asyncio.to_thread(halting.entered.wait, 30)
        halting.let(1)
        first = json.loads(await lines.get())
        assert first["id"] == "0" and lines.empty()
        halting.let()
        assert json.loads(await lines.get())["id"] == "1"
        await answering

    asyncio.run(talk())
