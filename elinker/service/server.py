"""Runs an application on a socket until it is told to end: signals, log lines, exit. What is answered is elsewhere."""

import json
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn

from elinker.errors import UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

GRACE = 5.0
"""Seconds that running requests have beyond their own limit when the service is told to end."""


def bind(host: str, port: int) -> socket.socket:
    """Take an address without listening on it yet, so that nobody connects before the model is loaded.

    Args:
        host: a name or an address, IPv4 or IPv6.
        port: 0 for any free one.

    Raises:
        UsageError: the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except BaseException:
            bound.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen on {host}:{port}: {reason}", hint="choose another --host or --port") from None
    return bound


def address_of(bound: socket.socket) -> str:
    """The web address of a socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(app: "FastAPI", bound: socket.socket, *, seconds: float, on_ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; those that run are then answered, and no new ones taken.

    Args:
        app: what answers.
        bound: the socket of `bind`.
        seconds: a request may take; how long the end waits for those that run.
        on_ready: called when the port answers.

    Raises:
        UsageError: somebody else took the port meanwhile.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(seconds + GRACE),
    )
    server = _Server(config, on_ready)
    with _silent_signals():
        try:
            server.run([bound])
        except OSError as error:
            raise UsageError(f"cannot listen on {address_of(bound)}: {error.strerror}") from None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


@contextmanager
def _silent_signals() -> Iterator[None]:
    """uvicorn raises the signals that ended it once more when it is done: that is no failure here."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def log_to_stderr(*, as_json: bool) -> None:
    """Send the log to stderr: warnings and errors as text, or as JSON lines with one for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("elinker.service").setLevel(logging.INFO if as_json else logging.WARNING)


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, event, the record's `fields`, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        value: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            value["traceback"] = self.formatException(record.exc_info)
        return json.dumps(value)
