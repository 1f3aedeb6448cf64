"""The sequences a model reads: prompt, marked copy, entity document."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from elinker.errors import ModelError
from elinker.onegen.settings import Role
from elinker.schema import Entity

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.onegen.settings import OneGenSettings

STEVE = Entity("Q1", "Steve Jobs", ("Jobs", "Steve"), "co-founder of Apple", ("person",))


def decoded(onegen: "OneGen", ids: Any) -> str:
    return " ".join(onegen.tokenizer.convert_ids_to_tokens(list(ids)))


def test_the_marked_text_is_prompt_copy_markers_and_end(onegens: "Mapping[str, OneGen]") -> None:
    onegen = onegens["bert"]
    sequence = onegen.layout.marked(onegen.source("apple of paris"), [(0, 1), (2, 3)])
    assert decoded(onegen, sequence.ids) == (
        "[CLS] apple of paris [SEP] <MENTION> apple </MENTION> [LK] [_CONTINUE_] of "
        "<MENTION> paris </MENTION> [LK] [_CONTINUE_] [SEP]"
    )


def test_the_copy_is_generated_the_prompt_only_read_and_the_query_retrieved(onegens: "Mapping[str, OneGen]") -> None:
    onegen = onegens["bert"]
    sequence = onegen.layout.marked(onegen.source("apple of"), [(0, 1)])
    gen, ctx, ret = Role.GEN, Role.CTX, Role.RET
    assert sequence.roles == (ctx, ctx, ctx, ctx, gen, gen, gen, ret, ctx, gen, gen)
    assert sequence.retrieval == (7,)


def test_token_types_follow_the_copied_tokens_and_are_zero_on_markup(onegens: "Mapping[str, OneGen]") -> None:
    onegen = onegens["bert"]
    sequence = onegen.layout.marked(onegen.source("Apple of"), [(0, 1)])
    assert sequence.types == (0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0)


def test_a_marker_of_several_pieces_is_written_whole(onegens: "Mapping[str, OneGen]") -> None:
    layout = onegens["pieces"].layout
    assert len(layout.open) > 1
    assert layout.mention_cost == len(layout.open) + len(layout.close) + 2
    sequence = layout.marked(layout.source("Paris"), [(0, 1)])
    start = len(layout.prompt(layout.source("Paris"))[0])
    assert sequence.ids[start : start + len(layout.open)] == layout.open
    assert sequence.ids[sequence.retrieval[0]] == layout.query


@pytest.mark.parametrize("variant", ["pieces", "llama", "mistral"])
def test_markup_behind_a_text_brings_no_space_of_its_own(onegens: "Mapping[str, OneGen]", variant: str) -> None:
    layout = onegens[variant].layout
    for ids in (layout.close, layout.prompt_suffix):
        (first, *_) = layout.tokenizer.convert_ids_to_tokens(list(ids))
        assert not first.startswith("▁")


def test_an_entity_is_read_by_the_template(onegen: "OneGen") -> None:
    assert onegen.entity_text(STEVE) == "Steve Jobs (Jobs, Steve). co-founder of Apple"
    assert onegen.entity_text(Entity("Q2", "Pixar")) == "Pixar. "


def test_braces_and_markup_in_an_entity_are_text(onegen: "OneGen") -> None:
    text = onegen.entity_text(Entity("Q3", "{aliases}[SE]", (), "[SE]{x}"))
    assert text == "{aliases}[SE]. [SE]{x}"
    sequence = onegen.layout.document(text)
    assert sequence.ids.count(onegen.layout.document_token) == 1
    assert sequence.retrieval == (len(sequence) - 1,)


def test_a_long_entity_text_is_cut_and_keeps_its_token(onegen: "OneGen") -> None:
    sequence = onegen.layout.document("word " * 500)
    assert len(sequence) == onegen.settings.document.max_length + 1
    assert sequence.ids[-1] == onegen.layout.document_token


def test_an_instruction_with_the_token_is_skipped(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    document = {"template": "Summarise at [SE]: {label} of {types}[SE].", "token": "[SE]", "skip": 1}
    onegen = fresh("llama", settings=settings_for("llama", document=document))
    assert onegen.entity_text(STEVE) == "Steve Jobs of person"
    sequence = onegen.layout.document("Steve")
    places = [index for index, token in enumerate(sequence.ids) if token == onegen.layout.document_token]
    assert len(places) == 2
    assert sequence.retrieval == (places[1],)


def test_no_more_aliases_are_read_than_the_settings_say(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    document = {"template": "{label}{aliases}[SE]", "token": "[SE]", "max_aliases": 1}
    onegen = fresh("bert", settings=settings_for("bert", document=document))
    assert onegen.entity_text(STEVE) == "Steve Jobs (Jobs)"


def test_a_window_leaves_room_to_mark_every_eighth_token(onegen: "OneGen") -> None:
    layout = onegen.layout
    source = layout.source("Paris " * 200).slice(0, layout.window)
    mentions = [(index, index + 1) for index in range(0, len(source), 8)]
    assert len(layout.marked(source, mentions)) <= onegen.settings.max_length
    assert layout.mentions_that_fit(layout.window) >= max(1, layout.window // 8)


def test_the_mentions_that_fit_fit_and_one_more_does_not(onegen: "OneGen") -> None:
    layout = onegen.layout
    source = layout.source("Paris " * 200).slice(0, layout.window)
    fit = layout.mentions_that_fit(len(source))
    mentions = [(index, index + 1) for index in range(min(fit, len(source)))]
    assert len(layout.marked(source, mentions)) <= onegen.settings.max_length
    if not layout.markers_are_text:  # these keep a little room for text that is read anew beside them
        assert len(layout.marked(source, mentions[:1])) + fit * layout.mention_cost > onegen.settings.max_length


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_length": 12, "document": {"template": "{label}[SE]", "token": "[SE]", "max_length": 4}}, "too short"),
        ({"max_length": 60, "document": {"template": "{label}[SE]", "token": "[SE]", "max_length": 60}}, "61 tokens"),
        ({"max_length": 10_000}, "the model has 256 positions"),
    ],
)
def test_settings_that_leave_no_room_are_refused(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]", changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fresh("llama", settings=settings_for("llama", **changes))


def test_a_marker_that_is_no_token_is_refused(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    linking = settings_for("bert").linking.model_dump() | {"open": " "}
    with pytest.raises(ModelError, match=r"linking\.open"):
        fresh("bert", settings=settings_for("bert", linking=linking))


def test_long_runs_as_one_token_need_markers_that_are_tokens(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    linking = settings_for("llama").linking
    assert linking is not None
    plain = linking.model_dump() | {"open": "<MENTION>", "close": "</MENTION>"}
    tokens = [token for token in settings_for("llama").tokens if "MENTION" not in token.text]
    with pytest.raises(ModelError, match="punctuation_runs"):
        fresh("llama", settings=settings_for("llama", linking=plain, tokens=tokens, punctuation_runs="one"))


def test_entities_are_read_sign_by_sign_so_that_their_vectors_do_not_hang_on_how_texts_are_read(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    each, one = fresh("bert"), fresh("bert", settings=settings_for("bert", punctuation_runs="one"))
    assert one.layout.document("Apple (......)") == each.layout.document("Apple (......)")
    assert len(one.source("Apple (......)")) < len(each.source("Apple (......)"))


def test_case_types_need_a_model_that_has_them(
    fresh: "Callable[..., OneGen]", settings_for: "Callable[..., OneGenSettings]"
) -> None:
    with pytest.raises(ModelError, match="type_vocab_size"):
        fresh("llama", settings=settings_for("llama", token_types="case"))
