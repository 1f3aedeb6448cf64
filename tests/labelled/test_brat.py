"""brat's pairs of files."""

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention

TEXT = "North and South America\r\nNew\r\nYork was founded."
ANNOTATIONS = """T1\tLoc 0 5;16 23\tNorth America
T2\tLoc 25 28;30 34\tNew York
T3\tFounding 39 46\tfounded
T4\tLoc 10 23\tSouth America
E1\tFounding:T3 Place:T2
R1\tPart Arg1:T4 Arg2:T1
N1\tReference T2 Wikidata:Q60\tNew York City
N2\tReference T2 Wikidata:Q1\tsecond choice
N3\tReference T4 GeoNames:6255150\t
N4\tReference T1 Wikipedia:http://en.wikipedia.org/wiki/North_America\tNorth America
#1\tAnnotatorNotes T1\tcheck
"""


@pytest.fixture
def pair(write):
    write("docs/deep/one.txt", TEXT)
    return write("docs/deep/one.ann", ANNOTATIONS)


def test_t_lines_are_mentions_and_the_first_n_line_is_their_entity(pair):
    [document] = read_labelled(pair)
    assert document.text == TEXT
    assert document.mentions == (
        Mention(10, 23, "South America", "GeoNames:6255150", "GeoNames:6255150"),
        Mention(25, 34, "New\r\nYork", "Q60", "New York City"),
    )


def test_types_are_in_meta_in_the_order_of_the_mentions(write):
    write("one.txt", "New York")
    path = write("one.ann", "T1\tPart 4 8\tYork\nT2\tCity 0 8\tNew York\nT3\tWord 0 3\tNew\n")
    [document] = read_labelled(path)
    assert [mention.text for mention in document.mentions] == ["New York", "New", "York"]
    assert document.meta == {"mention_types": [["City"], ["Word"], ["Part"]]}


def test_pieces_with_text_between_them_are_in_meta(pair):
    [document] = read_labelled(pair)
    assert document.meta["discontinuous"] == [
        {"spans": [[0, 5], [16, 23]], "text": "North America", "entity_id": "North America"}
    ]


def test_a_folder_is_read_at_any_depth_and_names_are_ids(pair, write):
    write("docs/a.txt", "Nothing.")
    write("docs/a.ann", "")
    write("docs/unlabelled.txt", "Nothing.")
    assert [document.id for document in read_labelled(pair.parent.parent)] == ["a", "deep/one"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("T9\tLoc 0 99\tNorth", "span 0:99 is not in the text"),
        ("T9\tLoc 0 4\tNorth", "'North' is not the text at 0:4, which reads 'Nort'"),
        ("T9\tLoc 5 0\tNorth", "span 5:0 is not in the text"),
        ("T9\tLoc\tNorth", "'' are no offsets"),
        ("T9\tLoc 0 x\tNorth", "'0 x' are no offsets"),
        (f"T9\tLoc 0 {'9' * 5000}\tNorth", "are no offsets"),
        ("X9 something", "'X9 something' begins like no annotation"),
        ("N9\tReference T1\tx", "is not a type, a T id and DATABASE:ID"),
    ],
)
def test_a_broken_line_is_an_error_with_file_and_line(write, line, complaint):
    write("one.txt", TEXT)
    path = write("one.ann", f"#1\tNote T1\tx\n{line}\n")
    with pytest.raises(InputError) as caught:
        list(read_labelled(path, format="brat"))
    assert caught.value.message.startswith(f"{path}:2: ")
    assert complaint in caught.value.message


def test_a_missing_or_broken_text_costs_its_document_and_no_other(pair, write):
    write("docs/alone.ann", "")
    write("docs/latin.ann", "")
    write("docs/latin.txt", b"K\xf6ln")
    errors: list[InputError] = []
    documents = list(read_labelled(pair.parent.parent, format="brat", skip=errors.append))
    assert [document.id for document in documents] == ["deep/one"]
    assert ["alone.txt: No such file" in str(errors[0]), "latin.txt: not UTF-8" in str(errors[1])] == [True, True]
