"""What each format promises to keep comes back, for any text; what it cannot keep is counted."""

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker import Candidate, Document, Mention
from elinker.corpus import FORMATS, Located, ReadOptions, Source
from elinker.corpus.formats.several_files import Folder
from elinker.corpus.losses import Loss, Losses, losses_of
from elinker.errors import InputError

MARKUP = [
    "[LK]",
    "# text = x",
    "#Text=",
    "<rs>",
    "&amp;",
    "]]>",
    "\\n",
    "\\",
    "|",
    "_",
    "*[1]",
    "->",
    "=1+1",
    '"""',
    "{",
]
SPACES = ["\t", "\r\n", "\n\n", "\r", "\x00", " ", "  ", "\ufeff", "\u2028", "\u0085", "\u00a0", "\x1f", "\x0b"]
WORDS = ["e\u0301", "\u202eאבג", "👩\u200d👩\u200d👧", "🏀", "New York", "U.S. ", "don't", ". ", "日本", "\U0010ffff"]
TEXTS = st.lists(st.sampled_from(MARKUP + SPACES + WORDS) | st.text(max_size=6), max_size=12).map("".join)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(
    [
        "Q42",
        "a b",
        "a\tb",
        "a\nb",
        "\\",
        "a-b",
        "wd:Q1",
        "GeoNames:7",
        "http://www.wikidata.org/entity/Q1",
        "../x",
        ".a",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SCORES = st.integers(0, 10**4).map(lambda number: number / 10**4)  # as many places as are written
TYPES = st.sampled_from([[], ["PERSON"], ["City"], ["a-b", "c"]])


@st.composite
def documents(draw: st.DrawFn, *, meta: bool = True, types: bool = True) -> Document:
    """A text with mentions that may overlap, of different spans and sorted, ids and labels of any characters."""
    text = draw(TEXTS)
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = sorted(
        {span for span in draw(st.lists(places, max_size=5)) if span[0] < span[1]}, key=lambda s: (s[0], -s[1])
    )
    mentions = []
    for start, end in spans:
        mention = Mention(start, end, text[start:end], score=draw(SCORES))
        entity_id = draw(st.none() | NAMES)
        if entity_id is not None:
            candidates = (Candidate(entity_id, draw(NAMES), draw(SCORES)),)
            mention = replace(mention, entity_id=entity_id, label=draw(NAMES), candidates=candidates)
        mentions.append(mention)
    fields = draw(st.dictionaries(NAMES, JSON, max_size=2)) if meta else {}
    if types and mentions and draw(st.booleans()):
        fields["mention_types"] = [draw(TYPES) for _ in mentions]
    return Document(draw(NAMES), text, tuple(mentions), fields)


def written(name: str, originals: list[Document], path: Path) -> Losses:
    """Write a file, or a folder where the format has a file a document; what was lost."""
    form = FORMATS[name]
    if form.write_files is not None:
        folder = Folder(path)
        writer = form.write_files(folder)
    else:
        assert form.write is not None
        stream = io.BytesIO()
        writer = form.write(stream)
    for document in originals:
        writer.write(document)
    writer.finish()
    if form.write_files is not None:
        folder.commit()
    else:
        path.write_bytes(stream.getvalue())
    return losses_of(writer)


def read(name: str, path: Path) -> list[Document]:
    """The documents of a file, or of a folder's files in order of their names; none may be bad."""
    files = sorted(path.glob("*.[at][ns][nv]")) if path.is_dir() else [path]
    found = []
    for file in files:
        for record in FORMATS[name].read(Source(file.name, file.name, file), ReadOptions()):
            assert isinstance(record, Located), record
            found.append(record.document)
    return found


def there_and_back(name: str, original: Document) -> tuple[Document, Losses]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        losses = written(name, [original], path)
        [copy] = read(name, path)
    return copy, losses


def spans(document: Document) -> list[tuple[int, int, str, str | None]]:
    return [(mention.start, mention.end, mention.text, mention.entity_id) for mention in document.mentions]


def nested(document: Document) -> list[tuple[int, int, str, str | None]]:
    """Spans without those that cross an earlier one."""
    kept: list[tuple[int, int, str, str | None]] = []
    for span in spans(document):
        if all(span[0] >= other[1] or span[1] <= other[1] for other in kept):
            kept.append(span)
    return kept


def trimmed(document: Document) -> list[tuple[int, int, str, str | None]]:
    """Spans without the whitespace at their edges, and without those that are nothing else."""
    found = []
    for start, end, text, entity_id in spans(document):
        if text.strip():
            start += len(text) - len(text.lstrip())
            end -= len(text) - len(text.rstrip())
            found.append((start, end, document.text[start:end], entity_id))
    return sorted(found, key=lambda span: (span[0], -span[1]))


def not_blank(document: Document) -> list[tuple[int, int, str, str | None]]:
    return [span for span in spans(document) if span[2].strip()]


EXACT = ("docbin", "label-studio", "prodigy", "web-annotation", "jsonl", "parquet")
KEEP_TEXT = {"conllu": trimmed, "nif": spans, "brat": not_blank, "webanno": trimmed, **dict.fromkeys(EXACT, spans)}
KEEP_META = (*EXACT, "conllu", "tei")
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", KEEP_TEXT)
@SLOW
@given(original=documents())
def test_text_and_the_spans_and_entities_that_a_format_can_hold_come_back(name: str, original: Document) -> None:
    copy, _ = there_and_back(name, original)
    assert copy.text == original.text
    assert sorted(spans(copy), key=str) == sorted(KEEP_TEXT[name](original), key=str)


@SLOW
@given(original=documents())
def test_tei_keeps_what_xml_can_hold_in_its_place(original: Document) -> None:
    copy, losses = there_and_back("tei", original)
    allowed = "".join(
        character if character in "\t\n\r" or " " <= character <= "\ufffd" or character > "\uffff" else "\ufffd"
        for character in original.text
    )
    assert copy.text == allowed
    assert [span[:2] + span[3:] for span in spans(copy)] == [span[:2] + span[3:] for span in nested(original)]
    assert losses[Loss.OVERLAPS] == len(original.mentions) - len(copy.mentions)
    assert losses[Loss.CHARACTERS] >= sum(a != b for a, b in zip(original.text, allowed, strict=True))


@pytest.mark.parametrize("name", EXACT)
@SLOW
@given(original=documents())
def test_formats_with_fields_of_their_own_keep_everything(name: str, original: Document) -> None:
    copy, losses = there_and_back(name, original)
    assert copy == original
    assert not losses.total()


@pytest.mark.parametrize("name", ["conllu", "webanno", "brat"])
@SLOW
@given(original=documents(meta=False, types=False))
def test_ids_scores_and_labels_come_back_where_the_format_has_a_place_for_them(name: str, original: Document) -> None:
    copy, losses = there_and_back(name, original)
    assert copy.id == original.id
    kept = {span[:2]: mention for span, mention in zip(spans(copy), copy.mentions, strict=True)}
    for mention in original.mentions:
        if (mention.start, mention.end) in kept and name == "conllu":
            other = kept[mention.start, mention.end]
            # Two mentions may have become one span, so that either may be in its place.
            assert losses[Loss.MOVED] or (other.score, other.label) == (mention.score, mention.label)
    if name == "brat":
        scores = [mention.score for mention in original.mentions if mention.text.strip()]
        assert [mention.score for mention in copy.mentions] == scores


@pytest.mark.parametrize("name", KEEP_META)
@SLOW
@given(original=documents())
def test_meta_comes_back_where_it_is_kept(name: str, original: Document) -> None:
    copy, _ = there_and_back(name, original)
    kept = {key: value for key, value in original.meta.items() if key != "mention_types"}
    assert {key: value for key, value in copy.meta.items() if key != "mention_types"} == kept


@pytest.mark.parametrize("name", [*EXACT, "conllu", "tei", "brat", "webanno"])
def test_types_of_mentions_and_nil_come_back(name: str) -> None:
    mentions = (Mention(0, 3, "Ada", "Q7259"), Mention(8, 11, "Zed"))
    original = Document("d", "Ada met Zed.", mentions, {"mention_types": [["PERSON"], []]})
    copy, _ = there_and_back(name, original)
    assert [(mention.text, mention.entity_id) for mention in copy.mentions] == [("Ada", "Q7259"), ("Zed", None)]
    assert copy.meta == {"mention_types": [["PERSON"], []]}


@pytest.mark.parametrize("name", [*KEEP_TEXT, "tei"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(originals=st.lists(documents(), min_size=2, max_size=3))
def test_several_documents_stay_apart_and_in_order(name: str, originals: list[Document]) -> None:
    originals = [replace(one, id=f"d{number}") for number, one in enumerate(originals)]
    with tempfile.TemporaryDirectory() as folder:
        written(name, originals, Path(folder) / "corpus")
        copies = read(name, Path(folder) / "corpus")
    assert [copy.id for copy in copies] == [one.id for one in originals]
    assert [len(copy.text) for copy in copies] == [len(one.text) for one in originals]


@pytest.mark.parametrize("name", [*KEEP_TEXT, "tei"])
def test_a_lone_surrogate_is_an_error_of_its_document_and_nothing_of_it_is_written(name: str, tmp_path: Path) -> None:
    good = Document("good", "Ada")
    form = FORMATS[name]
    assert form.write is not None
    streams = [io.BytesIO(), io.BytesIO()]
    for stream, documents in zip(streams, ([good], [good, Document("bad", "a\ud800")]), strict=True):
        writer = form.write(stream)
        for document in documents:
            if document is good:
                writer.write(document)
            else:
                with pytest.raises(InputError, match="surrogate"):
                    writer.write(document)
        writer.finish()
    assert streams[0].getvalue() == streams[1].getvalue()


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.write is not None])
def test_a_file_without_documents_is_written_and_read(name: str, tmp_path: Path) -> None:
    written(name, [], tmp_path / "corpus")
    if FORMATS[name].reads:
        assert read(name, tmp_path / "corpus") == []
