from hypothesis import given
from hypothesis import strategies as st

from elinker.kb.importers.records import shortened


@given(st.text(alphabet="ab ,.\n\t…é", max_size=60), st.integers(20, 50))
def test_a_shortened_passage_fits_and_begins_like_the_passage(passage: str, length: int) -> None:
    found, whole = shortened(passage, length), " ".join(passage.split())
    assert len(found) <= length
    assert found == whole or (found.endswith("…") and whole.startswith(found[:-1]))


def test_a_passage_is_cut_at_the_end_of_a_word() -> None:
    assert shortened("the quick brown fox", 11) == "the quick…"
    assert shortened("the quick brown fox", 16) == "the quick brown…"
    assert shortened("one-very-long-word", 10) == "one-very-…"
