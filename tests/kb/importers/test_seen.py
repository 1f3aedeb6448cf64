from hypothesis import given
from hypothesis import strategies as st

from elinker.kb.importers.seen import SeenIds


@given(st.lists(st.text(max_size=3)))
def test_it_answers_as_a_set_does(identifiers: list[str]) -> None:
    seen, model = SeenIds(), set[str]()
    for identifier in identifiers:
        assert seen.add(identifier) == (identifier not in model)
        model.add(identifier)
    assert len(seen) == len(model)


def test_it_remembers_what_it_saw_before_it_grew() -> None:
    seen = SeenIds()
    assert all(seen.add(f"Q{number}") for number in range(5000))
    assert not any(seen.add(f"Q{number}") for number in range(5000))
