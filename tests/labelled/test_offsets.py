"""Whatever a text holds, its spans come back exactly from every format."""

import io
import json
import re
import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from elinker.corpus.formats.conll import ConllWriter
from elinker.corpus.formats.docbin import DocBinWriter
from elinker.labelled import read_labelled
from elinker.schema import Document, Mention

few = settings(max_examples=30, deadline=None)

CHARACTERS = st.characters(codec="utf-8")
PIECES = st.sampled_from(
    [
        "Ada ",
        "😀",
        "👩🏽‍🚀",
        "\r\n",
        "\n\n",
        "שלום ",
        "مرحبا",
        "é",
        "\x00",
        "\t",
        "ﬁ",
        "[[x]]",
        '"\\',
    ]
)
IDS = st.sampled_from(["Q42", "Q1", None])
TOKENS = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=4),
        st.sampled_from("OOBI"),
        st.sampled_from(["_", "NoSpaceAfter", "EndOfLine", "NoSpaceAfter|EndOfLine"]),
    ),
    min_size=1,
    max_size=10,
)
"""Tokens with a tag of IOB (an I that follows an O is read as O by the tests) and HIPE's flags."""


@st.composite
def texts_with_spans(draw, *, overlaps=False):
    """A text and (start, end, id) triples in order, none of them blank."""
    text = "".join(draw(st.lists(PIECES | st.text(CHARACTERS, max_size=5), min_size=1, max_size=8)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    if overlaps and len(cuts) > 2:
        pairs.append((cuts[0], cuts[-1]))
    spans = {(start, end): draw(IDS) for start, end in pairs if text[start:end].strip()}
    return text, [(start, end, spans[start, end]) for start, end in sorted(spans, key=lambda span: (span[0], -span[1]))]


def read_back(form: str, **files: str | bytes) -> list[Document]:
    """The documents of the first of some files, which lie side by side; `_` in a name stands for a point."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name.replace("_", ".") for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return list(read_labelled(paths[0], format=form))


def spans_of(document: Document) -> list[tuple[int, int, str | None]]:
    assert all(document.text[one.start : one.end] == one.text for one in document.mentions)
    return [(one.start, one.end, one.entity_id) for one in document.mentions]


def document_of(text: str, spans) -> Document:
    return Document("d", text, tuple(Mention(start, end, text[start:end], entity) for start, end, entity in spans))


def written_by(writer, document: Document) -> bytes:
    stream = io.BytesIO()
    opened = writer(stream)
    opened.write(document)
    opened.finish()
    return stream.getvalue()


@few
@given(texts_with_spans(overlaps=True))
def test_jsonl(labelled):
    text, spans = labelled
    [read] = read_back("jsonl", d_jsonl=json.dumps(document_of(text, spans).to_json()))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans())
def test_docbin(labelled):
    text, spans = labelled
    [read] = read_back("docbin", d_spacy=written_by(DocBinWriter, document_of(text, spans)))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans())
def test_conll_of_elinker(labelled):
    text, spans = labelled
    [read] = read_back("aida", d_conll=written_by(ConllWriter, document_of(text, spans)))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans(overlaps=True))
def test_elevant(labelled):
    text, spans = labelled
    labels = [{"span": [start, end], "entity_id": entity or "Unknown1"} for start, end, entity in spans]
    [read] = read_back("elevant", d_jsonl=json.dumps({"id": 0, "text": text, "labels": labels}))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans(overlaps=True))
def test_nif(labelled):
    from rdflib import RDF, XSD, Graph, Literal, Namespace, URIRef

    text, spans = labelled
    nif = Namespace("http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#")
    graph, context = Graph(), URIRef("http://example.org/1#char=0,")
    graph.add((context, nif.isString, Literal(text)))
    for start, end, entity in spans:
        node = URIRef(f"http://example.org/1#char={start},{end}")
        graph.add((node, RDF.type, nif.Phrase))
        graph.add((node, nif.referenceContext, context))
        graph.add((node, nif.beginIndex, Literal(str(start), datatype=XSD.nonNegativeInteger)))
        graph.add((node, nif.endIndex, Literal(str(end), datatype=XSD.nonNegativeInteger)))
        graph.add((node, nif.anchorOf, Literal(text[start:end])))
        if entity is not None:
            identity = URIRef("http://www.w3.org/2005/11/its/rdf#taIdentRef")
            graph.add((node, identity, URIRef(f"http://www.wikidata.org/entity/{entity}")))
    [read] = read_back("nif", d_ttl=graph.serialize(format="turtle"))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans(), st.booleans())
def test_kilt(labelled, with_blanks):
    text, spans = labelled
    assume(spans)
    inner = " " if with_blanks else ""
    # Without blanks of their own, markers take those of the mention.
    assume(with_blanks or all(text[start:end] == text[start:end].strip(" ") for start, end, _ in spans))
    lines = [
        {
            "id": str(start),
            "input": f"{text[:start]}[START_ENT]{inner}{text[start:end]}{inner}[END_ENT]{text[end:]}",
            "output": [{"provenance": [{"title": entity}]}] if entity else [],
        }
        for start, end, entity in spans
    ]
    [read] = read_back("kilt", d_jsonl="\n".join(map(json.dumps, lines)))
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans(overlaps=True))
def test_brat(labelled):
    text, spans = labelled
    assume(not text.startswith("\ufeff"))  # a byte order mark, which is dropped
    lines = []
    for number, (start, end, entity) in enumerate(spans, start=1):
        covered = re.sub(r"\s", " ", text[start:end])
        lines.append(f"T{number}\tThing {start} {end}\t{covered}\n")
        if entity is not None:
            lines.append(f"N{number}\tReference T{number} Wikidata:{entity}\t{entity}\n")
    [read] = read_back("brat", d_ann="".join(lines), d_txt=text)
    assert (read.text, spans_of(read)) == (text, spans)


@few
@given(texts_with_spans())
def test_onegen(labelled):
    text, spans = labelled
    marked, cursor = " ", 0
    for start, end, _ in spans:
        marked += f"{text[cursor:start]}<MENTION>{text[start:end]}</MENTION>[LK][_CONTINUE_]"
        cursor = end
    answer = {
        "role": "assistant",
        "content": marked + text[cursor:],
        "positive": [[entity] if entity else None for *_, entity in spans],
        "negative": [["Q9"] for _ in spans],
    }
    [read] = read_back("onegen", d_jsonl=json.dumps({"messages": [{"role": "user", "content": text}, answer]}))
    assert (read.text, spans_of(read)) == (text, spans)


def tagged(tokens) -> list[tuple[str, str, str]]:
    """The tokens with every I that follows nothing made an O."""
    made, inside = [], False
    for token, tag, flags in tokens:
        inside = tag == "B" or (tag == "I" and inside)
        made.append((token, tag if inside else "O", flags))
    return made


def expected_words(tokens, blank) -> list[str]:
    """The mentions' texts; `blank` gives what stands behind a token with these flags."""
    words: list[str] = []
    pending = ""
    for token, tag, flags in tokens:
        if tag == "B":
            words.append(token)
        elif tag == "I":
            words[-1] += pending + token
        pending = blank(flags)
    return words


@few
@given(TOKENS)
def test_aida(tokens):
    tokens = tagged(tokens)
    rows = [token if tag == "O" else f"{token}\t{tag}\t{token}\tAda_Lovelace" for token, tag, _ in tokens]
    [read] = read_back("aida", d_tsv="\n".join(["-DOCSTART- (1 X)", *rows, ""]))
    assert read.text == " ".join(token for token, *_ in tokens)
    assert [read.text[one.start : one.end] for one in read.mentions] == expected_words(tokens, lambda flags: " ")


@few
@given(TOKENS)
def test_hipe(tokens):
    tokens = tagged(tokens)
    header = "TOKEN\tNE-COARSE-LIT\tNEL-LIT\tMISC\n# hipe2022:document_id = 1\n"
    tags = {"B": "B-pers", "I": "I-pers", "O": "O"}
    rows = [f"{token}\t{tags[tag]}\tNIL\t{flags}\n" for token, tag, flags in tokens]
    [read] = read_back("hipe", d_tsv=header + "".join(rows))

    def blank(flags: str) -> str:
        return "" if "NoSpaceAfter" in flags else "\n" if flags == "EndOfLine" else " "

    assert read.text == "".join(
        token + (blank(flags) if index + 1 < len(tokens) else "") for index, (token, _, flags) in enumerate(tokens)
    )
    assert [read.text[one.start : one.end] for one in read.mentions] == expected_words(tokens, blank)
