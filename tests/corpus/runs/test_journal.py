"""A journal survives being cut off or damaged anywhere: what can be read of it is true."""

from hypothesis import given
from hypothesis import strategies as st

from elinker.corpus.runs.journal import Entry, PartFile, lines, read_entries

NAMES = st.text(max_size=12)
FILES = st.builds(PartFile, NAMES, st.integers(0, 10**12), NAMES)
COUNTS = st.integers(0, 10**9)
ENTRIES = st.builds(
    Entry,
    shard=st.integers(0, 40),
    read=NAMES,
    documents=COUNTS,
    bad=COUNTS,
    mentions=COUNTS,
    linked=COUNTS,
    tokens=COUNTS,
    seconds=st.floats(0, 1e6),
    losses=st.dictionaries(NAMES, COUNTS, max_size=2),
    files=st.lists(FILES, max_size=2).map(tuple),
)
JOURNALS = st.lists(ENTRIES, max_size=6)


@given(entries=JOURNALS)
def test_a_journal_says_what_was_written_last_of_each_shard(entries: list[Entry]) -> None:
    assert read_entries(lines(entries)) == {entry.shard: entry for entry in entries}


@given(entries=JOURNALS, data=st.data())
def test_any_beginning_of_a_journal_holds_the_entries_that_are_whole(entries: list[Entry], data: st.DataObject) -> None:
    content = lines(entries)
    length = data.draw(st.integers(0, len(content)))
    ends = [len(lines(entries[:number])) for number in range(1, len(entries) + 1)]
    whole = [entry for entry, end in zip(entries, ends, strict=True) if end <= length + 1]
    assert read_entries(content[:length]) == {entry.shard: entry for entry in whole}


@given(entries=JOURNALS, tail=st.binary(max_size=40), data=st.data())
def test_damage_costs_only_the_lines_that_it_touches(entries: list[Entry], tail: bytes, data: st.DataObject) -> None:
    each = [entry.line() for entry in entries]
    damaged = data.draw(st.sets(st.integers(0, max(0, len(each) - 1)), max_size=len(each)))
    for number in damaged & set(range(len(each))):
        place = data.draw(st.integers(0, len(each[number]) - 2))
        changed = bytearray(each[number])
        changed[place] ^= 1 << data.draw(st.integers(0, 7))
        each[number] = bytes(changed)
    intact = [entry for number, entry in enumerate(entries) if number not in damaged]
    assert read_entries(b"".join(each) + tail) == {entry.shard: entry for entry in intact}
