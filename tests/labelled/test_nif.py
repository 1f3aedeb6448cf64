"""NIF as GERBIL's data sets have it."""

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention

PREFIXES = """@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .
@prefix itsrdf: <http://www.w3.org/2005/11/its/rdf#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<http://example.org/1#char=0,> a nif:Context, nif:RFC5147String ; nif:isString "😀 Ada met Zed in Köln." .
"""


def phrase(start, end, more):
    return (
        f"<http://example.org/1#char={start},{end}> a nif:RFC5147String ; "
        f'nif:referenceContext <http://example.org/1#char=0,> ; nif:beginIndex "{start}"^^xsd:nonNegativeInteger ; '
        f'nif:endIndex "{end}"^^xsd:nonNegativeInteger ; {more} .\n'
    )


def mentions(write, *phrases):
    [document] = read_labelled(write("a.ttl", PREFIXES + "".join(phrases)))
    return document.mentions


def test_offsets_count_code_points(write):
    entity = "itsrdf:taIdentRef <http://www.wikidata.org/entity/Q7259>"
    assert mentions(write, phrase(2, 5, f'nif:anchorOf "Ada" ; {entity}')) == (Mention(2, 5, "Ada", "Q7259"),)


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ("<http://dbpedia.org/resource/K%C3%B6ln_(Rhein)>", "Köln (Rhein)"),
        ("<http://de.dbpedia.org/resource/Köln>", "Köln"),
        ("<https://en.wikipedia.org/wiki/Cologne#History>", "Cologne"),
        ("<http://dbpedia.org/resource/Cologne>, <http://www.wikidata.org/entity/Q365>", "Q365"),
        ("<http://aksw.org/notInWiki/Cologne>", None),
        ("<http://my.base/city/7>", "http://my.base/city/7"),
        ("<http://my.base/same>", "Cologne"),
    ],
)
def test_the_entity_is_the_id_in_wikidata_else_the_title_else_the_uri(write, references, expected):
    same = "<http://my.base/same> owl:sameAs <http://dbpedia.org/resource/Cologne> .\n"
    [mention] = mentions(write, phrase(17, 21, f"itsrdf:taIdentRef {references}"), same)
    assert mention.entity_id == expected


def test_words_and_sentences_are_no_mentions_but_a_phrase_without_entity_is(write):
    words = phrase(2, 5, "a nif:Word"), phrase(0, 22, "a nif:Sentence"), phrase(10, 13, "a nif:Phrase")
    assert mentions(write, *words) == (Mention(10, 13, "Zed"),)


@pytest.mark.parametrize(
    ("start", "end", "unit"), [(3, 6, "UTF-16 code units"), (5, 8, "bytes of UTF-8"), (9, 12, "Unicode code points")]
)
def test_wrong_offsets_are_an_error_that_says_what_the_file_counts_where_it_can(write, start, end, unit):
    path = write("a.ttl", PREFIXES + phrase(start, end, 'nif:anchorOf "Ada" ; a nif:Phrase'))
    with pytest.raises(InputError, match="'Ada' is not the text at") as caught:
        list(read_labelled(path))
    assert caught.value.message.startswith(f"{path}: http://example.org/1#char=0,")
    assert unit in caught.value.message


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("<http://a> nif:referenceContext <http://example.org/1#char=0,> ; a nif:Phrase .", "has no nif:beginIndex"),
        (phrase(10, 99, "a nif:Phrase"), "span 10:99 is not in the text"),
        (phrase(-1, 3, "a nif:Phrase"), "nif:beginIndex of"),
    ],
)
def test_a_phrase_without_usable_offsets_is_an_error(write, more, complaint):
    with pytest.raises(InputError, match=complaint):
        mentions(write, more)


@pytest.mark.parametrize("content", [PREFIXES + "<http://x", PREFIXES + "[" * 3000, PREFIXES + "\x00", "@prefix ."])
def test_what_is_no_turtle_is_an_error_of_one_line(write, content):
    with pytest.raises(InputError, match=r"a\.ttl.*: not Turtle") as caught:
        list(read_labelled(write("a.ttl", content), format="nif"))
    assert "\n" not in str(caught.value)
