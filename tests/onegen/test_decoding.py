"""Decoding under the copy grammar: exact, equal to the plainest way of doing it, and one pass only."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.onegen.source import SURROGATE, Source, read_pieces

if TYPE_CHECKING:
    from elinker.onegen.decoding import Marking
    from elinker.onegen.model import OneGen

TEXTS = (
    "After the death of Steve, the former CEO of Apple, his speech was watched.",
    "Dr. Smith lives in New York!",
    "東京 and 北京 👩‍👩‍👧 [LK] <MENTION>x</MENTION>",
    "Pixar",
    "a b c d e f g h i j k l m n o p",
)

_CONTROL = ("[LK]", "<MENTION>", "</MENTION>", "[_CONTINUE_]", "[SEP]", "</s>", "<s>", "<|im_end|>", "[SE]")
_HARD = (
    "👩‍👩‍👧",
    "\r\n",
    "\x00",
    "\u202e",
    "\u2066",
    "e\u0301",
    "東京",
    "\u200b",
    "\ud800",
    "\udc00",
    " \t ",
    "x" * 30,
)
_pieces = st.one_of(
    st.sampled_from(_CONTROL),
    st.sampled_from(_HARD),
    st.sampled_from(["Steve ", "Apple", " New York."]),
    st.text(max_size=6),
)
_texts = st.lists(_pieces, max_size=5).map("".join)


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(_texts, min_size=1, max_size=3), data=st.data())
def test_any_text_is_copied_exactly_with_well_formed_mentions(
    onegens: "Mapping[str, OneGen]", texts: list[str], data: st.DataObject
) -> None:
    onegen = onegens[data.draw(st.sampled_from(sorted(onegens)))]
    layout = onegen.layout
    sources = [onegen.source(text).slice(0, layout.window) for text in texts]
    reserved = set(onegen.tokenizer.get_added_vocab().values()) - {onegen.tokenizer.unk_token_id}
    for text, source, marking in zip(texts, sources, onegen.mark(sources), strict=True):
        assert not reserved & set(source.ids)
        assert len(marking.mentions) == len(marking.vectors)
        written = layout.marked(source, marking.mentions)
        assert len(written) <= onegen.settings.max_length
        copy = written.ids[len(layout.prompt(source)[0]) :]
        assert copy.count(layout.query) == len(marking.mentions)
        if not layout.markers_are_text:
            markup = (*layout.open, *layout.close, *layout.after_close) * len(marking.mentions)
            assert Counter(copy) == Counter((*source.ids, *markup, *layout.end))
        previous = 0
        for tokens in marking.mentions:
            assert source.is_boundary(tokens[0])
            assert source.is_boundary(tokens[1])
            start, end = source.span(*tokens)
            assert previous <= start < end <= len(text)
            assert text[start:end] == text[start:end].strip()
            previous = end


def test_the_random_models_open_and_close_mentions(onegen: "OneGen") -> None:
    """Without this, the tests of this file would prove nothing."""
    markings = onegen.mark([onegen.source(text) for text in TEXTS])
    assert sum(bool(marking.mentions) for marking in markings) >= len(TEXTS) / 2
    lengths = {end - start for marking in markings for start, end in marking.mentions}
    assert len(lengths) > 1


def naive(onegen: "OneGen", source: Source) -> tuple[list[tuple[int, int]], list[Any]]:
    """Decode one text by definition: all of it anew at every step, all logits, the best of what is allowed."""
    if onegen.layout.markers_are_text:
        return naive_text(onegen, source)
    layout, model = onegen.layout, onegen.model
    ids, types = (list(part) for part in layout.prompt(source))
    mentions: list[tuple[int, int]] = []
    queries: list[int] = []
    opened: int | None = None
    position = 0
    while True:
        at_end = position == len(source)
        whole = at_end or position == 0 or source.starts[position] >= source.ends[position - 1]
        if whole and not at_end and position and source.starts[position] == source.ends[position - 1]:
            around = source.text[source.starts[position] - 1 : source.starts[position] + 1]
            whole = not all(character.isdigit() or character.swapcase() != character for character in around)
        options: dict[str, int] = {}
        if not at_end:
            options["copy"] = source.ids[position]
        if opened is None and not at_end and whole:
            left = onegen.settings.max_length - len(ids) - (len(source) - position) - len(layout.end)
            visible = source.text[source.starts[position] : source.ends[position]].strip()
            if visible and left >= layout.mention_cost:
                options["open"] = layout.open[0]
        if opened is not None and position > opened and whole:
            options["close"] = layout.close[0]
        if not options:
            break
        extra = {"token_type_ids": torch.tensor([types])} if onegen.settings.token_types == "case" else {}
        with torch.inference_mode():
            output = model(input_ids=torch.tensor([ids]), **extra, use_cache=False)
        logits = output.logits[0, -1]
        action = max(options, key=lambda name: float(logits[options[name]]))
        if action == "copy":
            ids.append(source.ids[position])
            types.append(source.types[position])
            position += 1
            continue
        if action == "open":
            opened = position
            added: tuple[int, ...] = layout.open
        else:
            assert opened is not None
            mentions.append((opened, position))
            opened = None
            queries.append(len(ids) + len(layout.close))
            added = (*layout.close, layout.query, *layout.forced)
        ids += added
        types += [0] * len(added)
    extra = {"token_type_ids": torch.tensor([types])} if onegen.settings.token_types == "case" else {}
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([ids]), **extra, use_cache=False, output_hidden_states=True)
    vectors = torch.nn.functional.normalize(output.hidden_states[-1][0, queries], dim=-1)
    return mentions, vectors.numpy()


def spelt(onegen: "OneGen", source: Source, marks: Sequence[int]) -> list[int]:
    """Ids of a copy with markers before the tokens `marks`, opening and closing in turn, as the tokenizer reads it."""
    layout, linking = onegen.layout, onegen.settings.linking
    reserved = set(onegen.tokenizer.get_added_vocab().values()) - {onegen.tokenizer.unk_token_id}
    ids: list[int] = []
    before, text, done = linking.begin, "", source.extent[0]
    for number, mark in enumerate(marks):
        if number % 2 == 0:
            place = source.starts[mark]
            place += len(source.text[place : source.ends[mark]]) - len(source.text[place : source.ends[mark]].lstrip())
            text += source.text[done:place] + linking.open
        else:
            place = source.ends[mark - 1]
            text += source.text[done:place] + linking.close
            ids += behind(onegen, before, text, reserved) + list(layout.after_close)
            before, text = linking.query + linking.forced, ""
        done = place
    ids += behind(onegen, before, text + source.text[done : source.extent[1]], reserved)
    return ids if len(marks) % 2 else [*ids, *layout.end]


def behind(onegen: "OneGen", before: str, text: str, reserved: set[int]) -> list[int]:
    """Ids of a text behind control tokens, or behind a space that is read with it."""
    skipped = len(before) if before.strip() else 0
    pieces = read_pieces(SURROGATE.sub("\ufffd", text), onegen.tokenizer, reserved, before=before)
    return [token for token, start, _ in pieces if start >= skipped]


def naive_text(onegen: "OneGen", source: Source) -> tuple[list[tuple[int, int]], list[Any]]:
    """The same for markers that are plain text: two copies are told apart at the first token in which they differ.

    Markers are decided on in the order of the text. One that can only be told apart behind a later one's token is not
    told apart at all, and is not written.
    """
    marks: list[int] = []
    prompt = list(onegen.layout.prompt(source)[0])
    while True:
        inside = len(marks) % 2 == 1
        first = marks[-1] + 1 if inside else marks[-1] if marks else 0
        places = [
            place
            for place in range(first, len(source) + inside)
            if source.is_edge(place) and (inside or source.may_begin(place))
        ]
        plain = spelt(onegen, source, marks)
        copies = {place: spelt(onegen, source, [*marks, place]) for place in places}
        common = {
            place: next((n for n, pair in enumerate(zip(plain, copy, strict=False)) if pair[0] != pair[1]), len(plain))
            for place, copy in copies.items()
        }
        apart = {place: min(common[later] for later in places if later >= place) for place in places}
        for place in places:
            column = apart[place]
            if inside and place == len(source):
                break
            rivals = {plain[column], *(copies[p][column] for p in places if p > place and apart[p] == column)}
            with torch.inference_mode():
                logits = onegen.model(input_ids=torch.tensor([prompt + plain[:column]]), use_cache=False).logits[0, -1]
            if logits[copies[place][column]] > max(logits[rival] for rival in rivals):
                break
        else:
            break
        marks.append(place)
    ids = prompt + spelt(onegen, source, marks)
    queries = [place for place in range(len(prompt), len(ids)) if ids[place] == onegen.layout.query]
    with torch.inference_mode():
        output = onegen.model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    vectors = torch.nn.functional.normalize(output.hidden_states[-1][0, queries], dim=-1)
    return list(zip(marks[::2], marks[1::2], strict=True)), vectors.numpy()


def assert_same(marking: "Marking", mentions: Sequence[tuple[int, int]], vectors: Any) -> None:
    assert list(marking.mentions) == list(mentions)
    np.testing.assert_allclose(marking.vectors, vectors, atol=2e-4)


def test_both_decoders_equal_decoding_by_definition(onegen: "OneGen") -> None:
    from elinker.onegen.decoding import decode

    sources = [onegen.source(text).slice(0, onegen.layout.window) for text in TEXTS]
    with torch.inference_mode():
        by_token = decode(sources, onegen.layout, onegen.backbone)
    for source, marking, reference in zip(sources, onegen.mark(sources), by_token, strict=True):
        wanted = naive(onegen, source)
        assert_same(reference, *wanted)
        assert_same(marking, *wanted)


@settings(max_examples=20)
@given(data=st.data())
@torch.inference_mode()
def test_any_draft_leads_to_the_same_mentions(onegens: "Mapping[str, OneGen]", data: st.DataObject) -> None:
    """A draft only saves passes: whatever is guessed, the model's own choices come out."""
    from elinker.onegen import verifying
    from elinker.onegen.decoding import decode
    from elinker.onegen.drafting import Draft

    onegen = onegens[data.draw(st.sampled_from(sorted(onegens)))]
    sources = [onegen.source(text).slice(0, onegen.layout.window) for text in TEXTS[:3]]

    class Guess:
        reads_states = data.draw(st.booleans())

        def __call__(self, source: Source, states: torch.Tensor | None) -> Draft:
            assert states is None if not self.reads_states else states.shape == (len(source), onegen.dim)
            wishes = st.lists(st.floats(-4, 4), min_size=len(source) + 1, max_size=len(source) + 1)
            return Draft(data.draw(wishes), data.draw(wishes))

    size = data.draw(st.integers(1, 3))
    with patch.object(verifying, "_WASTE", data.draw(st.sampled_from((0, 2, 12)))):  # 0: every choice is left open
        drafted = verifying.decode_by_drafts(sources, onegen.layout, onegen.backbone, Guess(), batch_size=size)
    for marking, wanted in zip(drafted, decode(sources, onegen.layout, onegen.backbone), strict=True):
        assert_same(marking, wanted.mentions, wanted.vectors)


def test_decoding_stops_marking_where_positions_run_out(
    fresh: "Callable[..., OneGen]", settings_for: Callable[..., Any]
) -> None:
    short = {"template": "{label}[SE]", "token": "[SE]", "max_length": 16}
    onegen = fresh("llama", settings=settings_for("llama", max_length=64, document=short))
    source = onegen.source("Steve Jobs met Steve Wozniak in a garage near Paris")
    free = fresh("llama").mark([source])[0]
    length = len(onegen.layout.marked(source, free.mentions[:2]))
    tight = fresh("llama", settings=settings_for("llama", max_length=length, document=short))
    marking = tight.mark([source])[0]
    assert marking.mentions == free.mentions[:2]
    assert_same(marking, *naive(tight, source))


def test_what_is_marked_does_not_depend_on_the_batch(onegen: "OneGen") -> None:
    sources = [onegen.source(text).slice(0, onegen.layout.window) for text in TEXTS]
    alone = [onegen.mark([source])[0] for source in sources]
    for size in (1, 2, len(sources)):
        for marking, wanted in zip(onegen.mark(sources, batch_size=size), alone, strict=True):
            assert_same(marking, wanted.mentions, wanted.vectors)
    for marking, wanted in zip(onegen.mark(sources[::-1]), alone[::-1], strict=True):
        assert_same(marking, wanted.mentions, wanted.vectors)


def test_reading_the_marked_text_gives_the_vectors_of_the_pass_that_wrote_it(onegen: "OneGen") -> None:
    sources = [onegen.source(text).slice(0, onegen.layout.window) for text in TEXTS]
    markings = onegen.mark(sources)
    read = onegen.read(sources, [marking.mentions for marking in markings])
    for marking, vectors in zip(markings, read, strict=True):
        np.testing.assert_allclose(marking.vectors, vectors, atol=2e-4)


def test_disambiguating_the_marked_spans_gives_their_vectors(onegen: "OneGen") -> None:
    for text in TEXTS[:2]:
        (found,) = onegen.annotate([text])
        source = onegen.source(text)
        (marking,) = onegen.mark([source])
        if any(source.is_blank(end - 1) for _, end in marking.mentions):
            continue  # a span never ends in the white space over which this model's mention went on
        vectors = onegen.disambiguate(text, [(start, end) for start, end, _ in found])
        np.testing.assert_allclose(np.stack([vector for _, _, vector in found]), vectors, atol=2e-4)


class Watch:
    """Counts forward passes of a model's layers and notes the tokens they read."""

    def __init__(self, onegen: "OneGen") -> None:
        self.passes = 0
        self.ids: list[int] = []
        self.hidden_states = False
        base = onegen.model.base_model
        self._handle = base.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        self.passes += 1
        self.ids += kwargs["input_ids"].flatten().tolist()
        self.hidden_states |= getattr(output, "hidden_states", None) is not None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()


def test_vectors_fall_out_of_the_pass_that_writes(onegen: "OneGen") -> None:
    """Nothing is encoded a second time, and no layer but the last is kept."""
    from elinker.onegen.decoding import decode

    source = onegen.source(TEXTS[0])
    with Watch(onegen) as watch, torch.inference_mode():
        (marking,) = decode([source], onegen.layout, onegen.backbone)
    assert marking.mentions
    written = onegen.layout.marked(source, marking.mentions)
    assert watch.ids == list(written.ids[: len(written) - len(onegen.layout.end)])
    assert not watch.hidden_states


def test_given_mentions_are_read_in_one_pass(onegen: "OneGen") -> None:
    with Watch(onegen) as watch:
        vectors = onegen.disambiguate(TEXTS[1], [(4, 9), (19, 27)])
    assert vectors.shape == (2, onegen.dim)
    assert watch.passes == 1


def test_vectors_have_length_one_and_the_width_of_the_model(onegen: "OneGen") -> None:
    (marking,) = onegen.mark([onegen.source(TEXTS[0])])
    assert marking.vectors.shape == (len(marking.mentions), onegen.dim)
    assert marking.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(marking.vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\n\n"])
def test_a_text_without_anything_to_mark_has_no_mentions(onegen: "OneGen", text: str) -> None:
    (marking,) = onegen.mark([onegen.source(text)])
    assert marking.vectors.shape == (len(marking.mentions), onegen.dim)
    if not text.strip():
        assert marking.mentions == ()


def test_an_empty_prompt_before_an_empty_text_is_no_trouble(
    fresh: "Callable[..., OneGen]", settings_for: Callable[..., Any]
) -> None:
    linking = settings_for("qwen2").linking.model_dump() | {"prompt": "{input}"}
    onegen = fresh("qwen2", settings=settings_for("qwen2", linking=linking))
    empty, full = onegen.mark([onegen.source(""), onegen.source(TEXTS[0])])
    assert empty.mentions == ()
    assert_same(full, *naive(onegen, onegen.source(TEXTS[0])))


def test_no_sources_give_no_markings(onegen: "OneGen") -> None:
    assert onegen.mark([]) == []
    assert onegen.read([], []) == []


def test_a_text_longer_than_the_positions_is_refused(onegen: "OneGen") -> None:
    source = onegen.source("Paris and New York " * 100)
    with pytest.raises(InputError, match="positions"):
        onegen.mark([source])
    with pytest.raises(InputError, match="positions"):
        onegen.read([source], [[(0, 1)]])


@pytest.mark.parametrize("spans", [[(0, 0)], [(4, 9), (0, 2)], [(0, 9), (4, 12)]])
def test_spans_to_disambiguate_are_in_order_and_not_empty(
    onegens: "Mapping[str, OneGen]", spans: list[tuple[int, int]]
) -> None:
    with pytest.raises(InputError, match="span"):
        onegens["bert"].disambiguate(TEXTS[1], spans)


def test_detection_gives_the_spans_of_annotation(onegen: "OneGen") -> None:
    texts = list(TEXTS[:2])
    annotated = [[(start, end) for start, end, _ in found] for found in onegen.annotate(texts)]
    assert onegen.detect(texts) == annotated


@torch.inference_mode()
def test_what_all_prompts_begin_with_is_read_once(
    fresh: "Callable[..., OneGen]", settings_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from elinker.onegen.decoding import decode

    linking = settings_for("llama").linking.model_dump()
    linking["prompt"] = "<s>You are good at mention detection. Please output the text:{input}\nmention detection:"
    onegen = fresh("llama", settings=settings_for("llama", linking=linking))
    prefix = onegen.layout.prompt_prefix
    assert len(prefix) >= 8
    read: list[tuple[int, ...]] = []
    read_rows = onegen.backbone.read_rows
    monkeypatch.setattr(
        onegen.backbone, "read_rows", lambda *given: read.extend(map(tuple, given[1])) or read_rows(*given)
    )
    sources = [onegen.source(text).slice(0, onegen.layout.window) for text in TEXTS]
    markings = onegen.mark(sources)
    assert sum(ids[: len(prefix)] == prefix for ids in read) == 1
    for marking, wanted in zip(markings, decode(sources, onegen.layout, onegen.backbone), strict=True):
        assert_same(marking, wanted.mentions, wanted.vectors)
