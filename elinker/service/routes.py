"""The routes: a request in, jobs to the linking thread, the answer's bytes out. Limits on bodies are in `gate`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from elinker.corpus.formats.jsonl import encode
from elinker.schema import Document
from elinker.service import answers, requests
from elinker.service.batching import Batcher
from elinker.service.limits import Limits
from elinker.service.observing import Metrics
from elinker.service.refusals import Refusal
from elinker.service.version import describe
from elinker.service.waiting import Deadline, submit
from elinker.service.work import (
    Annotate,
    Disambiguate,
    Found,
    Job,
    LinkerWork,
    Question,
    RagWork,
    Result,
    Search,
    weight,
)

if TYPE_CHECKING:
    from elinker.linking.linker import Linker
    from elinker.rag.answer import Answer
    from elinker.rag.rag import Rag

JSON = "application/json"
TIMED_OUT = 504
QUESTIONS = 16
"""Most questions that are answered side by side."""

LINES = "application/x-ndjson"
"""The media type of an answer with a document a line, as `elinker annotate` writes them."""


class Service:
    """The routes, and what they share: a linker that one thread uses, metrics, limits.

    Args:
        linker: what links; nothing else may use it meanwhile.
        limits: of requests.
        rag: what answers questions, in another thread; None for a service that answers none.
    """

    def __init__(self, linker: "Linker", limits: Limits, rag: "Rag | None" = None) -> None:
        self.limits = limits
        self.metrics = Metrics(lambda: self._linking.waiting)
        self._url = linker.kb.url
        self._version = encode(describe(linker, limits)) + b"\n"
        self._linking: Batcher[Job, Result] = Batcher(
            LinkerWork(linker, self.metrics.tokens),
            name="linking",
            weigh=weight,
            most=limits.batch_characters,
            wait=limits.batch_wait,
            depth=limits.queue,
            on_batch=self.metrics.batch,
        )
        self._answering: Batcher[Question, Answer] | None = None
        if rag is not None:
            self._answering = Batcher(
                RagWork(rag),
                name="answering",
                weigh=lambda _: 1,
                most=QUESTIONS,
                wait=limits.batch_wait,
                depth=limits.queue,
                on_batch=lambda batch: self.metrics.questions(batch.jobs),
            )

    def start(self) -> None:
        """Take requests; the threads start with the first."""
        for batcher in self._threads:
            batcher.start()

    def stop(self) -> None:
        """Finish what waits and end the threads."""
        for batcher in self._threads:
            batcher.stop()

    async def annotate(self, request: Request, body: requests.AnnotateBody) -> Response:
        """Find the mentions of one text or of several and link them.

        With `Accept: application/x-ndjson` the answer is a document a line, each sent as soon as it is linked; the
        line of a document that cannot be linked holds an `error`.
        """
        documents = requests.documents_to_annotate(body, self.limits)
        return await self._documents(request, [Annotate(document) for document in documents], keep_nil=body.keep_nil)

    async def disambiguate(self, request: Request, body: requests.DisambiguateBody) -> Response:
        """Link spans that are given: the candidates of each, and the entity or NIL."""
        documents = requests.documents_to_disambiguate(body, self.limits)
        return await self._documents(request, [Disambiguate(document) for document in documents], keep_nil=True)

    async def search(self, body: requests.SearchBody) -> Response:
        """Find entities: those that bear the text as a name, and those nearest to it."""
        return await self._search(Search(body.text, body.k))

    async def search_by_address(
        self, text: Annotated[requests.Query, Query()], k: Annotated[requests.HowMany, Query()] = 10
    ) -> Response:
        """The same with the text in the address."""
        return await self._search(Search(text, k))

    async def rag(self, body: requests.QuestionBody) -> Response:
        """Answer a question from passages: the answer, its citations, and what was asked and read on the way."""
        assert self._answering is not None, "the route exists only where questions are answered"
        deadline = Deadline(self.limits.seconds)
        (future,) = submit(self._answering, [Question(body.question, tuple(body.entities))])
        try:
            answer = await deadline.result(future, "the answer")
        finally:
            future.cancel()
        return Response(encode(answer.to_json()) + b"\n", media_type=JSON)

    async def health(self) -> Response:
        """Whether requests are answered: 200, or 503 while the service stops."""
        ready = all(batcher.works for batcher in self._threads)
        body = encode({"status": "ready" if ready else "stopping"}) + b"\n"
        return Response(body, 200 if ready else 503, media_type=JSON)

    async def live(self) -> Response:
        """200 as long as the process answers at all."""
        return Response(b'{"status": "live"}\n', media_type=JSON)

    async def version(self) -> Response:
        """Versions, fingerprints of model and base, settings and limits."""
        return Response(self._version, media_type=JSON)

    async def measure(self) -> Response:
        """Prometheus metrics."""
        return Response(self.metrics.render(), headers={"Content-Type": self.metrics.content_type})

    @property
    def _threads(self) -> "list[Batcher[Any, Any]]":
        return [self._linking] if self._answering is None else [self._linking, self._answering]

    async def _search(self, search: Search) -> Response:
        deadline = Deadline(self.limits.seconds)
        (future,) = submit(self._linking, [search])
        try:
            found = await deadline.result(future, "the search")
        finally:
            future.cancel()
        assert isinstance(found, Found)
        return Response(answers.search_json(search.text, found, self._url), media_type=JSON)

    async def _documents(
        self, request: Request, jobs: Sequence[Annotate | Disambiguate], *, keep_nil: bool
    ) -> Response:
        deadline = Deadline(self.limits.seconds)
        futures = submit(self._linking, jobs)

        async def linked(number: int) -> bytes:
            what = f"document {number} ({jobs[number].document.id[:50]!r})"
            document = await deadline.result(futures[number], what)
            assert isinstance(document, Document)
            if not keep_nil:
                document = replace(document, mentions=tuple(m for m in document.mentions if m.entity_id is not None))
            self.metrics.document(document)
            return answers.line(document)

        if LINES in request.headers.get("accept", ""):
            return StreamingResponse(_lines(linked, futures), media_type=LINES)
        try:
            lines = [await linked(number) for number in range(len(jobs))]
        finally:
            _cancel(futures)
        return Response(answers.documents_json(lines), media_type=JSON)


async def _lines(linked: Callable[[int], Awaitable[bytes]], futures: Sequence[Future[Result]]) -> AsyncIterator[bytes]:
    """A line a document, or its error; what is not ready in time ends the answer."""
    try:
        for number in range(len(futures)):
            try:
                yield await linked(number) + b"\n"
            except Refusal as refusal:
                yield encode(refusal.to_json()) + b"\n"
                if refusal.status_code == TIMED_OUT:
                    return
    finally:
        _cancel(futures)


def _cancel(futures: Sequence[Future[Result]]) -> None:
    for future in futures:
        future.cancel()
