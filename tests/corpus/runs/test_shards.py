"""Where a corpus is cut, and what the digest of a shard notices."""

from hypothesis import given
from hypothesis import strategies as st

from elinker import Document
from elinker.corpus import BadRecord, Located
from elinker.corpus.records import Record
from elinker.corpus.runs.shards import cut

RECORDS = st.lists(
    st.builds(BadRecord, st.just("in"), st.integers(1, 9), st.text(max_size=3))
    | st.builds(Located, st.builds(Document, st.text(max_size=2), st.text(max_size=30)), st.just("in")),
    max_size=30,
)


@given(records=RECORDS, documents=st.integers(1, 8), characters=st.integers(1, 60))
def test_shards_hold_every_record_once_in_order_and_are_bounded(
    records: list[Record], documents: int, characters: int
) -> None:
    shards = [piece.shard for piece in cut(records, documents=documents, characters=characters)]
    assert [record for shard in shards for record in shard.records] == records
    assert [shard.number for shard in shards] == list(range(len(shards)))
    assert all(1 <= len(shard.records) <= documents for shard in shards)


@given(records=RECORDS, more=RECORDS)
def test_the_cut_of_complete_shards_does_not_depend_on_what_follows(records: list[Record], more: list[Record]) -> None:
    complete = list(cut(records, documents=4, characters=50))[:-1]
    assert list(cut(records + more, documents=4, characters=50))[: len(complete)] == complete


def test_long_documents_make_short_shards_and_are_not_divided() -> None:
    records: list[Record] = [Located(Document(str(n), "x" * length), "in") for n, length in enumerate([5, 5, 500, 5])]
    assert [len(piece.shard.records) for piece in cut(records, documents=100, characters=50)] == [3, 1]


def test_meta_counts_for_the_size_of_a_shard() -> None:
    records: list[Record] = [Located(Document(str(n), "x", meta={"body": "y" * 100}), "in") for n in range(3)]
    assert [len(piece.shard.records) for piece in cut(records, documents=100, characters=50)] == [1, 1, 1]


def test_the_digest_sees_every_change_of_what_is_read() -> None:
    variants: list[list[Record]] = [
        [Located(Document("a", "bc"), "in", 1)],
        [Located(Document("ab", "c"), "in", 1)],
        [Located(Document("a", "bc"), "in", 2)],
        [Located(Document("a", "bc", meta={"n": 1}), "in", 1)],
        [Located(Document("a", "bc", meta={"n": 2}), "in", 1)],
        [Located(Document("a", "b\ud800"), "in", 1)],
        [BadRecord("in", 1, "broken")],
        [BadRecord("in", 1, "broken", "{")],
        [Located(Document("a", "bc"), "in", 1), Located(Document("", ""), "in", 1)],
    ]
    digests = {next(cut(records)).digest for records in variants}
    assert len(digests) == len(variants)
