"""Who may ask: the bearer token, and pages of other web sites."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

TOKEN = "0123456789abcdef"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize(
    "given", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_without_the_token_nothing_is_told(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any], given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}

    async def talk(client: httpx.AsyncClient) -> None:
        for path in ("/search?text=a", "/version", "/metrics", "/openapi.json", "/nothing"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["status"] == 401
        assert (await client.post("/annotate", content=b"x" * 10_000_000, headers=headers)).status_code == 401

    asking(app_with(linker, token=TOKEN), talk)


def test_with_the_token_all_is_answered(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        for scheme in ("Bearer", "bearer"):
            client.headers["Authorization"] = f"{scheme} {TOKEN}"
            assert (await client.get("/metrics")).status_code == 200
            assert (await client.post("/annotate", json={"text": "Apple"})).status_code == 200

    asking(app_with(linker, token=TOKEN), talk)


def test_health_and_the_page_need_no_token(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        for path in ("/health", "/health/live", "/"):
            assert (await client.get(path)).status_code == 200

    asking(app_with(linker, token=TOKEN), talk)


def test_other_web_sites_are_told_nothing_by_default(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        client.headers["Origin"] = "https://example.org"
        answer = await client.post("/annotate", json={"text": "Apple"})
        preflight = await client.options("/annotate", headers=PREFLIGHT)
        for one in (answer, preflight):
            assert not any(name.startswith("access-control") for name in one.headers)
        assert preflight.status_code == 405

    asking(app_with(linker), talk)


def test_a_named_web_site_may_ask_and_sees_refusals_too(
    linker: "Linker", app_with: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        client.headers["Origin"] = "https://example.org"
        assert (await client.options("/annotate", headers=PREFLIGHT)).status_code == 200
        for headers in ({"Authorization": f"Bearer {TOKEN}"}, {}):
            answer = await client.post("/annotate", json={"text": "Apple"}, headers=headers)
            assert answer.headers["access-control-allow-origin"] == "https://example.org"
        client.headers["Origin"] = "https://example.com"
        assert (await client.options("/annotate", headers=PREFLIGHT)).status_code == 400

    asking(app_with(linker, token=TOKEN, cors_origins=["https://example.org"]), talk)
