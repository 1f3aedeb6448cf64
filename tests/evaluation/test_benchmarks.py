"""Labelled texts become gold documents; how their formats are read is in tests/labelled."""

import json

import pytest

from elinker.errors import InputError, UsageError
from elinker.evaluation.benchmarks import gold_document, read_benchmark
from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.schema import Document, Mention


def elevant_line(**changes):
    return json.dumps(
        {
            "id": 7,
            "title": "A meeting",
            "text": "Frank Blake met Zed.",
            "evaluation_span": [0, 11],
            "labels": [
                {"id": 2, "span": [16, 19], "entity_id": "Unknown3", "name": "Unknown", "type": "OTHER"},
                {"id": 0, "span": [0, 11], "entity_id": "Q1437140", "name": "Frank Blake", "type": "Q215627|Q4164871"},
                {"id": 1, "span": [6, 11], "entity_id": "Q1437140", "name": "Frank Blake", "parent": 0},
            ],
        }
        | changes
    )


def written(tmp_path, *lines, name="test.benchmark.jsonl"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


AIDA = ["-DOCSTART- (1 EU)", "EU\tB\tEU\t--NME--", "rejects", "", "-DOCSTART- (2 Rare)", "Rare"]


def test_elevant_labels_with_a_parent_are_alternatives_and_unknown_ids_are_none(tmp_path):
    [document] = read_benchmark(written(tmp_path, elevant_line()))
    assert document == GoldDocument(
        id="7",
        text="Frank Blake met Zed.",
        mentions=(GoldMention(0, 11, "Q1437140"), GoldMention(16, 19, None)),
        alternatives=(GoldMention(6, 11, "Q1437140"),),
        evaluation_span=(0, 11),
    )


def test_names_types_and_title_come_along_beside_their_mentions(tmp_path):
    [document] = read_benchmark(written(tmp_path, elevant_line()))
    assert document.title == "A meeting"
    assert [(mention.label, mention.types) for mention in document.mentions] == [
        ("Frank Blake", ("Q215627", "Q4164871")),
        (None, ("OTHER",)),
    ]
    assert document.alternatives[0].label == "Frank Blake"


def test_elinkers_own_jsonl_and_aida_are_told_by_their_content(tmp_path):
    document = Document("d", "Ada met Zed.", (Mention(0, 3, "Ada", "person/ada"), Mention(8, 11, "Zed")))
    assert read_benchmark(written(tmp_path, json.dumps(document.to_json()))) == [
        GoldDocument("d", "Ada met Zed.", (GoldMention(0, 3, "person/ada"), GoldMention(8, 11, None)))
    ]
    assert [each.mentions for each in read_benchmark(written(tmp_path, *AIDA))] == [(GoldMention(0, 2, None),), ()]


def test_an_empty_id_is_none():
    assert gold_document(Document("d", "Ada", (Mention(0, 3, "Ada", ""),))).mentions == (GoldMention(0, 3, None),)


def test_limit_reads_only_the_first_documents(tmp_path):
    assert len(read_benchmark(written(tmp_path, *AIDA), limit=1)) == 1


def test_a_format_can_be_named_and_a_wrong_name_lists_the_right_ones(tmp_path):
    assert len(read_benchmark(written(tmp_path, *AIDA), format="aida")) == 2
    with pytest.raises(UsageError, match="elevant"):
        read_benchmark(written(tmp_path, *AIDA), format="excel")


def test_a_broken_line_is_an_error_with_file_and_line(tmp_path):
    path = written(tmp_path, elevant_line(), elevant_line(labels=[{"span": [0, 99], "entity_id": "Q1"}]))
    with pytest.raises(InputError, match=r"jsonl:2: span 0:99 is not in the text of 20 characters"):
        read_benchmark(path)


def test_a_file_without_documents_is_an_error_with_its_name(tmp_path):
    with pytest.raises(InputError, match=r"empty\.jsonl: no documents"):
        read_benchmark(written(tmp_path, "", name="empty.jsonl"), format="jsonl")


@pytest.mark.parametrize(
    "meta",
    [
        {"alternatives": [{"start": 0}]},
        {"alternatives": 3},
        {"evaluation_span": "all"},
        {"mention_types": [["person"]]},
        {"mention_types": ["person", "place"]},
    ],
)
def test_meta_of_another_form_is_an_error_that_names_the_document(meta):
    document = Document("d", "Ada, Bob", (Mention(0, 3, "Ada"), Mention(5, 8, "Bob")), meta)
    with pytest.raises(InputError, match="document 'd'"):
        gold_document(document)
