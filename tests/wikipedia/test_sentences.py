"""The first sentence, by rule."""

import pytest

from elinker.wikipedia.sentences import LONGEST, first_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("He was born. He died.", "He was born."),
        ("St. James and J. R. R. Tolkien met Dr. Who. Then.", "St. James and J. R. R. Tolkien met Dr. Who."),
        ("A (b. 1815. x) was c. Next.", "A (b. 1815. x) was c. Next."),
        ("It costs 3.5 euros! Yes.", "It costs 3.5 euros!"),
        ("The U.S. Senate sits. Next.", "The U.S. Senate sits."),
        ("東京は日本の首都。大きい。", "東京は日本の首都。"),
        ("No end", "No end"),
        ("", ""),
    ],
)
def test_it_ends_at_a_full_stop_that_ends_no_abbreviation_and_is_in_no_brackets(text, sentence):
    assert first_sentence(text) == sentence


def test_a_long_one_is_cut_at_a_blank():
    cut = first_sentence("word " * 200)
    assert len(cut) <= LONGEST
    assert cut.endswith("word…")
