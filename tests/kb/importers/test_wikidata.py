import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.errors import InputError, UsageError
from elinker.kb.importers.wikidata import WikidataReader
from elinker.schema import Entity

ADAMS = Entity("Q42", "Douglas Adams", ("Douglas Noel Adams", "DNA"), "English science fiction writer", ("person",))
BERLIN = Entity("Q64", "Berlin", ("Berlin, Deutschland",), "capital of Germany", ("place",))
BARE = Entity("Q1000002", "Bare item")


def ids(entities: list[Entity]) -> list[str]:
    return [entity.id for entity in entities]


def item(**changes: Any) -> bytes:
    record = {
        "type": "item",
        "id": "Q1",
        "labels": {"en": {"language": "en", "value": "universe"}},
        "aliases": {},
        "descriptions": {},
        "claims": {},
        "sitelinks": {},
    }
    return json.dumps(record | changes).encode()


def test_the_sample_gives_items_with_names_description_and_coarse_types(samples: Path, converted: Any) -> None:
    entities, report = converted(samples / "wikidata.json", WikidataReader())
    assert entities == [ADAMS, BERLIN, BARE]
    assert report.left_out == {
        "a property or lexeme, not an item": 1,
        "of a class that is dropped": 1,
        "no label in the languages asked for": 1,
    }
    assert (report.rejected, report.damage) == (0, None)


def test_several_languages_give_all_their_names(samples: Path, converted: Any) -> None:
    entities, _ = converted(samples / "wikidata.json", WikidataReader(languages=("de", "en")))
    assert entities[0].aliases == ("Douglas Noël Adams", "Douglas Noel Adams", "DNA")
    assert entities[0].description == "britischer Schriftsteller"


def test_a_fallback_is_asked_only_where_no_language_has_a_label(samples: Path, converted: Any) -> None:
    entities, _ = converted(samples / "wikidata.json", WikidataReader(fallbacks=("de", "fr")))
    assert entities[0] == ADAMS
    assert ids(entities) == ["Q42", "Q64", "Q1000001", "Q1000002"]


def test_an_article_in_a_wikipedia_can_be_required(samples: Path, converted: Any) -> None:
    entities, report = converted(samples / "wikidata.json", WikidataReader(wikipedia="en"))
    assert ids(entities) == ["Q42"]
    assert report.left_out["no article in the Wikipedia asked for"] == 4


def test_a_wikipedia_named_in_a_text_only_is_no_article() -> None:
    line = item(labels={"en": {"language": "en", "value": '"enwiki"'}})
    assert WikidataReader(wikipedia="en")(line) == "no article in the Wikipedia asked for"


def test_the_code_of_a_wikipedia_may_hold_a_hyphen() -> None:
    line = item(sitelinks={"zh_yuewiki": {"site": "zh_yuewiki", "title": "宇宙", "badges": []}})
    assert isinstance(WikidataReader(wikipedia="zh-yue")(line), Entity)


def test_sitelinks_are_counted_over_all_projects(samples: Path, converted: Any) -> None:
    assert ids(converted(samples / "wikidata.json", WikidataReader(min_sitelinks=3))[0]) == ["Q42"]


def test_classes_can_be_kept_and_dropped(samples: Path, converted: Any) -> None:
    keep = WikidataReader(keep=frozenset({"Q5", "Q515"}))
    assert ids(converted(samples / "wikidata.json", keep)[0]) == ["Q42", "Q64"]
    drop = WikidataReader(drop=frozenset({"Q5"}))
    assert ids(converted(samples / "wikidata.json", drop)[0]) == ["Q64", "Q224038", "Q1000002"]


def test_a_preferred_class_hides_those_of_normal_rank(samples: Path, converted: Any) -> None:
    keep = WikidataReader(keep=frozenset({"Q486972", "Q5119"}))
    assert converted(samples / "wikidata.json", keep)[0] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "Q1", "type"', "broken JSON"),
        (b'"Q1"', "not a JSON object but str"),
        (b'{"id": "Q1"}', "no id or no type"),
        (item(labels="universe"), "labels is not an object"),
        (item(labels={"en": "universe"}), "has no value"),
        (item(claims={"P31": [{"rank": "normal"}]}), "a statement of P31"),
        (item(claims={"P31": 5}), "a statement of P31"),
        (item(aliases={"en": [{"language": "en"}]}), "has no value"),
        (item(aliases={"en": 5}), "not a list"),
    ],
)
def test_a_line_that_is_no_entity_is_an_error(line: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WikidataReader()(line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.sampled_from(["Q5", "normal", "value"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["en", "value", "P31", "rank", "mainsnak", "snaktype", "id"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries(dict.fromkeys(("id", "labels", "aliases", "descriptions", "claims", "sitelinks"), JSON)))
def test_whatever_the_fields_hold_a_line_is_an_entity_left_out_or_an_input_error(fields: dict[str, Any]) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(WikidataReader()(item(**fields)), Entity | str)


@pytest.mark.parametrize("line", [b"[", b"]", b"[,", b","])
def test_brackets_are_no_records(line: bytes) -> None:
    assert WikidataReader()(line) is None


@pytest.mark.parametrize(
    "options",
    [{"languages": ("English",)}, {"fallbacks": ("",)}, {"wikipedia": "../en"}, {"keep": frozenset({"person"})}],
)
def test_codes_that_cannot_be_are_usage_errors(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        WikidataReader(**options)
