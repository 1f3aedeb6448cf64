"""Ids in one form, and titles that become ids."""

import pytest

from elinker.corpus.formats.identifiers import normalise_id
from elinker.errors import InputError
from elinker.labelled.titles import map_document, read_titles
from elinker.schema import Document, Mention


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("http://www.wikidata.org/entity/Q42", "Q42"),
        ("https://www.wikidata.org/wiki/Q42", "Q42"),
        ("wd:Q42", "Q42"),
        ("Q42", "Q42"),
        ("http://dbpedia.org/resource/Douglas_Adams", "Douglas Adams"),
        ("http://fr.dbpedia.org/resource/L%27%C3%89tranger", "L'Étranger"),
        ("https://en.wikipedia.org/wiki/Who_Framed_Roger_Rabbit?", "Who Framed Roger Rabbit?"),
        ("https://en.wikipedia.org/wiki/AC/DC#History", "AC/DC"),
        ("Plain_name", "Plain_name"),
        ("http://my.base/1", "http://my.base/1"),
        ("", ""),
    ],
)
def test_only_addresses_of_wikidata_wikipedia_and_dbpedia_are_shortened(stated, expected):
    assert normalise_id(stated) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", "\ufeffAda_Lovelace\tQ7259\r\n\nZed\thttp://www.wikidata.org/entity/Q1\textra\n"),
        ("t.jsonl", '{"title": "Ada Lovelace", "id": "Q7259"}\n{"title": "Zed", "id": "Q1"}\n'),
    ],
)
def test_titles_are_read_from_tsv_and_jsonl(write, name, content):
    assert read_titles(write(name, content)) == {"Ada Lovelace": "Q7259", "Zed": "Q1"}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.tsv", "Ada\n", "t.tsv:1: not a title, a tab and an id"),
        ("t.tsv", b"\xff\tQ1\n", "t.tsv:1: not UTF-8"),
        ("t.jsonl", '{"title": "Ada"}', "t.jsonl:1: not an object with the strings 'title' and 'id'"),
    ],
)
def test_a_broken_file_of_titles_is_an_error_with_file_and_line(write, name, content, complaint):
    with pytest.raises(InputError, match=complaint):
        read_titles(write(name, content))


def test_mentions_and_alternatives_are_mapped_and_unknown_titles_stay():
    alternative = {"start": 0, "end": 3, "text": "Ada", "entity_id": "ada_Lovelace", "label": None}
    mentions = (Mention(0, 3, "Ada", "ada Lovelace"), Mention(4, 7, "Zed", "Zed"), Mention(8, 11, "Bob"))
    document = Document("d", "Ada Zed Bob", mentions, {"alternatives": [alternative]})
    mapped = map_document(document, {"Ada Lovelace": "Q7259", "Bob": "Q2"})
    assert [mention.entity_id for mention in mapped.mentions] == ["Q7259", "Zed", None]
    assert mapped.meta["alternatives"] == [{**alternative, "entity_id": "Q7259"}]


def test_a_qid_is_no_title_although_there_are_pages_of_such_names():
    document = Document("d", "Ada", (Mention(0, 3, "Ada", "Q1"),))
    assert map_document(document, {"Q1": "Q666"}) == document
