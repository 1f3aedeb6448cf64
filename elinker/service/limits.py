"""What one request, and all of them together, may ask of the service. Where each is enforced is not here."""

from dataclasses import dataclass, fields

from elinker.errors import UsageError

QUERY_CHARACTERS = 1_000
"""Longest text of a search or a question."""

NEAREST = 100
"""Most entities that a search answers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service (docs/service.md says which status answers each).

    Args:
        body_bytes: of one request.
        text_characters: of one document.
        documents: of one request.
        mentions: that are given with one document.
        nested: given mentions of one document that may lie over the same character; each costs a pass of its own.
        requests: that are worked on at the same time, their bodies in memory.
        queue: documents that wait for the model.
        seconds: until a request is answered; a body must have arrived in as many.
        batch_characters: that are linked in one go; a longer document goes alone.
        batch_wait: seconds that the first document of a batch waits for others where the model is idle.

    Raises:
        UsageError: a limit that would refuse everything.
    """

    body_bytes: int = 4 * 1024 * 1024
    text_characters: int = 20_000
    documents: int = 256
    mentions: int = 2_000
    nested: int = 16
    requests: int = 128
    queue: int = 4_096
    seconds: float = 60.0
    batch_characters: int = 8_192
    batch_wait: float = 0.002

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value < 0 or (value == 0 and limit.name != "batch_wait"):
                raise UsageError(f"{limit.name.replace('_', ' ')}: {value} would refuse every request")
        if self.queue < self.documents:
            raise UsageError(
                f"a queue of {self.queue} never has room for a request of {self.documents} documents",
                hint="raise --max-queue or lower --max-documents",
            )
