"""Linking figures of parts of a benchmark, on one text that is worked out by hand."""

import json

import pytest

from elinker.errors import InputError
from elinker.evaluation import GoldDocument, GoldMention, score
from elinker.evaluation.breakdown import by_length, by_seen, by_type
from elinker.evaluation.known_entities import KnownEntities
from elinker.evaluation.matching import Counts
from elinker.evaluation.seen import read_seen
from elinker.schema import Document, Entity, Mention

TEXT = "Ada met Bob Lee in the New York City of Zed near Rome."
BASE = {
    "Q1": Entity("Q1", "Ada", types=("person",)),
    "Q60": Entity("Q60", "New York City", types=("place", "organization")),
    "Q90": Entity("Q90", "Rome", types=("place",)),
}


def span(name):
    return TEXT.index(name), TEXT.index(name) + len(name)


GOLD = [
    GoldDocument(
        "d",
        TEXT,
        (
            GoldMention(*span("Ada"), "Q1", types=("Q215627",)),
            GoldMention(*span("Bob Lee"), "Q2", types=("Q215627",)),
            GoldMention(*span("New York City"), "Q60"),
            GoldMention(*span("Zed")),
        ),
    )
]
PREDICTED = [
    Document(
        "d",
        TEXT,
        (
            Mention(*span("Ada"), "Ada", "Q1"),  # right
            Mention(*span("Bob Lee"), "Bob Lee", "Q60"),  # wrong entity
            Mention(*span("New York"), "New York", "Q60"),  # wrong span
            Mention(*span("Zed"), "Zed", "Q5"),  # aside: no id in the gold
            Mention(*span("Rome"), "Rome", "Q90"),  # spurious
        ),
    )
]
KNOWN = KnownEntities.of(GOLD, PREDICTED, BASE.get)


def counts(groups):
    return {
        each.name: (each.counts.true_positives, each.counts.false_positives, each.counts.false_negatives)
        for each in groups
    }


def test_by_type_gold_counts_by_its_type_and_false_links_by_the_type_of_what_they_say():
    # Right: Ada, person. Missed: Bob Lee, person by the gold's type; New York City, place and organization.
    # False: Q60 twice, place and organization; Q90, place.
    assert counts(by_type(GOLD, PREDICTED, KNOWN)) == {
        "person": (1, 0, 1),
        "place": (0, 3, 1),
        "organization": (0, 2, 1),
    }


def test_entities_whose_type_nobody_told_are_a_group_of_their_own():
    bare = [GoldDocument("d", TEXT, (GoldMention(*span("Ada"), "Q1"),))]
    assert counts(by_type(bare, PREDICTED, KnownEntities.of(bare))) == {"no type known": (1, 4, 0)}


def test_by_length_counts_the_words_of_each_mention():
    # Ada right; Rome false (one word). Bob Lee: wrong entity, so false and missed; New York false (two words).
    # New York City missed (three words).
    assert counts(by_length(GOLD, PREDICTED)) == {"1 word": (1, 1, 0), "2 words": (0, 2, 1), "3 words": (0, 0, 1)}


def test_mentions_of_four_words_and_more_are_one_group():
    text = "The Second Bank of the United States failed."
    gold = [GoldDocument("d", text, (GoldMention(4, 36, "Q1"), GoldMention(0, 36, "Q2")))]
    assert counts(by_length(gold, [Document("d", text)])) == {"4+ words": (0, 0, 2)}


def test_by_seen_asks_for_the_gold_entity_or_for_the_predicted_one_where_it_is_false():
    # Seen Q1, Q90: Ada right; Rome false. Unseen: Bob Lee and New York City missed, Q60 twice false.
    assert counts(by_seen(GOLD, PREDICTED, {"Q1", "Q90"})) == {"seen": (1, 1, 0), "unseen": (0, 2, 2)}


def test_groups_that_exclude_each_other_add_up_to_the_linking_counts():
    total = score(GOLD, PREDICTED).linking.counts
    for groups in (by_length(GOLD, PREDICTED), by_seen(GOLD, PREDICTED, {"Q1"})):
        assert sum((group.counts for group in groups), Counts()) == total


def test_types_of_elevant_are_told_in_the_words_of_the_bases_and_other_is_none():
    gold = [GoldDocument("d", "Ada", (GoldMention(0, 3, "Q7", types=("Q27096213", "Q43229", "OTHER", "harbour")),))]
    assert KnownEntities.of(gold).types("Q7") == ("place", "organization", "harbour")


def test_seen_entities_are_a_list_of_ids_or_those_of_labelled_texts(tmp_path):
    ids = tmp_path / "train.ids"
    ids.write_text("Q1\n\nQ2\r\n", encoding="utf-8")
    texts = tmp_path / "train.jsonl"
    document = Document("d", TEXT, (Mention(*span("Ada"), "Ada", "Q1"), Mention(*span("Zed"), "Zed")))
    texts.write_text(json.dumps(document.to_json()) + "\n", encoding="utf-8")
    assert read_seen(ids) == {"Q1", "Q2"}
    assert read_seen(texts) == {"Q1"}


def test_a_file_without_ids_or_absent_is_an_error_with_its_name(tmp_path):
    (tmp_path / "none.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"none\.txt: no entity ids"):
        read_seen(tmp_path / "none.txt")
    with pytest.raises(InputError, match=r"absent\.txt"):
        read_seen(tmp_path / "absent.txt")
    (tmp_path / "latin.txt").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.txt: not UTF-8"):
        read_seen(tmp_path / "latin.txt")
