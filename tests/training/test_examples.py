"""What becomes of a labelled text: reading, splitting, joining, case, and the sequence with its roles."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker.errors import ConfigError, InputError
from elinker.onegen.layout import Layout
from elinker.onegen.settings import Role
from elinker.schema import Document, Mention
from elinker.training.config import Config, DataConfig
from elinker.training.examples import examples_of_epoch, join, make_example, vary_case
from elinker.training.labelled import LabelledText, read_texts, split_heldout

Marked = Callable[..., LabelledText]


def data_config(**changes: object) -> DataConfig:
    return DataConfig.model_validate({"entities": "e", "texts": ["t"], "max_tokens": 100} | changes)


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def words(layout: Layout, ids: tuple[int, ...]) -> list[str]:
    return [str(token) for token in layout.tokenizer.convert_ids_to_tokens(list(ids))]


def test_prompt_is_read_copy_is_written_query_retrieves_and_forced_token_is_read(
    layout: Layout, marked: Marked
) -> None:
    sequence = make_example(marked("in [Q90:Paris] today"), layout, 100).sequence
    query = layout.query
    assert [(token, role) for token, role in zip(words(layout, sequence.ids), sequence.roles, strict=True)] == [
        ("[CLS]", Role.CTX),
        *((token, Role.CTX) for token in words(layout, layout.source("in Paris today").ids)),
        ("[SEP]", Role.CTX),
        *((token, Role.GEN) for token in words(layout, layout.source("in").ids)),
        ("<MENTION>", Role.GEN),
        *((token, Role.GEN) for token in words(layout, layout.source("Paris").ids)),
        ("</MENTION>", Role.GEN),
        ("[LK]", Role.RET),
        ("[_CONTINUE_]", Role.CTX),
        *((token, Role.GEN) for token in words(layout, layout.source("today").ids)),
        ("[SEP]", Role.GEN),
    ]
    assert [sequence.ids[position] for position in sequence.retrieval] == [query]


def test_entities_and_surfaces_stand_beside_the_retrieval_tokens_one_each(layout: Layout, marked: Marked) -> None:
    example = make_example(marked("[Q90:Paris], [Q142:France] and [:Oslo]."), layout, 100)
    assert example.entities == ("Q90", "Q142", None)
    assert example.surfaces == ("Paris", "France", "Oslo")
    assert len(example.sequence.retrieval) == 3


def test_a_text_without_mentions_is_a_plain_copy(layout: Layout) -> None:
    example = make_example(LabelledText("t", "nobody came", ()), layout, 100)
    assert example.sequence.retrieval == () == example.entities
    assert Role.RET not in example.sequence.roles


def test_a_cut_drops_only_the_mentions_that_reach_beyond_it(layout: Layout, marked: Marked) -> None:
    text = marked("[Q90:Paris] and [Q142:France] and [Q312:Apple] computers")
    through_france = len(layout.source("Paris and France"))
    assert make_example(text, layout, through_france).surfaces == ("Paris", "France")
    assert make_example(text, layout, through_france - 1).surfaces == ("Paris",)
    assert make_example(text, layout, 100).surfaces == ("Paris", "France", "Apple")


@given(data=st.data())
def test_a_cut_never_drops_a_mention_within_it_nor_keeps_one_beyond(
    layout: Layout, texts: tuple[LabelledText, ...], data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(texts))
    tokens = data.draw(st.integers(1, 30))
    source = layout.source(text.text).slice(0, tokens)
    expected = tuple(text.text[start:end] for start, end, _ in text.mentions if end <= source.ends[-1])
    example = make_example(text, layout, tokens)
    assert example.surfaces == expected
    assert sum(role is Role.CTX for role in example.sequence.roles) == len(source) + 2 + len(expected)


def test_of_mentions_that_share_a_token_the_first_is_kept(layout: Layout) -> None:
    assert len(layout.source("Жук Жук")) == 2
    text = LabelledText("t", "Жук Жук", ((0, 1, "Q90"), (1, 3, None), (4, 7, "Q142")))
    example = make_example(text, layout, 100)
    assert example.entities == ("Q90", "Q142")
    assert len(example.sequence.retrieval) == 2


def test_a_text_that_outgrows_the_positions_is_an_error_that_names_the_key(
    configure: Callable[..., Config], layout: Layout, marked: Marked
) -> None:
    crowded = marked("[:Oslo] " * 120, "crowded")
    with pytest.raises(ConfigError, match=r"data\.max_tokens.*'crowded'.*512"):
        make_example(crowded, layout, 240)


def test_joining_moves_the_offsets_of_the_second_text(marked: Marked) -> None:
    joined = join(marked("in [Q90:Paris]."), marked("of [Q142:France]!"), "\n\n")
    assert joined.text == "in Paris.\n\nof France!"
    assert [(joined.text[start:end], entity) for start, end, entity in joined.mentions] == [
        ("Paris", "Q90"),
        ("France", "Q142"),
    ]


def test_lower_case_keeps_every_mention_at_its_place(marked: Marked) -> None:
    text = vary_case(marked("[:Straße] in [Q90:Paris]"), data_config(lower=1.0), random.Random(0))
    assert text.text == "straße in paris"
    assert text.mentions == ((0, 6, None), (10, 15, "Q90"))


def test_capitals_keep_every_mention_at_its_place(marked: Marked) -> None:
    text = vary_case(marked("in [Q90:Paris]"), data_config(upper=1.0), random.Random(0))
    assert (text.text, text.mentions) == ("IN PARIS", ((3, 8, "Q90"),))


def test_a_text_whose_length_would_change_with_its_case_stays_as_it_is(marked: Marked) -> None:
    text = marked("[:Straße] in [Q90:Paris]")
    assert vary_case(text, data_config(upper=1.0), random.Random(0)) == text


@given(st.text(), st.sampled_from(["lower", "upper"]))
def test_case_variation_never_moves_a_character(text: str, which: str) -> None:
    changed = vary_case(LabelledText("t", text, ()), data_config(**{which: 1.0}), random.Random(0)).text
    assert len(changed) == len(text)
    assert all(new.casefold() == old.casefold() for new, old in zip(changed, text, strict=True) if old.isascii())


def test_an_epoch_yields_every_text_once_joined_or_not(layout: Layout, texts: tuple[LabelledText, ...]) -> None:
    expected = sorted(text.text for text in texts)
    for chance in (0.0, 1.0):
        examples = list(examples_of_epoch(texts, layout, data_config(join=chance), random.Random(4)))
        entities = sorted(str(entity) for example in examples for entity in example.entities)
        assert entities == sorted(str(entity) for text in texts for _, _, entity in text.mentions)
        assert (len(examples) < len(expected)) is (chance == 1.0)


def test_without_join_no_text_is_joined_however_short(layout: Layout, marked: Marked) -> None:
    texts = [marked("[Q90:Paris]", str(number)) for number in range(10)]
    examples = list(examples_of_epoch(texts, layout, data_config(join=0.0), random.Random(0)))
    assert [len(example.entities) for example in examples] == [1] * 10


def test_held_out_texts_are_the_same_for_a_seed_and_never_trained_on(texts: tuple[LabelledText, ...]) -> None:
    training, heldout = split_heldout(texts, 0.2, seed=5)
    assert (training, heldout) == split_heldout(texts, 0.2, seed=5)
    assert heldout != split_heldout(texts, 0.2, seed=6)[1]
    assert len(heldout) == 12
    assert not {text.id for text in training} & {text.id for text in heldout}
    assert {text.id for text in training} | {text.id for text in heldout} == {text.id for text in texts}


def test_elinkers_own_output_can_be_trained_on(tmp_path: Path) -> None:
    document = Document("d", "Paris, again Paris", (Mention(0, 5, "Paris", "Q90"), Mention(13, 18, "Paris")))
    path = write(tmp_path / "texts.jsonl", document.to_json())
    assert read_texts([path]) == [LabelledText("d", "Paris, again Paris", ((0, 5, "Q90"), (13, 18, None)))]


def test_mentions_are_read_in_order_and_the_earlier_of_overlapping_ones_is_kept(tmp_path: Path) -> None:
    spans = [(6, 11, "Q142"), (0, 11, None), (12, 16, "Q90")]
    mentions = [{"start": start, "end": end, "entity_id": entity} for start, end, entity in spans]
    path = write(tmp_path / "texts.jsonl", {"id": 7, "text": "Paris Texas 1900", "mentions": mentions})
    assert read_texts([path]) == [LabelledText("7", "Paris Texas 1900", ((0, 11, None), (12, 16, "Q90")))]


def test_a_broken_line_is_an_error_with_file_line_and_reason(tmp_path: Path) -> None:
    wrong = {"text": "Paris", "mentions": [{"start": 0, "end": 6, "entity_id": None}]}
    path = write(tmp_path / "texts.jsonl", {"text": "Paris", "mentions": []}, wrong)
    with pytest.raises(InputError, match=r"texts\.jsonl:2: .*0:6"):
        read_texts([path])


def test_texts_may_be_in_any_format_that_labelled_texts_come_in(tmp_path: Path) -> None:
    article = {"id": 1, "title": "t", "text": "In Paris.", "labels": [{"id": 0, "span": [3, 8], "entity_id": "Q90"}]}
    path = write(tmp_path / "kore50.benchmark.jsonl", article)
    expected = [LabelledText("1", "In Paris.", ((3, 8, "Q90"),))]
    assert read_texts([path]) == read_texts([path], "elevant") == expected


def test_hard_negatives_of_the_reference_format_stay_with_their_mention(tmp_path: Path, layout: Layout) -> None:
    answer = " In <MENTION>Paris</MENTION>[LK][_CONTINUE_] and <MENTION>Oslo</MENTION>[LK][_CONTINUE_].</s>"
    ids = {"positive": [["Q90", "Q830149"], None], "negative": [["Q47899"], ["Q142"]]}
    messages = [{"role": "user", "content": "…"}, {"role": "assistant", "content": answer, **ids}]
    (text,) = read_texts([write(tmp_path / "train.jsonl", {"messages": messages})])
    assert text.text == "In Paris and Oslo."
    joined = join(LabelledText("t", "Nobody in Rome.", ((10, 14, None),)), text, " ")
    example = make_example(joined, layout, 100)
    assert example.entities == (None, "Q90", None)
    assert example.negatives == ((), ("Q47899",), ("Q142",))
    assert example.alternatives == ((), ("Q90", "Q830149"), ())
