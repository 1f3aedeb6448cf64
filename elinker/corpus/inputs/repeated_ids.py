"""Documents whose id one before them has: they are kept, and counted so that somebody can be told."""

from array import array
from collections.abc import Iterable, Iterator

from elinker.corpus.records import BadRecord, Record

_WHOLE = (1 << 64) - 1


class RepeatedIds:
    """Counts the documents that pass by with an id that has been there before.

    A table of 64-bit hashes, at most two thirds full: some 12 to 24 bytes an id, whatever its length.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: str | None = None
        self._slots = array("Q", bytes(8 << 10))
        self._used = 0

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records as they come."""
        for record in records:
            if not isinstance(record, BadRecord) and self._is_known(record.document.id):
                self.count += 1
                self.first = self.first or record.document.id
            yield record

    def _is_known(self, identifier: str) -> bool:
        hashed = (hash(identifier) & _WHOLE) or 1  # 0 is an empty slot
        place = _place(self._slots, hashed)
        if self._slots[place]:
            return True
        self._slots[place] = hashed
        self._used += 1
        if 3 * self._used > 2 * len(self._slots):
            self._grow()
        return False

    def _grow(self) -> None:
        larger = array("Q", bytes(16 * len(self._slots)))
        for hashed in self._slots:
            if hashed:
                larger[_place(larger, hashed)] = hashed
        self._slots = larger


def _place(slots: "array[int]", hashed: int) -> int:
    """Where a hash is, or would be put."""
    place = hashed % len(slots)
    while slots[place] not in (0, hashed):
        place = (place + 1) % len(slots)
    return place
