"""Software that knows nothing of elinker reads what elinker writes: rdflib, conllu, an XML parser, spaCy, zipfile."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import conllu
import pytest
import rdflib
import spacy
from spacy.tokens import DocBin

from elinker import Document, Mention
from elinker.corpus.losses import Losses

Written = Callable[..., tuple[bytes, Losses]]

TEXT = 'Ada 😀 met "Zed" in New\r\nYork City.  She left.\n'
ORIGINAL = Document(
    "a/b 1",
    TEXT,
    (
        Mention(0, 3, "Ada", "Q7259", "Ada Lovelace", 0.9),
        Mention(11, 14, "Zed"),
        Mention(19, 33, "New\r\nYork City", "Q60", "New York City", 0.5),
        Mention(19, 28, "New\r\nYork", "GeoNames:1", None, 0.25),
    ),
    {"year": 1843},
)


def test_rdflib_finds_the_phrases_of_a_context_with_their_entities(written: Written) -> None:
    graph = rdflib.Graph().parse(data=written("nif", ORIGINAL, ORIGINAL)[0], format="turtle")
    rows = graph.query(
        """PREFIX nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#>
        PREFIX itsrdf: <http://www.w3.org/2005/11/its/rdf#>
        SELECT ?text ?start ?end ?anchor ?entity WHERE { ?context a nif:Context ; nif:isString ?text .
        ?phrase a nif:Phrase ; nif:referenceContext ?context ; nif:beginIndex ?start ; nif:endIndex ?end ;
        nif:anchorOf ?anchor . OPTIONAL { ?phrase itsrdf:taIdentRef ?entity } }"""
    )
    found = [
        (str(text), int(start), int(end), str(anchor), entity and str(entity))
        for text, start, end, anchor, entity in rows
    ]
    assert len(found) == 8, "two documents with one id and one text are two contexts"
    assert {one[0] for one in found} == {TEXT}
    assert {one[1:] for one in found} == {
        (0, 3, "Ada", "http://www.wikidata.org/entity/Q7259"),
        (11, 14, "Zed", None),
        (19, 33, "New\r\nYork City", "http://www.wikidata.org/entity/Q60"),
        (19, 28, "New\r\nYork", "urn:elinker:entity:GeoNames%3A1"),
    }


def test_the_conllu_library_finds_words_whose_forms_make_the_text_comment(written: Written) -> None:
    sentences = conllu.parse(written("conllu", ORIGINAL)[0].decode())
    assert [sentence.metadata["text"] for sentence in sentences] == ['Ada 😀 met "Zed" in New York City.', "She left."]
    assert sentences[0].metadata["newdoc id"] == "a/b 1"
    for sentence in sentences:
        assert [token["id"] for token in sentence] == list(range(1, len(sentence) + 1))
        joined = "".join(
            token["form"] + ("" if (token["misc"] or {}).get("SpaceAfter") == "No" else " ") for token in sentence
        )
        assert joined.split() == sentence.metadata["text"].split()
    entities = [token["misc"]["Entity"] for token in sentences[0] if token["misc"] and "Entity" in token["misc"]]
    assert entities == [
        "(e1-ENTITY-Q7259-0.9000-Ada%20Lovelace)",
        "(e2-ENTITY)",
        "(e3-ENTITY-Q60-0.5000-New%20York%20City(e4-ENTITY-GeoNames%3A1-0.2500",
        "e4)",
        "e3)",
    ]


def test_an_xml_parser_finds_the_names_of_tei_in_its_namespace(written: Written) -> None:
    root = ElementTree.fromstring(written("tei", ORIGINAL)[0])
    tei = {"t": "http://www.tei-c.org/ns/1.0"}
    block = root.find("t:TEI/t:text/t:body/t:ab", tei)
    assert block is not None
    assert "".join(block.itertext()) == TEXT
    names = [("".join(one.itertext()), one.get("ref")) for one in block.iter(f"{{{tei['t']}}}rs")]
    assert names == [
        ("Ada", "http://www.wikidata.org/entity/Q7259"),
        ("Zed", None),
        ("New\r\nYork City", "http://www.wikidata.org/entity/Q60"),
        ("New\r\nYork", "urn:elinker:entity:GeoNames%3A1"),
    ]


def test_spacy_finds_the_outermost_mentions_as_ents_and_all_spans(written: Written) -> None:
    [doc] = DocBin().from_bytes(written("docbin", ORIGINAL)[0]).get_docs(spacy.blank("en").vocab)
    assert doc.text == TEXT
    assert [(ent.text, ent.kb_id_) for ent in doc.ents] == [("Ada", "Q7259"), ("Zed", ""), ("New\r\nYork City", "Q60")]
    assert [(span.text, span.kb_id_) for span in doc.spans["elinker"]] == [("New\r\nYork", "GeoNames:1")]


def test_spacy_makes_the_tokens_of_prodigy_to_the_text_and_its_spans_lie_on_them(written: Written) -> None:
    [task] = [json.loads(line) for line in written("prodigy", ORIGINAL)[0].decode().splitlines()]
    words = [token["text"] for token in task["tokens"]]
    doc = spacy.tokens.Doc(spacy.blank("en").vocab, words=words, spaces=[token["ws"] for token in task["tokens"]])
    assert doc.text == TEXT
    for span in task["spans"]:
        assert doc[span["token_start"] : span["token_end"] + 1].text == TEXT[span["start"] : span["end"]]
    assert [token["start"] for token in task["tokens"]] == [token.idx for token in doc]


def test_web_annotations_are_json_ld_with_the_terms_of_the_recommendation(written: Written) -> None:
    [page] = json.loads(written("web-annotation", ORIGINAL)[0])
    assert page["@context"][0] == "http://www.w3.org/ns/anno.jsonld"
    assert page["type"] == "AnnotationPage"
    first = page["items"][1]
    assert first["motivation"] == "identifying"
    assert first["body"][0]["source"] == "http://www.wikidata.org/entity/Q7259"
    position, quote = first["target"]["selector"]
    assert (position["type"], position["start"], position["end"]) == ("TextPositionSelector", 0, 3)
    assert (quote["exact"], quote["prefix"], quote["suffix"]) == ("Ada", "", TEXT[3:35])
    assert page["items"][2]["motivation"] == "highlighting", "NIL identifies nothing"


def test_offsets_of_webanno_count_code_units_as_java_does(written: Written) -> None:
    with zipfile.ZipFile(io.BytesIO(written("webanno", ORIGINAL)[0])) as archive:
        assert archive.namelist() == ["a%2Fb 1.tsv"]
        lines = archive.read("a%2Fb 1.tsv").decode().split("\n")
    assert lines[:2] == [
        "#FORMAT=WebAnno TSV 3.3",
        "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value",
    ]
    units = TEXT.encode("utf-16-le")
    for line in lines:
        if line[:1].isdigit():
            _, place, token, *_ = line.split("\t")
            start, end = map(int, place.split("-"))
            assert units[2 * start : 2 * end].decode("utf-16-le") == token


def test_brat_gets_a_text_annotations_and_the_list_of_types(written: Written) -> None:
    typed = Document("a", "Ada.", (Mention(0, 3, "Ada", "Q1"),), {"mention_types": [["a person"]]})
    with zipfile.ZipFile(io.BytesIO(written("brat", typed)[0])) as archive:
        assert archive.read("a.txt").decode() == "Ada."
        assert archive.read("a.ann").decode() == "T1\ta_person 0 3\tAda\nN1\tReference T1 Wikidata:Q1\t\n"
        assert archive.read("annotation.conf").decode().startswith("[entities]\na_person\n[relations]\n")


def test_brat_parts_a_span_at_a_line_break(tmp_path: Path, written: Written) -> None:
    with zipfile.ZipFile(io.BytesIO(written("brat", ORIGINAL)[0])) as archive:
        lines = archive.read("a%2Fb 1.ann").decode().splitlines()
    assert "T3\tENTITY 19 22;24 33\tNew York City" in lines


@pytest.mark.parametrize("name", ["brat", "webanno"])
def test_the_same_documents_are_the_same_bytes(name: str, written: Written) -> None:
    assert written(name, ORIGINAL, ORIGINAL)[0] == written(name, ORIGINAL, ORIGINAL)[0]


def test_label_studio_gets_predictions_with_regions_and_their_entities(written: Written) -> None:
    [task] = json.loads(written("label-studio", ORIGINAL)[0])
    region, entity, *_ = task["predictions"][0]["result"]
    assert task["data"]["text"] == TEXT
    assert (region["type"], region["value"]["labels"], region["score"]) == ("labels", ["ENTITY"], 0.9)
    assert (entity["id"], entity["type"], entity["value"]["text"]) == (region["id"], "textarea", ["Q7259"])
