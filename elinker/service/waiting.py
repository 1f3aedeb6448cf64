"""From a request to the threads and back: queued or refused, waited for or given up, its errors as refusals."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TypeVar

from elinker.errors import InputError
from elinker.service.batching import Batcher, QueueFullError, StoppedError
from elinker.service.refusals import Refusal

Job = TypeVar("Job")
Result = TypeVar("Result")

LOG = logging.getLogger("elinker.service")


class Deadline:
    """The time until which one request is worked on; it starts when it is made.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = asyncio.get_running_loop().time() + seconds

    async def result(self, future: Future[Result], what: str) -> Result:
        """The result of a job, which `what` names in messages.

        Raises:
            Refusal: 504 when the time is over, 422 for an input that cannot be linked, 500 for any other failure.
        """
        try:
            async with asyncio.timeout_at(self._end):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise Refusal(
                504, f"{what} was not ready after {self.seconds:g} s", "send less at a time, or try again later"
            ) from None
        except InputError as error:
            raise Refusal(422, f"{what}: {error.message}", error.hint or "change the input") from None
        except Exception as error:
            LOG.exception("%s failed", what)
            raise Refusal(
                500,
                f"{what} failed: {type(error).__name__}",
                "the log of the service tells more; others are not affected",
            ) from None


def submit(batcher: Batcher[Job, Result], jobs: Sequence[Job]) -> list[Future[Result]]:
    """Queue the jobs of a request.

    Raises:
        Refusal: 503 where there is no room, or the service stops.
    """
    try:
        return batcher.submit(jobs)
    except QueueFullError as full:
        raise Refusal(
            503,
            "the queue is full",
            "try again after the seconds of Retry-After",
            headers={"Retry-After": str(full.retry_after)},
        ) from None
    except StoppedError:
        raise Refusal(503, "the service stops", "ask another one, or wait until it is back") from None
