"""HIPE-2022's TSV."""

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention

HEADER = "TOKEN NE-COARSE-LIT NE-COARSE-METO NE-FINE-LIT NE-FINE-METO NE-FINE-COMP NE-NESTED NEL-LIT NEL-METO MISC"
ROWS = """# hipe2022:document_id = NZZ-1798-01-20-a-p0002
# hipe2022:date = 1798-01-20
# hipe2022:language = de
# segment_iiif_link = _
New B-loc O B-loc.adm.town O O O Q60 _ EndOfLine
York I-loc O I-loc.adm.town O O O Q60 _ NoSpaceAfter
. O O O O O O _ _ EndOfSentence

# hipe2022:document_id = two
# O O O O O O _ _ NoSpaceAfter
Paris B-loc B-org O O O O NIL Q90 LED0.00
"""


def sample(rows=ROWS):
    return "\n".join(
        line if line.startswith("# ") and " = " in line else line.replace(" ", "\t")
        for line in f"{HEADER}\n{rows}".split("\n")
    )


def test_tokens_are_joined_as_their_flags_say(write):
    first, second = read_labelled(write("a.tsv", sample()))
    assert (first.id, first.text) == ("NZZ-1798-01-20-a-p0002", "New\nYork.")
    assert (second.id, second.text) == ("two", "#Paris")


def test_the_literal_reading_is_the_mention_and_the_metonymic_one_is_in_meta(write):
    first, second = read_labelled(write("a.tsv", sample()))
    assert first.mentions == (Mention(0, 8, "New\nYork", "Q60"),)
    assert second.mentions == (Mention(1, 6, "Paris"),)
    assert second.meta["metonymic"] == [{"start": 1, "end": 6, "text": "Paris", "entity_id": "Q90"}]


def test_fields_of_the_document_are_in_meta(write):
    first, _ = read_labelled(write("a.tsv", sample()))
    fields = {"date": "1798-01-20", "language": "de", "segment_iiif_link": "_"}
    assert first.meta == {**fields, "mention_types": [["loc"]]}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("York I-loc O O O O O Q60 _ _", "'I-loc' follows no 'B-…'"),
        ("York X-loc O O O O O Q60 _ _", "'X-loc' is no tag of IOB"),
        ("York B-loc", "2 columns, the header has 10"),
        (" B-loc O O O O O Q60 _ _", "a row without a token"),
    ],
)
def test_a_broken_row_costs_its_document_and_no_other(write, row, complaint):
    rows = f"# hipe2022:document_id = 1\n{row}\nx O O O O O O _ _ _\n# hipe2022:document_id = 2\nx O O O O O O _ _ _"
    path = write("a.tsv", sample(rows))
    errors: list[InputError] = []
    assert [document.id for document in read_labelled(path, skip=errors.append)] == ["2"]
    assert [error.message.partition(": ")[0] for error in errors] == [f"{path}:3"]
    assert complaint in errors[0].message


def test_a_file_without_the_columns_is_an_error(write):
    with pytest.raises(InputError, match=r"a\.tsv:1: no column 'NEL-LIT'"):
        list(read_labelled(write("a.tsv", "TOKEN\tNE-COARSE-LIT\n"), format="hipe"))
