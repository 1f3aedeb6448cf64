import json
from pathlib import Path

import pytest

from elinker.errors import InputError, UsageError
from elinker.kb.importers.spacy_lookup import find_lookup, read_lookup
from elinker.schema import Entity


def lookup(directory: Path, entities: list[str], aliases: dict[str, dict[str, float]]) -> Path:
    import spacy
    from spacy.kb import InMemoryLookupKB

    kb = InMemoryLookupKB(spacy.blank("en").vocab, entity_vector_length=3)
    kb.set_entities(entities, [10.0] * len(entities), [[1.0, 2.0, 3.0]] * len(entities))
    for alias, candidates in aliases.items():
        kb.add_alias(alias, list(candidates), list(candidates.values()))
    kb.to_disk(directory)
    return directory


@pytest.fixture
def adams(tmp_path: Path) -> Path:
    aliases = {"Adams": {"Q42": 0.4, "Q19837": 0.1}, "Douglas Adams": {"Q42": 0.9}, "PERSON": {"Q19837": 0.2}}
    return lookup(tmp_path / "kb", ["Q42", "Q19837", "Q5"], aliases)


def test_the_most_probable_alias_is_the_label(adams: Path) -> None:
    assert list(read_lookup(adams)) == [
        Entity("Q42", "Douglas Adams", ("Adams",)),
        Entity("Q19837", "PERSON", ("Adams",)),
        Entity("Q5", "Q5"),
    ]


def test_a_base_is_found_in_its_pipeline(adams: Path) -> None:
    inside = adams.parent / "pipeline" / "entity_linker" / "kb"
    inside.parent.mkdir(parents=True)
    adams.rename(inside)
    for given_path in (inside, inside / "contents", inside.parent, inside.parent.parent):
        assert find_lookup(given_path) == inside
    with pytest.raises(UsageError, match="holds no spaCy knowledge base"):
        find_lookup(adams.parent)


def test_a_file_cut_short_or_with_a_length_that_leads_out_of_it_is_one_error(adams: Path) -> None:
    good = (adams / "contents").read_bytes()
    aliases = 16 + 3 * 12 + 3 * 16  # behind the header, three vectors and three entries
    huge = (1 << 62).to_bytes(8, "little")
    broken = [good[:cut] for cut in range(len(good))]
    broken += [good[:place] + huge + good[place + 8 :] for place in (0, 8, aliases, aliases + 16, aliases + 24)]
    for data in broken:
        (adams / "contents").write_bytes(data)
        with pytest.raises(InputError, match="damaged or cut short"):
            list(read_lookup(adams))


def test_strings_that_are_missing_are_named(adams: Path) -> None:
    strings = json.loads((adams / "strings.json").read_text())
    (adams / "strings.json").write_text(json.dumps([text for text in strings if text != "Adams"]))
    with pytest.raises(InputError, match="lacks a string"):
        list(read_lookup(adams))
