"""Metrics and log lines: what is counted, and that neither grows with what strangers send nor holds a text."""

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from elinker.service.server import JsonLines

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

TEXT = "After the death of Steve, the former CEO of Apple, his speech at Stanford was watched."


def samples(page: str) -> dict[tuple[str, ...], float]:
    """The value of each sample by its name and the values of its labels, these by their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_requests_documents_mentions_tokens_and_batches_are_counted(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
        document = (await client.post("/annotate", json={"text": TEXT, "keep_nil": True})).json()["documents"][0]
        await client.post("/annotate", json={"documents": ["Apple", "Steve"]})
        await client.post("/annotate", content=b"{")
        await client.get("/health")
        return document, (await client.get("/metrics")).text

    document, page = asking(app_with(linker, batch_wait=0.0), talk)
    found = samples(page)
    nil = sum(mention["entity_id"] is None for mention in document["mentions"])
    assert found["elinker_requests_total", "POST", "/annotate", "200"] == 2
    assert found["elinker_requests_total", "POST", "/annotate", "415"] == 1
    assert found["elinker_requests_total", "GET", "/health", "200"] == 1
    assert found["elinker_request_seconds_count", "/annotate"] == 3
    assert found["elinker_documents_total",] == 3
    assert found["elinker_mentions_total", "false"] == nil > 0
    assert found["elinker_tokens_total",] == sum(len(linker.onegen.source(text)) for text in (TEXT, "Apple", "Steve"))
    assert found["elinker_batch_jobs_sum",] == 3
    assert found["elinker_batch_characters_sum",] == len(TEXT) + 1 + 12
    assert found["elinker_queue_jobs",] == 0
    assert found["elinker_requests_running",] == 1, "the one that asks"


def test_addresses_and_methods_that_do_not_exist_are_counted_as_one(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> str:
        for number in range(20):
            await client.get(f"/{number}")
            await client.request(f"M{number}", "/annotate")
        return (await client.get("/metrics")).text

    found = samples(asking(app_with(linker), talk))
    assert found["elinker_requests_total", "GET", "other", "404"] == 20
    assert found["elinker_requests_total", "other", "/annotate", "405"] == 20


def test_a_request_is_logged_without_its_text(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "elinker.service")
    app = app_with(linker)
    asking(app, lambda client: client.post("/annotate", json={"text": TEXT}))
    (record,) = [record for record in caplog.records if record.name == "elinker.service"]
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "POST", "/annotate", 200)
    assert line["level"] == "info" and line["milliseconds"] > 0 and line["bytes"] > 100
    assert "Steve" not in json.dumps(line)


def test_a_log_line_is_one_line_whatever_is_in_it() -> None:
    try:
        raise ValueError("a\nb\u2028\udcff")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "broke\n%s", ("down\x1b",), (type(error), error, None))
    text = JsonLines().format(record)
    assert text.isascii() and "\n" not in text
    assert "ValueError" in json.loads(text)["traceback"]


def test_what_breaks_down_is_logged_with_its_traceback(
    brittle: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = app_with(brittle)
    asking(app, lambda client: client.post("/annotate", json={"text": "crash"}))
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None and record.exc_info[0] is IndexError
