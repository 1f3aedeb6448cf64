"""What is written and read again is the same text with the same spans, in every format and for any text."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker import Candidate, Document, Mention
from elinker.corpus import FORMATS, Located, ReadOptions, Source

MARKUP = ["[LK]", "-DOCSTART-", "-DOCSTART- (x)", "# elinker {}", "--NME--", "\\n", "\\"]
SPACES = ["\t", "\r\n", "\n\n", "\r", "\x00", " ", "  ", "\ufeff", "\u2028", "\u0085", "\u00a0", "\x1f"]
WORDS = ["e\u0301", "\u202eאבג", "👩\u200d👩\u200d👧", "🏀", "New York", "U.S. ", "don't", ". ", "日本"]
PIECES = st.sampled_from(MARKUP + SPACES + WORDS)
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=12).map("".join)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(["--NME--", "Q42", "a\tb", "a\nb", "\\", "-DOCSTART-"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
# The folder may be shared by examples, and a busy machine draws large documents slowly.
ALLOWED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SCORES = st.integers(0, 10**4).map(lambda number: number / 10**4)  # as many places as are written


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXTS)
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=10)))
    mentions = []
    cursor = 0
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        if cursor <= start < end:
            cursor = end
            entity_id = draw(st.none() | NAMES)
            mention = Mention(start, end, text[start:end], entity_id, score=draw(SCORES))
            if entity_id is not None:
                candidates = (Candidate(entity_id, draw(NAMES), draw(SCORES)),)
                mention = replace(mention, label=draw(NAMES), candidates=candidates)
            mentions.append(mention)
    return Document(draw(NAMES), text, tuple(mentions), draw(st.dictionaries(NAMES, JSON, max_size=3)))


def there_and_back(name: str, originals: list[Document], path: Path) -> list[Document]:
    form = FORMATS[name]
    assert form.write is not None
    stream = io.BytesIO()
    writer = form.write(stream)
    for document in originals:
        writer.write(document)
    writer.finish()
    path.write_bytes(stream.getvalue())
    records = list(form.read(Source(path.name, path.name, path), ReadOptions()))
    for record in records:
        assert isinstance(record, Located), record
    return [record.document for record in records if isinstance(record, Located)]


def spans(document: Document) -> list[tuple[int, int, str, str | None]]:
    return [(mention.start, mention.end, mention.text, mention.entity_id) for mention in document.mentions]


@pytest.mark.parametrize("name", ["jsonl", "conll", "docbin", "parquet"])
@settings(max_examples=60, deadline=None, suppress_health_check=ALLOWED)
@given(originals=st.lists(documents(), max_size=3))
def test_text_spans_ids_and_meta_survive_every_format(name: str, originals: list[Document], tmp_path: Path) -> None:
    copies = there_and_back(name, originals, tmp_path / "corpus")
    assert [copy.text for copy in copies] == [original.text for original in originals]
    assert [spans(copy) for copy in copies] == [spans(original) for original in originals]
    assert [copy.id for copy in copies] == [original.id for original in originals]
    assert [copy.meta for copy in copies] == [original.meta for original in originals]


@pytest.mark.parametrize("name", ["jsonl", "docbin", "parquet"])
@settings(max_examples=30, deadline=None, suppress_health_check=ALLOWED)
@given(original=documents())
def test_jsonl_docbin_and_parquet_keep_labels_scores_and_candidates(
    name: str, original: Document, tmp_path: Path
) -> None:
    assert there_and_back(name, [original], tmp_path / "corpus") == [original]


@settings(max_examples=30, deadline=None, suppress_health_check=ALLOWED)
@given(original=documents())
def test_conll_keeps_labels_and_scores(original: Document, tmp_path: Path) -> None:
    (copy,) = there_and_back("conll", [original], tmp_path / "corpus")
    bare = replace(original, mentions=tuple(replace(mention, candidates=()) for mention in original.mentions))
    assert copy == bare
