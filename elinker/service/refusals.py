"""Every answer that is not what was asked for: its status and its JSON body with a message and a remedy."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

LOG = logging.getLogger("elinker.service")


class Refusal(HTTPException):
    """A request that is not carried out.

    Args:
        status: of HTTP.
        message: what is wrong, one line.
        hint: what to do.
        field: the part of the body or query that is meant, such as `documents[3].text`.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        hint: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.message = message
        self.hint = hint
        self.field = field

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        error = {"status": self.status_code, "message": self.message, "hint": self.hint}
        return {"error": error if self.field is None else {**error, "field": self.field}}

    def response(self) -> Response:
        """The answer; in ASCII, so that a message may quote anything."""
        body = json.dumps(self.to_json()).encode("ascii")
        return Response(body, self.status_code, self.headers, media_type="application/json")


def too_large(what: str, found: int | None, limit: int, unit: str, *, field: str | None = None) -> Refusal:
    """413, with the limit that was passed; `found` is None where nobody has counted to the end."""
    has = f"has more than {limit:,} {unit}" if found is None else f"has {found:,} {unit}, {limit:,} are allowed"
    return Refusal(413, f"{what} {has}", "send less at a time, or raise the limit of the service", field=field)


def handle_refusals(app: FastAPI) -> None:
    """Give every error of an application the body of a `Refusal`."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Refusal):
        return error.response()
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    known = {
        404: (f"there is nothing at {path}", "GET /openapi.json lists what there is"),
        405: (f"{request.method} is not allowed at {path}", "the header Allow says what is"),
    }
    message, hint = known.get(error.status_code, (str(error.detail), "see docs/service.md"))
    return Refusal(error.status_code, message, hint, headers=error.headers).response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = _path(first["loc"][1:])
    message = f"{field or first['loc'][0]}: {first['msg']}"
    return Refusal(422, message, "GET /openapi.json describes the request", field=field or None).response()


async def _failed(_: Request, error: Exception) -> Response:
    return Refusal(
        500, f"the service failed: {type(error).__name__}", "this is a defect of elinker: please report it"
    ).response()


def _path(parts: Sequence[str | int]) -> str:
    """`documents[3].text` of the place that pydantic names; the tags of its unions are no part of it."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("("):
            path += f".{part}" if path else part
    return path
