"""What a request must pass before it is worked on: token, room, type and size of its body, a client that still waits.

Plain ASGI, so that a body is measured while it arrives and none is read that will not be used.
"""

import asyncio
import hmac
from collections.abc import Collection
from contextlib import suppress
from email.message import Message as Header

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from elinker.service.limits import Limits
from elinker.service.refusals import Refusal, too_large


class TokenCheck:
    """Refuses requests without the bearer token with 401, but for those to open paths.

    Args:
        app: what is behind.
        token: that is asked for.
        open_paths: that anybody may read.
    """

    def __init__(self, app: ASGIApp, token: str, open_paths: Collection[str]) -> None:
        self._app = app
        self._token = token.encode("ascii")
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "http" and scope["path"] not in self._open and not self._is_known(scope):
            refusal = Refusal(
                401,
                "the request has no valid token",
                "send the header Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
            await refusal.response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "")
        scheme, _, token = given.partition(" ")
        same = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        return same and scheme.lower() == "bearer"


class Gate:
    """Limits on requests to the paths that cost work; other paths pass, their bodies unread.

    A request whose client goes away is cancelled.

    Args:
        app: what is behind.
        limits: of the service.
        paths: that cost work.
    """

    def __init__(self, app: ASGIApp, limits: Limits, paths: Collection[str]) -> None:
        self._app = app
        self._limits = limits
        self._paths = frozenset(paths)
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        try:
            self._check_head(scope)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        self._running += 1
        try:
            body = await self._body(receive)
            if body is not None:
                await _while_connected(self._app, body, scope, receive, send, 2 * self._limits.seconds)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
        finally:
            self._running -= 1

    def _check_head(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._running >= self._limits.requests:
            raise Refusal(
                503,
                f"{self._running} requests are being worked on",
                "try again after the seconds of Retry-After",
                headers={"Retry-After": "1"},
            )
        if scope["method"] == "POST":
            _check_type(headers)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise too_large("the body", int(length), self._limits.body_bytes, "bytes")

    async def _body(self, receive: Receive) -> bytes | None:
        """The body, or None when the client has gone."""
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > self._limits.body_bytes:
                        raise too_large("the body", None, self._limits.body_bytes, "bytes")
                    chunks.append(chunk)
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise Refusal(
                408,
                f"the body did not arrive within {self._limits.seconds:g} s",
                "send less at a time",
                headers={"Connection": "close"},
            ) from None


def _check_type(headers: Headers) -> None:
    header = Header()
    header["content-type"] = headers.get("content-type", "")
    subtype = header.get_content_subtype()
    is_json = header.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
    if not is_json or (header.get_content_charset() or "utf-8") not in ("utf-8", "utf8"):
        raise Refusal(415, "the body is not JSON in UTF-8", "send the header Content-Type: application/json")
    if headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "the body is compressed", "send it without Content-Encoding")


async def _while_connected(
    app: ASGIApp, body: bytes, scope: Scope, receive: Receive, send: Send, seconds: float
) -> None:
    """Run an application on a body that has been read.

    It is cancelled when the client goes before it has its answer, or has not taken it after some seconds.
    """
    gone = asyncio.Event()
    answered = False
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        if unread:
            return unread.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def observed(message: Message) -> None:
        nonlocal answered
        await send(message)
        answered = message["type"] == "http.response.body" and not message.get("more_body", False)

    work = asyncio.ensure_future(app(scope, replay, observed))
    watch = asyncio.create_task(until_gone())
    try:
        await asyncio.wait({work, watch}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        gone.set()
        if not work.done() and not answered:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        else:
            await work
    finally:
        watch.cancel()
        work.cancel()
