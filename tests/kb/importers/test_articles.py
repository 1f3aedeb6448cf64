"""KILT, BLINK and ReFinED: each sample, and lines that are not of the format."""

from pathlib import Path
from typing import Any

import pytest

from elinker.errors import InputError
from elinker.kb.importers.blink import BlinkReader
from elinker.kb.importers.kilt import KiltReader
from elinker.kb.importers.refined import read_refined
from elinker.schema import Entity


def test_kilt_gives_wikidata_ids_and_names(samples: Path, converted: Any) -> None:
    entities, report = converted(samples / "kilt.json", KiltReader())
    assert entities == [
        Entity(
            "Q6199",
            "Anarchism",
            ("anarchism", "anarchist philosophy"),
            "political philosophy that advocates self-governed societies",
        ),
        Entity(
            "Q101038",
            "Albedo",
            ("albedo", "reflection coefficient"),
            "Albedo is the measure of the diffuse reflection of solar radiation, out of the total, and measured on a "
            "scale from 0 to 1.",
        ),
    ]
    assert report.left_out == {"no Wikidata id": 1}


def test_kilt_gives_page_numbers_where_asked(samples: Path, converted: Any) -> None:
    entities, _ = converted(samples / "kilt.json", KiltReader("wikipedia", description_length=40))
    assert [entity.id for entity in entities] == ["12", "39", "40"]
    assert entities[1].description == "Albedo is the measure of the diffuse…"


def test_blink_gives_titles_and_the_beginning_of_the_text(samples: Path, converted: Any) -> None:
    entities, _ = converted(samples / "blink.jsonl", BlinkReader(description_length=60))
    assert entities == [
        Entity("12", "Anarchism", (), "Anarchism is a political philosophy and movement that is…"),
        Entity("39", "Albedo", ("Albedo (physics)",), "Albedo () is the measure of the diffuse reflection of solar…"),
    ]


def test_elq_gives_wikidata_ids(samples: Path, converted: Any) -> None:
    entities, report = converted(samples / "blink.jsonl", BlinkReader("wikidata"))
    assert [entity.id for entity in entities] == ["Q6199"]
    assert report.left_out == {"no kb_idx": 1}


def test_refined_gives_coarse_types_of_classes_and_keeps_words(samples: Path, converted: Any) -> None:
    entities, _ = converted(samples / "refined.jsonl", read_refined)
    assert entities == [
        Entity(
            "A1",
            "Ada's Bakery",
            ("Ada's", "The Bakery"),
            "bakery on the market square",
            ("organization", "bakery"),
        ),
        Entity("A2", "Bob Builder", (), "owner of the bakery", ("person",)),
    ]


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (KiltReader(), b'{"id": "Q1", "label": "universe"}'),
        (KiltReader(), b'{"wikipedia_id": 1, "wikipedia_title": ["x"]}'),
        (KiltReader(), b'{"wikipedia_id": 1, "wikipedia_title": "x", "wikidata_info": "Q1"}'),
        (KiltReader("wikipedia"), b'{"wikipedia_id": 1, "wikipedia_title": "x", "text": "a paragraph"}'),
        (BlinkReader(), b'{"id": "Q1", "label": "universe"}'),
        (BlinkReader(), b'{"title": null, "text": "x", "idx": "1"}'),
        (read_refined, b'{"label": "universe"}'),
        (read_refined, b'{"label": "universe", "id": true}'),
        (read_refined, b'{"label": "universe", "id": "A1", "aliases": "cosmos"}'),
    ],
)
def test_a_line_of_another_form_is_an_error(reader: Any, line: bytes) -> None:
    with pytest.raises(InputError):
        reader(line)
