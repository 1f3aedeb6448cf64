"""spaCy's own files, as its annotation tools write them."""

import pytest
import spacy
from spacy.tokens import DocBin, Span

from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Mention


def test_ents_of_anybody_are_mentions_and_nil_of_spacy_is_no_id(tmp_path):
    doc = spacy.blank("en")("Ada met Zed.")
    doc.set_ents([Span(doc, 0, 1, "PERSON", kb_id="Q7259"), Span(doc, 2, 3, "PERSON", kb_id="NIL")])
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    [document] = read_labelled(tmp_path / "a.spacy")
    assert document.mentions == (Mention(0, 3, "Ada", "Q7259"), Mention(8, 11, "Zed"))


def test_a_damaged_file_is_an_error_with_its_name(write):
    with pytest.raises(InputError, match=r"a\.spacy: not readable as a \.spacy file"):
        list(read_labelled(write("a.spacy", b"not zlib")))
