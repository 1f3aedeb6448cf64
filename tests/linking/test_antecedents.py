"""Which longer name a short one repeats."""

import pytest

from elinker.linking.antecedents import antecedents


@pytest.mark.parametrize("short", ["Bob", "Nardelli", "NARDELLI", "Nardelli."])
def test_a_first_or_last_name_repeats_the_full_one(short: str) -> None:
    assert antecedents(["Bob Nardelli", short]) == [None, 0]


def test_the_nearest_earlier_one_counts() -> None:
    assert antecedents(["Gerald Ford", "Betty Ford", "Ford"]) == [None, None, 1]


def test_what_comes_later_does_not_count() -> None:
    assert antecedents(["Ford", "Gerald Ford"]) == [None, None]


def test_names_of_several_words_and_words_within_names_have_none() -> None:
    assert antecedents(["John Fitzgerald Kennedy", "Fitzgerald", "John Fitzgerald"]) == [None, None, None]
