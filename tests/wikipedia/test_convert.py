"""A dump becomes passages that training reads, entities that a base is built from, and a table of titles."""

import json

import pytest

from elinker.kb.readers import EntityFile
from elinker.labelled import read_labelled
from elinker.labelled.titles import read_titles
from elinker.wikipedia import convert as conversion
from elinker.wikipedia.convert import OutputFiles, convert, read_titles_of
from elinker.wikipedia.dump import Dump
from elinker.wikipedia.page_props import read_page_props
from elinker.wikipedia.passages import paragraphs
from elinker.wikipedia.titles import TitleTable


def converted(dump_path, folder, *, props=None, **options):
    dump, table = Dump(dump_path), TitleTable()
    read_titles_of(dump, table, props)
    with OutputFiles(folder) as files:
        ids = (lambda page_id, title: title) if props is None else (lambda page_id, title: props.qid(page_id))
        counts = convert(dump, table, ids, files, **options)
        files.commit()
    return counts


def passages(folder):
    return {document.id: document for document in read_labelled(folder / "passages.jsonl")}


def test_passages_are_labelled_texts_with_titles_as_ids(samples, tmp_path):
    converted(samples / "small.xml", tmp_path)
    lead = passages(tmp_path)["974:1"]
    assert lead.text == (
        "Augusta Ada King, Countess of Lovelace (10 December 1815 – 27 November 1852) was an English mathematician. "
        "She worked with Babbage on the Analytical engines and lived in london, near Zedtown."
    )
    assert [(mention.text, mention.entity_id) for mention in lead.mentions] == [
        ("Babbage", "Charles Babbage"),
        ("Analytical engines", "Analytical engine"),
        ("london", "London"),
        ("Zedtown", None),
    ]
    assert lead.meta == {"title": "Ada Lovelace", "section": ""}


def test_redirects_lead_to_articles_and_disambiguation_pages_are_no_entity(samples, tmp_path):
    converted(samples / "small.xml", tmp_path)
    life = passages(tmp_path)["974:2"]
    assert life.meta["section"] == "Life & work"
    assert [(mention.text, mention.entity_id) for mention in life.mentions] == [
        ("the poet", "Lord Byron"),
        ("Lord Byron", "Lord Byron"),
        ("Mercury", None),
    ]


def test_paragraphs_with_fewer_links_than_asked_for_are_left_out(samples, tmp_path):
    converted(samples / "small.xml", tmp_path / "one")
    converted(samples / "small.xml", tmp_path / "none", min_mentions=0)
    assert "974:3" not in passages(tmp_path / "one")
    assert passages(tmp_path / "none")["974:3"].text == "A paragraph without links, in Paris, 5 km away."
    assert not any(identifier.startswith("19694:") for identifier in passages(tmp_path / "none"))


def test_entities_have_names_of_redirects_and_the_first_sentence(samples, tmp_path):
    converted(samples / "small.xml", tmp_path)
    entities = {entity.id: entity for entity in EntityFile(tmp_path / "entities.jsonl")}
    assert entities["Charles Babbage"].aliases == ("Babbage", "C. Babbage")
    assert entities["Charles Babbage"].description == "Charles Babbage was born in St. James, London."
    assert "Mercury" not in entities
    assert "Talk:London" not in entities


def test_with_page_props_ids_are_qids_and_a_page_without_one_is_no_entity(samples, tmp_path):
    counts = converted(samples / "small.xml", tmp_path, props=read_page_props(samples / "page_props.sql"))
    assert {entity.id for entity in EntityFile(tmp_path / "entities.jsonl")} == {"Q7259", "Q46633", "Q5679", "Q181365"}
    lead = passages(tmp_path)["974:1"]
    assert [mention.entity_id for mention in lead.mentions] == ["Q46633", "Q181365", None, None]
    assert lead.mentions[0].label == "Charles Babbage"
    assert (counts.disambiguations, counts.entities) == (2, 4)  # page_props says that London is one


def test_the_table_of_titles_maps_redirects_too(samples, tmp_path):
    converted(samples / "small.xml", tmp_path, props=read_page_props(samples / "page_props.sql"))
    titles = read_titles(tmp_path / "titles.tsv")
    assert (titles["Charles Babbage"], titles["Babbage"], titles["C. Babbage (inventor)"]) == ("Q46633",) * 3
    assert "London" not in titles


def test_processes_change_nothing(samples, tmp_path):
    counts = [converted(samples / "small.xml", tmp_path / str(count), processes=count) for count in (1, 2)]
    assert counts[0] == counts[1]
    for name in ("passages.jsonl", "entities.jsonl", "titles.tsv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_page_that_cannot_be_parsed_is_told_and_the_others_are_written(samples, tmp_path):
    text = (samples / "small.xml").read_text(encoding="utf-8")
    (tmp_path / "deep.xml").write_text(text.replace("was a poet.", "{{a|" * 200), encoding="utf-8")
    errors = []
    counts = converted(tmp_path / "deep.xml", tmp_path / "out", on_skip=errors.append)
    assert counts.skipped == 1
    assert "page 'Lord Byron': markup nested deeper than 100" in errors[0].message
    assert "974:1" in passages(tmp_path / "out")


def test_a_page_that_the_parser_fails_on_does_not_end_the_run(samples, tmp_path, monkeypatch):
    def fail_on_one(wikitext, namespaces):
        if "was a poet" in wikitext:
            raise IndexError
        return paragraphs(wikitext, namespaces)

    monkeypatch.setattr(conversion, "paragraphs", fail_on_one)
    errors = []
    assert converted(samples / "small.xml", tmp_path, on_skip=errors.append).skipped == 1
    assert "page 'Lord Byron': the parser failed on it: IndexError" in errors[0].message


def test_without_commit_nothing_is_left_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt), OutputFiles(tmp_path / "out"):
        raise KeyboardInterrupt
    assert list((tmp_path / "out").iterdir()) == []


def test_every_line_is_of_the_schema(samples, tmp_path):
    converted(samples / "small.xml", tmp_path)
    lines = (tmp_path / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["schema"] for line in lines} == {1}
