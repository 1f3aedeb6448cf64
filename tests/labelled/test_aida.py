"""AIDA-YAGO2 in the columns of its release."""

import pytest

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention

AIDA = "\n".join(
    [
        "-DOCSTART- (1 EU)",
        "EU\tB\tEU\t--NME--",
        "rejects",
        "German\tB\tGerman\tGermany\thttp://en.wikipedia.org/wiki/Germany\t11867\t/m/0345h",
        "call",
        "",
        "Peter\tB\tPeter Blackburn\tPeter_Blackburn\thttp://en.wikipedia.org/wiki/Peter_Blackburn\t1",
        "Blackburn\tI\tPeter Blackburn\tPeter_Blackburn\thttp://en.wikipedia.org/wiki/Peter_Blackburn\t1",
        "",
        "-DOCSTART- (2 Rare)",
        "Rare\tB\tRare\tRare_\\u0028album\\u0029",
        "Rare\tB\tRare\tX\thttp://en.wikipedia.org/wiki/Beyonc%C3%A9#Life\t2",
    ]
)


def test_tokens_are_joined_by_blanks_and_sentences_by_line_breaks(write):
    first, second = read_labelled(write("a.tsv", AIDA))
    assert (first.id, first.text) == ("1 EU", "EU rejects German call\nPeter Blackburn")
    assert (second.id, second.text) == ("2 Rare", "Rare Rare")


def test_the_entity_is_the_title_of_the_url_and_nme_is_no_id(write):
    first, _ = read_labelled(write("a.tsv", AIDA))
    assert first.mentions == (
        Mention(0, 2, "EU"),
        Mention(11, 17, "German", "Germany", "Germany"),
        Mention(23, 38, "Peter Blackburn", "Peter Blackburn", "Peter Blackburn"),
    )


def test_without_a_url_the_yago_name_is_read_as_a_title(write):
    _, second = read_labelled(write("a.tsv", AIDA))
    assert [mention.entity_id for mention in second.mentions] == ["Rare (album)", "Beyoncé"]


def test_line_ends_of_windows_are_no_part_of_the_columns(write):
    assert list(read_labelled(write("a.tsv", AIDA.replace("\n", "\r\n")))) == list(read_labelled(write("b.tsv", AIDA)))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("EU\tB\tEU", "3 columns 'B'"),
        ("EU\tX\tEU\tEuropean_Union", "4 columns 'X'"),
        ("EU\tI\tEU\tEuropean_Union", "'I' follows no 'B'"),
        ("\tB\tEU\tEuropean_Union", "a row without a token"),
        ("M\xfcnchen".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_broken_row_costs_its_document_and_no_other(write, row, complaint):
    row = row if isinstance(row, bytes) else row.encode()
    path = write("a.tsv", b"-DOCSTART- (1)\nThe\n" + row + b"\nend\n-DOCSTART- (2)\nfine\n")
    errors: list[InputError] = []
    assert [document.text for document in read_labelled(path, skip=errors.append)] == ["fine"]
    [error] = errors
    assert error.message.startswith(f"{path}:3: ")
    assert complaint in error.message
