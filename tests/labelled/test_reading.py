"""One function reads all formats, tells them by content, and says which file and line is broken."""

import json

import pytest

from elinker.corpus.formats.conll import ConllWriter
from elinker.errors import InputError, UsageError
from elinker.labelled import FORMATS, read_labelled
from elinker.labelled.reading import guess_format
from elinker.schema import Document, Mention

OURS = json.dumps(
    {
        "id": "a",
        "text": "Ada.",
        "mentions": [{"start": 0, "end": 3, "text": "Ada", "entity_id": "Q7259"}],
    }
)
SAMPLES = {
    "jsonl": ("a.jsonl", OURS),
    "elevant": ("a.benchmark.jsonl", '{"id": 0, "text": "Ada.", "labels": [{"span": [0, 3], "entity_id": "Q7259"}]}'),
    "kilt": ("a.jsonl", '{"id": "0", "input": "[START_ENT] Ada [END_ENT] spoke.", "output": []}'),
    "onegen": (
        "train.jsonl",
        '{"messages": [{"role": "assistant", "content": " <MENTION>Ada</MENTION>[LK]", "positive": [["Q7259"]]}]}',
    ),
    "aida": ("a.tsv", "-DOCSTART- (1 X)\nAda\tB\tAda\tAda_Lovelace\n"),
    "hipe": ("a.tsv", "TOKEN\tNE-COARSE-LIT\tNEL-LIT\n# hipe2022:document_id = 1\nAda\tB-pers\tQ7259\n"),
    "nif": (
        "a.ttl",
        "@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .\n"
        '<http://x.org/1> nif:isString "Ada." .\n'
        "<http://x.org/1#0,3> a nif:Phrase ; nif:referenceContext <http://x.org/1> ; "
        "nif:beginIndex 0 ; nif:endIndex 3 .",
    ),
    "conllu": ("a.conllu", "# newdoc id = 1\n1\tAda" + "\t_" * 7 + "\tEntity=(e1-person-Q7259)\n\n"),
    "webanno": (
        "a.tsv",
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n\n\n"
        "#Text=Ada.\n1-1\t0-3\tAda\thttp://www.wikidata.org/entity/Q7259\tPER\t\n1-2\t3-4\t.\t_\t_\t\n",
    ),
    "tei": (
        "a.xml",
        '<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body><p><persName ref="wd:Q7259">Ada</persName>.</p></body>'
        "</text></TEI>",
    ),
    "web-annotation": (
        "a.jsonld",
        '{"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationPage", "items": [{"type": "Annotation", '
        '"motivation": "describing", "body": {"type": "TextualBody", "value": "Ada."}, "target": "urn:a"}, {"type": '
        '"Annotation", "body": "http://www.wikidata.org/entity/Q7259", "target": {"source": "urn:a", "selector": '
        '{"type": "TextQuoteSelector", "exact": "Ada"}}}]}',
    ),
    "label-studio": (
        "a.json",
        '[{"id": 1, "data": {"text": "Ada."}, "annotations": [{"result": [{"id": "x", "type": "labels", "from_name": '
        '"label", "to_name": "text", "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}}]}]}]',
    ),
    "prodigy": (
        "a.jsonl",
        '{"text": "Ada.", "_task_hash": 1, "answer": "accept", "spans": [{"start": 0, "end": 3, "label": "PER"}]}',
    ),
}


@pytest.mark.parametrize("form", SAMPLES)
def test_the_content_tells_the_format(write, form):
    name, content = SAMPLES[form]
    [document] = read_labelled(write(name, content))
    assert [mention.text for mention in document.mentions] == ["Ada"]
    assert guess_format(write("renamed.dat", content)) == form


def test_a_spacy_file_and_brat_are_told_by_their_names(write):
    write("docs/one.txt", "Ada.")
    path = write("docs/one.ann", "T1\tPerson 0 3\tAda\n")
    assert [guess_format(one) for one in (path, path.with_suffix(".txt"), path.parent)] == ["brat"] * 3
    assert guess_format(write("a.spacy", b"")) == "docbin"


def test_every_format_of_the_list_can_be_named():
    ours = ("aida", "brat", "docbin", "elevant", "hipe", "jsonl", "kilt", "nif", "onegen", "parquet")
    annotated = ("conllu", "label-studio", "prodigy", "tei", "web-annotation", "webanno")
    assert tuple(sorted((*ours, *annotated))) == FORMATS


@pytest.mark.parametrize("content", ["", "\n\n", "Just a text.", "[1, 2]", "{", b"\x00\xff\xfe\x80" * 9, "<xml/>"])
def test_what_is_no_known_format_is_an_error_of_one_line_that_names_format(write, content):
    with pytest.raises(InputError) as caught:
        list(read_labelled(write("a.txt", content)))
    assert "--format" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_is_a_usage_error_that_lists_the_known_ones(write):
    with pytest.raises(UsageError, match="no format 'xml'") as caught:
        read_labelled(write("a.jsonl", OURS), format="xml")
    assert "jsonl" in caught.value.hint


def test_a_missing_file_is_an_error_with_its_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: No such file"):
        list(read_labelled(tmp_path / "none.jsonl"))
    for form in FORMATS:
        with pytest.raises(InputError, match=r"none\.jsonl|none\.txt|none\.ann"):
            list(read_labelled(tmp_path / "none.jsonl", format=form))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\xfa\n" * 3, b"\x00" * 50, b"{}\n[]\nnull\n", b"T1\tA 0 9\tAda\n\t\t\n"]
)
def test_a_hostile_file_is_an_input_error_or_nothing(write, form, content):
    write("a.txt", b"Ada")
    path = write("a.ann", content)
    errors: list[InputError] = []
    try:
        documents = list(read_labelled(path, format=form, skip=errors.append))
    except InputError as error:
        documents, errors = [], [error]
    assert not any(document.mentions for document in documents)
    assert all(str(path.with_suffix("")) in error.message for error in errors)
    assert errors or not content.strip(b"\x00")


def test_the_first_error_after_a_guess_says_what_was_guessed(write):
    path = write("a.jsonl", '{"text": 1, "mentions": []}\n')
    with pytest.raises(InputError) as caught:
        list(read_labelled(path))
    assert caught.value.message.startswith(f"{path}:1: ")
    assert "'jsonl', --format" in caught.value.hint
    with pytest.raises(InputError) as caught:
        list(read_labelled(path, format="jsonl"))
    assert caught.value.hint is None


def test_skip_takes_the_errors_and_the_other_documents_are_read(write):
    errors: list[InputError] = []
    path = write("a.jsonl", "\n".join([OURS, "{", OURS.replace('"end": 3', '"end": 99'), "", OURS]))
    assert [document.id for document in read_labelled(path, skip=errors.append)] == ["a", "a"]
    assert [error.message.split(": ")[0] for error in errors] == [f"{path}:2", f"{path}:3"]


def test_documents_are_read_as_they_are_asked_for(write):
    documents = read_labelled(write("a.jsonl", f"{OURS}\n{{"))
    assert next(documents).id == "a"
    with pytest.raises(InputError, match=":2: not JSON"):
        next(documents)


def test_ids_that_are_titles_of_the_map_are_replaced(write):
    path = write("a.tsv", "-DOCSTART- (1)\nAda\tB\tAda\tAda_Lovelace\nZed\tB\tZed\tZed_(town)\n")
    [document] = read_labelled(path, map_ids={"Ada Lovelace": "Q7259"})
    assert [mention.entity_id for mention in document.mentions] == ["Q7259", "Zed (town)"]


def test_conll_of_elinker_keeps_its_exact_text_and_meta(write, tmp_path):
    document = Document("d", "Ada  met\tZed.", (Mention(0, 3, "Ada", "Q7259", "Ada Lovelace"),), {"year": 1843})
    with (tmp_path / "a.conll").open("wb") as stream:
        ConllWriter(stream).write(document)
    assert list(read_labelled(tmp_path / "a.conll")) == [document]
