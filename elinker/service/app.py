"""The application: the routes with their description, behind what every request passes."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from starlette.responses import Response

import elinker
from elinker.corpus.formats.jsonl import load
from elinker.errors import InputError
from elinker.service.answers import DocumentsAnswer, ErrorAnswer, QuestionAnswer, SearchAnswer
from elinker.service.gate import Gate, TokenCheck
from elinker.service.limits import Limits
from elinker.service.observing import Observer
from elinker.service.page import page
from elinker.service.refusals import Refusal, handle_refusals
from elinker.service.routes import LINES, Service

if TYPE_CHECKING:
    from elinker.linking.linker import Linker
    from elinker.rag.rag import Rag

OPEN_PATHS = ("/", "/health", "/health/live")
"""What is answered without a token."""

_WITH_BODY = (400, 401, 408, 413, 415, 422, 500, 503, 504)
_WITHOUT_BODY = (401, 422, 500, 503, 504)


def create_app(
    linker: "Linker",
    *,
    rag: "Rag | None" = None,
    limits: Limits | None = None,
    token: str | None = None,
    cors_origins: Sequence[str] = (),
) -> FastAPI:
    """The ASGI application of the service.

    Args:
        linker: what links; nothing else may use it meanwhile.
        rag: what answers questions, with a model of its own; None for a service without `/rag`.
        limits: of requests; the default ones without it.
        token: bearer token that requests must have, but for those to `OPEN_PATHS`; None asks for none.
        cors_origins: web sites whose pages may ask from a browser, such as `https://example.org`, or `*`.
    """
    limits = limits or Limits()
    service = Service(linker, limits, rag)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="elinker",
        version=elinker.__version__,
        description="Entity linking with OneGen. Every error has a JSON body with a message and a hint.",
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts of other sites
        redoc_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = _StrictJsonRoute
    handle_refusals(app)
    work = _add_work(app, service)
    if rag is not None:
        answered = _answers(QuestionAnswer, _WITH_BODY)
        app.add_api_route("/rag", service.rag, methods=["POST"], response_model=None, responses=answered)
        work.add("/rag")
    _add_state(app, service)
    paths = {route.path for route in app.routes if isinstance(route, APIRoute)} | {"/openapi.json"}
    app.add_middleware(Gate, limits=limits, paths=work)
    if token is not None:
        app.add_middleware(TokenCheck, token=token, open_paths=OPEN_PATHS)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Observer, metrics=service.metrics, paths=paths)
    return app


def _add_work(app: FastAPI, service: Service) -> set[str]:
    """Add the routes that cost work; their paths."""
    documents = _answers(DocumentsAnswer, _WITH_BODY)
    documents[200]["content"] = {LINES: {"schema": {"type": "string", "description": "A document a line."}}}
    found = _answers(SearchAnswer, _WITH_BODY)
    add = app.add_api_route
    add("/annotate", service.annotate, methods=["POST"], response_model=None, responses=documents)
    add("/disambiguate", service.disambiguate, methods=["POST"], response_model=None, responses=documents)
    add("/search", service.search, methods=["POST"], response_model=None, responses=found)
    found = _answers(SearchAnswer, _WITHOUT_BODY)
    add("/search", service.search_by_address, methods=["GET"], response_model=None, responses=found)
    return {route.path for route in app.routes if isinstance(route, APIRoute)}


def _add_state(app: FastAPI, service: Service) -> None:
    """Add the routes that tell about the service."""
    plain = {"text/plain": {"schema": {"type": "string"}}}
    unknown: dict[int | str, dict[str, Any]] = {401: {"model": ErrorAnswer, "description": "No valid token."}}
    add = app.add_api_route
    add("/health", service.health, methods=["GET"], response_model=None, responses={503: {"description": "Stopping."}})
    add("/health/live", service.live, methods=["GET"], response_model=None)
    add("/version", service.version, methods=["GET"], response_model=None, responses=unknown)
    add(
        "/metrics",
        service.measure,
        methods=["GET"],
        response_class=Response,
        responses={200: {"content": plain}, **unknown},
    )
    add("/", page, methods=["GET"], include_in_schema=False)


def _answers(model: Any, statuses: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    """The description of what a route answers."""
    descriptions = {
        400: "The body is not JSON.",
        401: "The request has no valid token.",
        408: "The body did not arrive in time.",
        413: "The request is larger than the limits allow.",
        415: "The body is of another type than JSON.",
        422: "The request cannot be understood, or its text not linked.",
        500: "The service failed.",
        503: "The service has no room, or stops.",
        504: "The answer was not ready in time.",
    }
    refused: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": descriptions[status]} for status in statuses
    }
    return {200: {"model": model}, **refused}


class _StrictJson(Request):
    async def json(self) -> Any:
        """The body as JSON, read as `elinker annotate` reads a line of it.

        Raises:
            Refusal: 400.
        """
        body = await self.body()
        try:
            return load(body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 at byte {error.start}"
        except InputError as error:
            problem = str(error)
        except RecursionError:
            problem = "nested too deeply"
        raise Refusal(400, f"the body cannot be read: {problem}", "send JSON in UTF-8, with characters that are whole")


class _StrictJsonRoute(APIRoute):
    """A route whose body is read by `_StrictJson`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_StrictJson(request.scope, request.receive))

        return strictly
