"""What the service answers: documents as `elinker annotate` writes them, links of given spans, entities of the base."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

import elinker
from elinker.cli import app as command_line
from elinker.schema import Document, Mention

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

TEXT = "After the death of Steve, the former CEO of Apple, his speech at Stanford was watched."


def mentions(document: dict[str, Any]) -> list[tuple[int, int, str | None]]:
    return [(mention["start"], mention["end"], mention["entity_id"]) for mention in document["mentions"]]


@pytest.fixture
def post(linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]) -> Callable[..., httpx.Response]:
    """One POST to a service of its own."""

    def post(path: str, body: Any, **options: Any) -> httpx.Response:
        return asking(app_with(linker), lambda client: client.post(path, json=body, **options))

    return post


@pytest.fixture
def get(linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]) -> Callable[..., httpx.Response]:
    """One GET to a service of its own."""
    return lambda path, **options: asking(app_with(linker), lambda client: client.get(path, **options))


def test_a_text_is_answered_with_the_document_that_the_linker_makes(
    post: Callable[..., httpx.Response], linker: "Linker"
) -> None:
    answer = post("/annotate", {"text": TEXT})
    assert answer.status_code == 200
    assert answer.json() == {"documents": [linker(Document("0", TEXT)).to_json()]}
    assert answer.json()["documents"][0]["mentions"]


def test_nil_is_left_out_unless_it_is_asked_for(post: Callable[..., httpx.Response], linker: "Linker") -> None:
    (without,) = post("/annotate", {"text": TEXT}).json()["documents"]
    (with_nil,) = post("/annotate", {"text": TEXT, "keep_nil": True}).json()["documents"]
    assert None not in [entity for _, _, entity in mentions(without)]
    assert None in [entity for _, _, entity in mentions(with_nil)]


def test_texts_get_numbers_and_documents_keep_id_and_meta(post: Callable[..., httpx.Response]) -> None:
    given = [TEXT, {"text": "Apple", "id": "a/1", "meta": {"year": 1976, "tags": [None, "x"]}}, {"text": ""}]
    answer = post("/annotate", {"documents": given}).json()["documents"]
    assert [document["id"] for document in answer] == ["0", "a/1", "2"]
    assert answer[1]["meta"] == {"year": 1976, "tags": [None, "x"]}
    assert [document["text"] for document in answer] == [TEXT, "Apple", ""]


@pytest.mark.parametrize(
    "text", ["a\0b Apple", "😀 Apple 👩‍👩‍👧", "Apple\r\n\r\nSteve", "آبل Apple", "<MENTION>Apple</MENTION>[LK]", " "]
)
def test_offsets_count_characters_of_the_very_text(post: Callable[..., httpx.Response], text: str) -> None:
    (document,) = post("/annotate", {"text": text, "keep_nil": True}).json()["documents"]
    assert document["text"] == text
    for mention in document["mentions"]:
        assert text[mention["start"] : mention["end"]] == mention["text"]


@pytest.mark.parametrize("keep_nil", [False, True])
def test_lines_are_byte_for_byte_those_of_the_command(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any], tmp_path: Path, keep_nil: bool
) -> None:
    linker.save(tmp_path / "pipeline")
    service = app_with(elinker.load(str(tmp_path / "pipeline")))

    def post(**headers: str) -> httpx.Response:
        body = {"documents": documents, "keep_nil": keep_nil}
        return asking(service, lambda client: client.post("/annotate", json=body, headers=headers))

    documents = [
        {"id": "one", "text": TEXT, "meta": {"source": "é\u2028"}},
        {"id": "two", "text": "Apple\r\nin 東京 😀"},
        {"id": "three", "text": "", "meta": {"empty": True}},
    ]
    flat = [{"id": document["id"], "text": document["text"], **document.get("meta", {})} for document in documents]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, flat)), encoding="utf-8")
    options = ["--pipeline", str(tmp_path / "pipeline"), "--format", "jsonl", *(["--keep-nil"] if keep_nil else [])]
    command = CliRunner().invoke(command_line, ["annotate", str(tmp_path / "in.jsonl"), *options])
    assert command.exit_code == 0, command.output
    answer = post(accept="application/x-ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content == command.stdout_bytes
    assert post().json()["documents"] == [json.loads(line) for line in command.stdout_bytes.splitlines()]


def test_given_spans_are_linked_where_they_are_and_answered_in_order(
    post: Callable[..., httpx.Response], linker: "Linker"
) -> None:
    spans = [{"start": 44, "end": 49, "text": "Apple"}, {"start": 19, "end": 24}]
    answer = post("/disambiguate", {"text": TEXT, "mentions": spans})
    given = Document("0", TEXT, (Mention(19, 24, "Steve"), Mention(44, 49, "Apple")))
    assert answer.json() == {"documents": [linker(given, mentions="given").to_json()]}
    assert all(len(mention["candidates"]) == 3 for mention in answer.json()["documents"][0]["mentions"])


def test_an_annotated_document_may_be_sent_back(post: Callable[..., httpx.Response]) -> None:
    (document,) = post("/annotate", {"text": TEXT, "keep_nil": True}).json()["documents"]
    again = {name: document[name] for name in ("id", "text", "mentions", "meta")}
    (answer,) = post("/disambiguate", {"documents": [again]}).json()["documents"]
    assert [mention[:2] for mention in mentions(answer)] == [mention[:2] for mention in mentions(document)]


def test_nested_spans_are_all_linked(post: Callable[..., httpx.Response]) -> None:
    spans = [{"start": 0, "end": 24}, {"start": 19, "end": 24}, {"start": 19, "end": 24}]
    (document,) = post("/disambiguate", {"text": TEXT, "mentions": spans}).json()["documents"]
    assert [mention[:2] for mention in mentions(document)] == [(0, 24), (19, 24), (19, 24)]


def test_a_search_finds_by_name_and_by_vector(post: Callable[..., httpx.Response], linker: "Linker") -> None:
    answer = post("/search", {"text": "steve", "k": 2}).json()
    assert [entity["id"] for entity in answer["named"]] == ["Q19837"]
    assert answer["named"][0]["url"] == "https://www.wikidata.org/wiki/Q19837"
    scores, rows = linker.kb.search(linker.onegen.encode_queries(["steve"]), 2)
    assert [entity["id"] for entity in answer["nearest"]] == [linker.kb.entity(row).id for row in rows[0].tolist()]
    assert [entity["score"] for entity in answer["nearest"]] == [round(score, 4) for score in scores[0].tolist()]


def test_a_search_by_address_is_the_same(
    get: Callable[..., httpx.Response], post: Callable[..., httpx.Response]
) -> None:
    assert get("/search", params={"text": "Tokyo", "k": 3}).json() == post("/search", {"text": "Tokyo", "k": 3}).json()


def test_nothing_is_near_to_a_text_without_tokens(post: Callable[..., httpx.Response]) -> None:
    assert post("/search", {"text": " \u200b"}).json()["nearest"] == []


def test_health_says_that_requests_are_answered(get: Callable[..., httpx.Response]) -> None:
    assert (get("/health").status_code, get("/health").json()) == (200, {"status": "ready"})
    assert get("/health/live").status_code == 200


def test_version_tells_fingerprints_settings_and_limits_but_no_paths(
    get: Callable[..., httpx.Response], linker: "Linker"
) -> None:
    version = get("/version").json()
    assert version["model"]["fingerprint"] == linker.onegen.fingerprint
    assert len(version["base"]["fingerprint"]) == 64
    assert version["linker"]["top_k"] == 3
    assert version["limits"]["text_characters"] == 20_000
    assert str(linker.kb.path) not in get("/version").text


def test_the_page_brings_all_it_needs_and_forbids_the_rest(get: Callable[..., httpx.Response]) -> None:
    page = get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "http" not in page.text and "innerHTML" not in page.text


def test_what_a_document_has_beside_its_text_never_names_a_file(
    post: Callable[..., httpx.Response], tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("Apple in Stanford")
    path = str(tmp_path / "secret.txt")
    for body in ({"text": path, "id": path, "meta": {"path": path}}, {"text": f"file://{path}"}, {"text": f"@{path}"}):
        (document,) = post("/annotate", body).json()["documents"]
        assert document["text"] == body["text"]
