"""Texts that no tokenizer was made for: what is marked in them is a span of the text, and not blank."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

TEXTS = {
    "a word of 50,000 characters": "A" * 50_000,
    "scripts that the tokenizer does not know": "ᚠᚢᚦ ደብዳቤ ᠮᠣᠩᠭᠣᠯ 𓀀𓁐 𐌰𐌱 ꯀꯨꯝ",
    "zero width and bidirectional controls": "St\u200beve\u200d \u202eelppA\u202c \u2066אבג\u2069 \ufeffPixar\u00ad",
    "joined emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇫🇷🇫 Steve👩‍🚀Apple",
    "combining marks without end": "e" + "\u0301" * 3000 + " Steve",
    "literal markup": "<MENTION>Steve</MENTION>[LK][_CONTINUE_] [SEP][CLS]</s><s><|im_end|> {input} [SE]",
    "controls": "Steve\x00Jobs\x1b[31m\x7f\x85\u2028Apple\r\n\r",
    "lone surrogates": "Steve \ud800 Jobs \udfff",
    "blanks only": " \t\n\u00a0\u3000",
    "nothing": "",
}


@pytest.mark.parametrize("name", TEXTS)
def test_mentions_of_any_text_are_spans_of_it(onegen: "OneGen", name: str) -> None:
    text = TEXTS[name]
    source = onegen.source(text)
    own = set(onegen.tokenizer.get_added_vocab().values()) - {onegen.tokenizer.unk_token_id}
    assert not own & set(source.ids)
    width = onegen.settings.window
    windows = [source.slice(start, start + width) for start in range(0, min(len(source), 3 * width), width)]
    for window, marking in zip(windows, onegen.mark(windows), strict=True):
        for first, last in marking.mentions:
            start, end = window.span(first, last)
            assert 0 <= start < end <= len(text) and text[start:end].strip()
