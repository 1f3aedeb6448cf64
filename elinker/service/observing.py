"""What the service tells about itself: Prometheus metrics, and a log line a request. No texts are in either."""

import logging
from collections.abc import Callable, Collection
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from elinker.schema import Document
from elinker.service.batching import Batch

LOG = logging.getLogger("elinker.service")

CLIENT_GONE = 499
"""Counted and logged as the status of a request whose client did not wait for the answer; nobody sees it."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOBS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_CHARACTERS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
_METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"))


class Metrics:
    """The counters of one service, in a registry of its own.

    Args:
        queue: says how many jobs wait.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, queue: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "elinker_requests", "Requests answered.", ("path", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "elinker_request_seconds", "Time of a request.", ("path",), buckets=_SECONDS, registry=self.registry
        )
        self._running = Gauge("elinker_requests_running", "Requests being worked on.", registry=self.registry)
        self._batch_jobs = Histogram(
            "elinker_batch_jobs", "Documents and searches of a batch.", buckets=_JOBS, registry=self.registry
        )
        self._batch_characters = Histogram(
            "elinker_batch_characters", "Characters of a batch.", buckets=_CHARACTERS, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "elinker_batch_seconds", "Time of a batch.", buckets=_SECONDS, registry=self.registry
        )
        self._queue = Gauge("elinker_queue_jobs", "Documents and searches that wait.", registry=self.registry)
        self._queue.set_function(queue)
        self._documents = Counter("elinker_documents", "Documents answered.", registry=self.registry)
        self._mentions = Counter("elinker_mentions", "Mentions answered.", ("linked",), registry=self.registry)
        self._questions = Counter("elinker_questions", "Questions answered or failed.", registry=self.registry)
        self._tokens = Counter("elinker_tokens", "Source tokens read by the model.", registry=self.registry)

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def start(self) -> None:
        """Count a request that begins."""
        self._running.inc()

    def end(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count a request that is over."""
        self._running.dec()
        self._requests.labels(path, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, batch: Batch) -> None:
        """Count a batch."""
        self._batch_jobs.observe(batch.jobs)
        self._batch_characters.observe(batch.weight)
        self._batch_seconds.observe(batch.seconds)

    def tokens(self, number: int) -> None:
        """Count tokens read."""
        self._tokens.inc(number)

    def questions(self, number: int) -> None:
        """Count questions that have been worked on."""
        self._questions.inc(number)

    def document(self, document: Document) -> None:
        """Count a document that is answered."""
        self._documents.inc()
        linked = sum(mention.entity_id is not None for mention in document.mentions)
        self._mentions.labels("true").inc(linked)
        self._mentions.labels("false").inc(len(document.mentions) - linked)


class Observer:
    """Counts and logs every request.

    Args:
        app: what is behind.
        metrics: to count in.
        paths: that exist; others are counted as one, since anybody can think of more.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell when it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, size, complete, failed = 0, 0, False, True
        start = perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status, size, complete
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
                complete = not message.get("more_body", False)
            await send(message)

        self._metrics.start()
        try:
            await self._app(scope, receive, observed)
            failed = False
        finally:
            seconds = perf_counter() - start
            shown = 500 if failed and not status else status if complete else CLIENT_GONE
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.end(path, scope["method"], shown, seconds)
            LOG.info(
                "request",
                extra={
                    "fields": {
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": shown,
                        "milliseconds": round(seconds * 1000, 1),
                        "bytes": size,
                        "client": (scope.get("client") or ("",))[0],
                    }
                },
            )
