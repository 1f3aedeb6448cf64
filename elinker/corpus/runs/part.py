"""A linked shard as the bytes of its files: the documents in a format, and the list of bad ones."""

import io
from dataclasses import dataclass, field

from elinker.corpus.losses import Losses, losses_of
from elinker.corpus.output import error_line
from elinker.corpus.readers import ERRORS_SUFFIX
from elinker.corpus.records import BadRecord, Format
from elinker.corpus.runner import Summary, unwritten
from elinker.corpus.runs.engine import LinkedShard
from elinker.errors import InputError


@dataclass(frozen=True, slots=True)
class Part:
    """The files of a shard by name, what is in them, what the format could not hold, and its bad records."""

    number: int
    files: dict[str, bytes]
    counts: Summary
    losses: Losses
    bad: list[BadRecord] = field(default_factory=list)


def make_part(shard: LinkedShard, form: Format) -> Part:
    """The files of a shard; a document that the format cannot hold becomes a bad record in its place."""
    assert form.write is not None
    stream = io.BytesIO()
    writer = form.write(stream)
    counts = Summary(tokens=shard.tokens)
    bad = []
    for record in shard.records:
        if isinstance(record, BadRecord):
            bad.append(record)
            continue
        try:
            writer.write(record.document)
            counts.count(record.document)
        except InputError as error:
            bad.append(unwritten(record, error))
    writer.finish()
    counts.bad = len(bad)
    files = {f"{stem(shard.number)}{form.writes[0]}": stream.getvalue()}
    if bad:
        files[f"{stem(shard.number)}{ERRORS_SUFFIX}"] = b"".join(error_line(record) for record in bad)
    return Part(shard.number, files, counts, losses_of(writer), bad)


def stem(number: int) -> str:
    """What the names of a shard's files start with."""
    return f"part-{number:05d}"
