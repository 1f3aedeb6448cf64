"""Every limit and every broken request: the status, a JSON body that says what to do, and a service that goes on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from elinker.errors import UsageError

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

JSON = {"Content-Type": "application/json"}
LIMITS = {"body_bytes": 2_000, "text_characters": 100, "documents": 3, "mentions": 4, "nested": 2}


def refused(answer: httpx.Response, status: int) -> str:
    """The message of a refusal, after a look at its form."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert answer.headers["content-type"] == "application/json"
    assert error["status"] == status
    assert error["message"] and error["hint"]
    assert "\n" not in error["message"]
    return str(error["message"])


@pytest.fixture
def send(linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]) -> Callable[..., httpx.Response]:
    """One request to a service with small limits, which answers another one afterwards."""

    def send(method: str, path: str, **options: Any) -> httpx.Response:
        async def talk(client: httpx.AsyncClient) -> httpx.Response:
            answer = await client.request(method, path, **options)
            assert (await client.post("/annotate", json={"text": "Apple"})).status_code == 200
            return answer

        return asking(app_with(linker, **LIMITS), talk)

    return send


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"", "Field required"),
        (b"null", "valid dictionary"),
        (b'"Apple"', "valid dictionary"),
        (b"{}", "text: Field required"),
        (b'{"text": 5}', "text: Input should be a valid string"),
        (b'{"text": "a", "keepnil": true}', "keepnil: Extra inputs"),
        (b'{"text": "a", "keep_nil": "yes"}', "keep_nil: Input should be a valid boolean"),
        (b'{"text": "a", "documents": []}', "text: Extra inputs"),
        (b'{"documents": ["a", {"text": null}]}', "documents[1].text: Input should be a valid string"),
        (b'{"documents": {"text": "a"}}', "documents: Input should be a valid list"),
        (b'{"text": "\xff"}', "not UTF-8 at byte 10"),
        (b'{"text": "\\ud800"}', "lone surrogate"),
        (b'{"text": "a", "meta": {"\\udc00": 1}}', "lone surrogate"),
        (b'{"text": "a", "meta": [1]}', "meta: Input should be a valid dictionary"),
        (b"[" * 1_900, "nested too deeply"),
    ],
)
def test_a_broken_body_is_named(send: Callable[..., httpx.Response], body: bytes, message: str) -> None:
    answer = send("POST", "/annotate", content=body, headers=JSON)
    assert message in refused(answer, 422 if answer.status_code == 422 else 400)


def test_a_field_that_is_wrong_is_named_apart(send: Callable[..., httpx.Response]) -> None:
    answer = send("POST", "/annotate", json={"documents": ["a", {"text": "b", "id": 5}]})
    assert refused(answer, 422).startswith("documents[1].id")
    assert answer.json()["error"]["field"] == "documents[1].id"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json; charset=utf-16"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_a_body_of_another_type_is_415(send: Callable[..., httpx.Response], headers: dict[str, str]) -> None:
    refused(send("POST", "/annotate", content=b'{"text": "Apple"}', headers=headers), 415)


def test_types_that_are_json_are_taken(send: Callable[..., httpx.Response]) -> None:
    for kind in ("application/json; charset=UTF-8", "Application/JSON", "application/ld+json"):
        answer = send("POST", "/annotate", content=b'\xef\xbb\xbf{"text": "Apple"}', headers={"Content-Type": kind})
        assert answer.status_code == 200


def test_a_long_body_is_refused_by_its_announced_length(send: Callable[..., httpx.Response]) -> None:
    assert "2,001 bytes" in refused(send("POST", "/annotate", content=b"x" * 2_001, headers=JSON), 413)


def test_a_long_body_without_a_length_is_refused_while_it_arrives(send: Callable[..., httpx.Response]) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100
            yield b" " * 100

    refused(send("POST", "/annotate", content=endless(), headers=JSON), 413)
    assert sent <= 2_200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/annotate", {"text": "a" * 101}, "text has 101 characters, 100 are allowed"),
        ("/annotate", {"documents": ["a", "a" * 101]}, "documents[1].text has 101 characters"),
        ("/annotate", {"documents": ["a"] * 4}, "the request has 4 documents, 3 are allowed"),
        ("/disambiguate", {"text": "Apple", "mentions": [{"start": 0, "end": 5}] * 5}, "mentions has 5 spans"),
        ("/disambiguate", {"text": "Apple", "mentions": [{"start": 0, "end": 5}] * 3}, "3 spans over one character"),
        ("/disambiguate", {"documents": [{"text": "a" * 101, "mentions": []}]}, "documents[0].text has 101"),
    ],
)
def test_more_than_is_allowed_is_413(
    send: Callable[..., httpx.Response], path: str, body: dict[str, Any], message: str
) -> None:
    assert message in refused(send("POST", path, json=body), 413)


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ({"start": 3, "end": 3}, "3:3 is no span"),
        ({"start": 0, "end": 6}, "0:6 is no span of a text of 5 characters"),
        ({"start": -1, "end": 3}, "mentions[0].start"),
        ({"start": 0, "end": 5, "text": "apple"}, "is 'Apple', not 'apple'"),
        ({"start": 0.5, "end": 5}, "mentions[0].start"),
        ({"end": 5}, "mentions[0].start: Field required"),
        ([0, 5], "mentions[0]"),
    ],
)
def test_a_span_that_the_text_has_not_is_422(send: Callable[..., httpx.Response], span: Any, message: str) -> None:
    assert message in refused(send("POST", "/disambiguate", json={"text": "Apple", "mentions": [span]}), 422)


@pytest.mark.parametrize(
    "query", [{}, {"text": ""}, {"text": "a" * 1_001}, {"text": "a", "k": 0}, {"text": "a", "k": 101}, {"k": "many"}]
)
def test_a_search_within_limits_only(send: Callable[..., httpx.Response], query: dict[str, Any]) -> None:
    refused(send("GET", "/search", params=query), 422)
    refused(send("POST", "/search", json=query), 422)


def test_an_unknown_address_is_404(send: Callable[..., httpx.Response]) -> None:
    for path in ("/nothing", "/annotate/", "/docs", "/../etc/passwd", "/page.html"):
        refused(send("GET", path), 404)
        refused(send("POST", path, content=b"x" * 5_000), 404)


def test_a_wrong_method_is_405_and_told_the_right_one(send: Callable[..., httpx.Response]) -> None:
    answer = send("GET", "/annotate")
    refused(answer, 405)
    assert answer.headers["allow"] == "POST"
    for method in ("PUT", "DELETE", "OPTIONS"):
        refused(send(method, "/health"), 405)


def test_a_body_that_does_not_come_is_408(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b'{"text": '
        await asyncio.Event().wait()

    app = app_with(linker, seconds=0.05)
    refused(asking(app, lambda client: client.post("/annotate", content=stuck(), headers=JSON)), 408)


def test_an_answer_that_is_not_ready_in_time_is_504_and_its_documents_are_dropped(
    halting: Any, app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        body = {"documents": ["Apple", "Steve", "Stanford"]}
        for headers in ({}, {"Accept": "application/x-ndjson"}):
            answer = await client.post("/annotate", json=body, headers=headers)
            if headers:
                (line,) = answer.content.splitlines()
                assert json.loads(line)["error"]["status"] == 504
            else:
                refused(answer, 504)
        halting.let()
        assert (await client.get("/health")).status_code == 200

    asking(app_with(halting, seconds=0.05, batch_characters=1), talk)
    assert halting.linked == ["Apple"]


def test_a_full_queue_is_503_with_a_time_to_come_back(
    halting: Any, app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        running = asyncio.create_task(client.post("/annotate", json={"text": "Apple"}))
        await asyncio.to_thread(halting.entered.wait, 30)
        waiting = asyncio.create_task(client.post("/annotate", json={"documents": ["a", "b"]}))
        while "elinker_queue_jobs 2.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.001)
        answer = await client.post("/annotate", json={"text": "Steve"})
        assert "the queue is full" in refused(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
        halting.let()
        assert [(await task).status_code for task in (running, waiting)] == [200, 200]

    asking(app_with(halting, queue=2, documents=2), talk)


def test_more_requests_than_allowed_are_503_but_health_and_metrics_answer(
    halting: Any, app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        running = asyncio.create_task(client.post("/annotate", json={"text": "Apple"}))
        await asyncio.to_thread(halting.entered.wait, 30)
        answer = await client.get("/search", params={"text": "Apple"})
        assert "1 requests" in refused(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert (await client.get("/health")).status_code == 200
        assert "elinker_requests_running" in (await client.get("/metrics")).text
        halting.let()
        assert (await running).status_code == 200

    asking(app_with(halting, requests=1), talk)


def test_a_document_that_cannot_be_linked_fails_only_its_request(
    brittle: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        texts = ("Apple", "poison", "crash", "Stanford")
        return await asyncio.gather(*(client.post("/annotate", json={"text": text}) for text in texts))

    good, poison, crash, better = asking(app_with(brittle, batch_wait=0.2), talk)
    assert (good.status_code, better.status_code) == (200, 200)
    assert "document 0 ('0'): the text is poisoned" in refused(poison, 422)
    assert "IndexError" in refused(crash, 500)


def test_a_line_answer_has_the_error_in_the_place_of_the_document(
    brittle: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    body = {"documents": ["Apple", {"id": "bad", "text": "poison"}, "Stanford"]}
    app = app_with(brittle)
    answer = asking(app, lambda client: client.post("/annotate", json=body, headers={"Accept": "application/x-ndjson"}))
    first, second, third = map(json.loads, answer.content.splitlines())
    assert (first["id"], third["id"]) == ("0", "2")
    assert second["error"]["message"] == "document 1 ('bad'): the text is poisoned"


def test_a_stopping_service_is_not_ready_and_takes_nothing(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    app = app_with(linker)

    async def talk(client: httpx.AsyncClient) -> None:
        async with app.router.lifespan_context(app):
            pass
        assert (await client.get("/health")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
        refused(await client.post("/annotate", json={"text": "Apple"}), 503)

    asking(app, talk)


@pytest.mark.parametrize("limits", [{"documents": 0}, {"seconds": -1.0}, {"documents": 10, "queue": 9}])
def test_limits_that_refuse_everything_are_refused(limits: dict[str, Any]) -> None:
    from elinker.service.limits import Limits

    with pytest.raises(UsageError):
        Limits(**limits)
