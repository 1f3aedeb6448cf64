"""A text as tokens with exact character offsets, whatever the text and the tokenizer."""

import copy
import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from elinker.onegen.source import Source, read_source

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.onegen.settings import OneGenSettings

NASTY = (
    "[LK]",
    "<MENTION>x</MENTION>[LK][_CONTINUE_]",
    "[SEP] [CLS] [MASK] [PAD]",
    "<s></s><unk><0x0A><|im_end|>",
    "👩‍👩‍👧 😀",
    "a\r\nb\x00c\u200bd\u200f\u202ee\u2066",
    "e\u0301 n\u0303 \u0301 각 ﷺ İ ß ﬁ",
    "東京は日本",
    "\ud800 \udfff\ud83d",
    "x" * 120,
    " \t\n\u00a0\u3000",
)
texts = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=12)), max_size=4).map("".join)


@pytest.fixture(scope="module")
def tokenizers(tokenizer_for: Callable[[str], Any], settings_for: "Callable[..., OneGenSettings]") -> Any:
    """The tokenizers alone, with the control ids that no text may spell."""
    made = {}
    for architecture in ("llama", "qwen2", "mistral", "bert"):
        tokenizer = tokenizer_for(architecture)
        tokenizer.add_tokens([token.text for token in settings_for(architecture).tokens], special_tokens=True)
        reserved = frozenset(tokenizer.get_added_vocab().values()) - {tokenizer.unk_token_id}
        made[architecture] = (tokenizer, reserved)
    return made


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "bert"])
@given(text=texts)
def test_offsets_never_go_back_and_stay_within_the_text(tokenizers: Any, architecture: str, text: str) -> None:
    source = read_source(text, *tokenizers[architecture])
    assert source.text == text
    assert len(source.ids) == len(source.starts) == len(source.ends) == len(source.types)
    assert list(source.starts) == sorted(source.starts)
    assert list(source.ends) == sorted(source.ends)
    assert all(0 <= start <= end <= len(text) for start, end in zip(source.starts, source.ends, strict=True))


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "bert"])
@given(text=texts)
def test_no_text_spells_a_control_token(tokenizers: Any, architecture: str, text: str) -> None:
    tokenizer, reserved = tokenizers[architecture]
    assert not reserved & set(read_source(text, tokenizer, reserved).ids)


@given(text=texts)
def test_a_byte_level_tokenizer_covers_all_but_marks_that_it_composes(tokenizers: Any, text: str) -> None:
    source = read_source(text, *tokenizers["qwen2"])
    covered = {place for s, e in zip(source.starts, source.ends, strict=True) for place in range(s, e)}
    assert all(unicodedata.combining(text[place]) for place in set(range(len(text))) - covered)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "bert"])
def test_an_accent_belongs_to_its_letter(tokenizers: Any, architecture: str) -> None:
    text = "Jose\u0301 and Zoe\u0308"
    source = read_source(text, *tokenizers[architecture])
    for start, end in ((0, 5), (10, 14)):
        tokens = source.tokens_of(start, end)
        assert tokens is not None
        assert source.span(*tokens) == (start, end)


@given(text=texts, data=st.data())
def test_tokens_of_is_the_smallest_range_of_whole_characters(tokenizers: Any, text: str, data: st.DataObject) -> None:
    source = read_source(text, *tokenizers["qwen2"])
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    inside = [i for i in range(len(source)) if source.starts[i] < end and source.ends[i] > start]
    found = source.tokens_of(start, end)
    if not inside or start == end:
        assert found is None
        return
    assert found is not None
    first, last = found
    assert source.is_boundary(first)
    assert source.is_boundary(last)
    assert first <= inside[0] <= inside[-1] < last
    assert not any(source.is_boundary(index) for index in range(first + 1, inside[0] + 1))
    assert not any(source.is_boundary(index) for index in range(inside[-1] + 1, last))


def test_a_span_of_white_space_alone_has_no_tokens_where_the_tokenizer_drops_it(tokenizers: Any) -> None:
    assert read_source("a  b", *tokenizers["bert"]).tokens_of(1, 3) is None


def test_an_empty_span_has_no_tokens(tokenizers: Any) -> None:
    assert read_source("Paris", *tokenizers["bert"]).tokens_of(2, 2) is None


def test_literal_markup_is_read_as_ordinary_text(tokenizers: Any) -> None:
    tokenizer, reserved = tokenizers["bert"]
    source = read_source("the [LK] end", tokenizer, reserved)
    assert "".join(source.text[s:e] for s, e in zip(source.starts, source.ends, strict=True)) == "the[LK]end"


@given(
    text=st.lists(st.one_of(texts, st.sampled_from(["*****", "...", "--", "=" * 40, "**"])), max_size=5).map(" ".join)
)
def test_a_long_run_of_one_sign_is_one_token_over_all_of_them(tokenizers: Any, text: str) -> None:
    each = read_source(text, *tokenizers["bert"])
    one = read_source(text, *tokenizers["bert"], runs_as_one=True)
    assert list(one.starts) == sorted(one.starts)
    covered = [
        {place for s, e in zip(source.starts, source.ends, strict=True) for place in range(s, e)}
        for source in (each, one)
    ]
    assert covered[0] == covered[1]
    for start, end in zip(one.starts, one.ends, strict=True):
        if end - start > 1 and not text[start].isalnum() and len(set(text[start:end])) == 1:
            assert end - start >= 3
            assert text[end : end + 1] != text[start]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a ***** b", ["a", "*****", "b"]),
        ("*** ****", ["***", "****"]),
        ("a -- b ** c", ["a", "-", "-", "b", "*", "*", "c"]),
        ("Wait...?!!!", ["wait", "...", "?", "!!!"]),
    ],
)
def test_only_three_or_more_of_a_sign_without_a_gap_are_a_long_run(
    tokenizers: Any, text: str, pieces: list[str]
) -> None:
    source = read_source(text, *tokenizers["bert"], runs_as_one=True)
    words = "".join(text[s:e].lower() + "|" for s, e in zip(source.starts, source.ends, strict=True))
    assert words.replace("w|a|i|t", "wait") == "|".join(pieces) + "|"


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("***** Paris", False), ("... Paris", False), ("____", False), ("$$$", False),
        ("** Paris", True), ("*NSYNC", True), ("aaa", True), ("111", True), ("*-*", True), ("(Paris)", True),
    ],
)  # fmt: skip
def test_a_mention_begins_with_no_long_run_of_one_sign(tokenizers: Any, text: str, begins: bool, one: bool) -> None:
    assert read_source(text, *tokenizers["bert"], runs_as_one=one).may_begin(0) == begins


def test_a_lone_surrogate_counts_as_one_character(tokenizers: Any) -> None:
    source = read_source("\ud800 Paris", *tokenizers["qwen2"])
    first, last = source.tokens_of(2, 7) or (0, 0)
    assert source.span(first, last) == (2, 7)


def test_tokens_of_one_character_are_no_place_for_a_border(tokenizers: Any) -> None:
    source = read_source("😀", *tokenizers["qwen2"])
    assert len(source) == 4
    assert [source.is_boundary(index) for index in range(5)] == [True, False, False, False, True]


def test_a_tokenizer_that_trims_spaces_from_offsets_loses_none(tokenizers: Any) -> None:
    tokenizer, reserved = tokenizers["qwen2"]
    trimming = copy.deepcopy(tokenizer)
    parts = json.loads(trimming.backend_tokenizer.to_str())
    parts["post_processor"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    trimming._tokenizer = Tokenizer.from_str(json.dumps(parts))
    text = "Paris  is\n\nhere "
    source = read_source(text, trimming, reserved)
    assert source.ids == read_source(text, tokenizer, reserved).ids
    first, last = source.tokens_of(7, 9) or (0, 0)
    assert source.span(first, last) == (7, 9)


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("Paris was in FRANCE", {"Paris": 1, "was": 0, "in": 0, "FRANCE": 2}),
        ("A DOG", {"A": 1, "DOG": 2}),
        ("iPhone", {"iPhone": 0}),
        ("MCDonald's", {"MCDonald": 1, "s": 0}),
        ("Élan ÉLAN", {"Élan": 1, "ÉLAN": 2}),
        ("2009 $", {"2009": 0, "$": 0}),
    ],
)
def test_types_tell_the_case_of_a_word_for_each_of_its_pieces(
    tokenizers: Any, text: str, types: Mapping[str, int]
) -> None:
    source = read_source(text, *tokenizers["bert"])
    for word, kind in types.items():
        start = text.index(word)
        first, last = source.tokens_of(start, start + len(word)) or (0, 0)
        assert set(source.types[first:last]) == {kind}


def test_case_is_told_where_tokens_carry_their_space(tokenizers: Any) -> None:
    source = read_source("in Paris", *tokenizers["qwen2"])
    first, last = source.tokens_of(3, 8) or (0, 0)
    assert set(source.types[first:last]) == {1}


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mistral", "bert"])
@pytest.mark.parametrize("unit", ["x", "東", "😀", "a ", "[LK]"])
def test_every_character_of_a_large_text_is_found_again(tokenizers: Any, architecture: str, unit: str) -> None:
    text = unit * (30_000 // len(unit))
    source = read_source(text, *tokenizers[architecture])
    for start in range(0, len(text) - 3, 200):
        first, last = source.tokens_of(start, start + 3) or (0, 0)
        assert source.starts[first] <= start
        assert source.ends[last - 1] >= start + len(text[start : start + 3].rstrip())


def test_the_models_read_texts_the_same_way(onegens: "Mapping[str, OneGen]", tokenizers: Any) -> None:
    for architecture, (tokenizer, reserved) in tokenizers.items():
        for text in NASTY:
            read: Source = onegens[architecture].source(text)
            assert read == read_source(text, tokenizer, reserved)
