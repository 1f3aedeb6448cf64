import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.kb.names import normalise_name, text_hash


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Steve  Jobs", "steve jobs"),
        ("\tSteve\u00a0Jobs\n", "STEVE JOBS"),
        ("Straße", "STRASSE"),
        ("ﬁnance", "Finance"),
        ("Müller", "Mu\u0308ller"),
        ("ＮＡＳＡ", "nasa"),
    ],
)
def test_names_that_differ_in_case_width_composition_or_spaces_are_the_same(name: str, same: str) -> None:
    assert normalise_name(name) == normalise_name(same)


@pytest.mark.parametrize(("name", "other"), [("Apple", "Apples"), ("U.S.", "US"), ("Müller", "Muller")])
def test_names_that_differ_in_letters_or_punctuation_are_different(name: str, other: str) -> None:
    assert normalise_name(name) != normalise_name(other)


@given(st.text())
def test_a_normalised_name_has_no_spaces_to_collapse(name: str) -> None:
    normalised = normalise_name(name)
    assert normalised == " ".join(normalised.split())


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_normalising_latin_names_twice_changes_nothing(name: str) -> None:
    assert normalise_name(normalise_name(name)) == normalise_name(name)


def test_hashes_are_the_same_on_every_machine() -> None:
    # printf apple | b2sum -l 64
    assert text_hash("apple") == int.from_bytes(bytes.fromhex("960eb5a047f5aedf"), "little")


def test_a_lone_surrogate_has_a_hash() -> None:
    assert text_hash("\ud800") != text_hash("\ud801")
