"""Cutting a corpus into shards: always at the same records, whoever links them and however often a run was stopped."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from elinker.corpus.records import BadRecord, Record
from elinker.corpus.runs.engine import Shard

SHARD_DOCUMENTS = 1000
SHARD_CHARACTERS = 1_000_000
"""A shard is also complete when its texts and meta have this many characters: long documents make short shards."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A shard and a digest (BLAKE2b, hex) of all that was read for it: ids, texts, meta, places, reasons."""

    shard: Shard
    digest: str


def cut(
    records: Iterable[Record], *, documents: int = SHARD_DOCUMENTS, characters: int = SHARD_CHARACTERS
) -> Iterator[Cut]:
    """The records as shards of `documents` records, fewer where these have `characters` characters.

    A document longer than `characters` ends its shard; no document is divided.
    """
    number = 0
    held: list[Record] = []
    size = 0
    digest = hashlib.blake2b(digest_size=16)
    for record in records:
        parts = _parts(record)
        for part in parts:
            # The length in front of each part keeps "ab" + "c" apart from "a" + "bc".
            content = part.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "big") + content)
        held.append(record)
        size += sum(map(len, parts))
        if len(held) >= documents or size >= characters:
            yield Cut(Shard(number, tuple(held)), digest.hexdigest())
            number, held, size = number + 1, [], 0
            digest = hashlib.blake2b(digest_size=16)
    if held:
        yield Cut(Shard(number, tuple(held)), digest.hexdigest())


def _parts(record: Record) -> tuple[str, ...]:
    if isinstance(record, BadRecord):
        return ("bad", str(record.line), record.reason, record.raw or "")
    try:
        meta = repr(record.document.meta) if record.document.meta else ""
    except RecursionError:  # no format can hold it either, so that its document is going to be a bad record
        meta = "nested too deeply"
    return ("document", str(record.line), record.document.id, record.document.text, meta)
