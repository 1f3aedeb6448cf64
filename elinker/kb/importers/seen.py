"""Which ids have occurred: 64-bit hashes in an open-addressed table, for millions of ids in little memory."""

from array import array

from elinker.kb.names import text_hash

_SMALLEST = 1 << 10


class SeenIds:
    """A set of ids known by their hashes: 16 to 32 bytes an id, 48 for a moment while it grows.

    Two ids of the same hash pass for one. The chance that this happens at all among 6 million ids is one in a million.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _SMALLEST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, identifier: str) -> bool:
        """Take note of an id; whether it is new."""
        new = self._put(text_hash(identifier) or 1)  # 0 marks a free slot
        if new and 2 * self._count > len(self._slots):
            self._grow()
        return new

    def _put(self, hashed: int) -> bool:
        mask = len(self._slots) - 1
        slot = hashed & mask
        while (found := self._slots[slot]) != hashed:
            if not found:
                self._slots[slot] = hashed
                self._count += 1
                return True
            slot = (slot + 1) & mask
        return False

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(16 * len(old)))
        self._count = 0
        for hashed in old:
            if hashed:
                self._put(hashed)
