"""The published entity linking model, on a look-alike: its files, and the very tokens that its own code reads.

The expected tokens are written down from what is known of the format: one space begins the assistant's turn; markers
are plain text, read together with the text around them; `[LK]`, `[_CONTINUE_]` and `[SE]` are tokens, and each side of
one is read by itself; nothing is put before or behind a text.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from elinker.cli import app
from elinker.errors import ModelError, UsageError
from elinker.onegen.grammar import Action
from elinker.onegen.presets import PRESETS, choose_preset
from elinker.onegen.source import Source
from elinker.schema import Entity

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

NAME = "onegen-llama2-el"
HUB_ID = "zjunlp/OneGen-EntityLinking-Llama2-7B"
M = "MENT ION >"
"""A marker without its first token, which may reach into the text before."""
NEXT = "MENT ION > [LK] [_CONTINUE_]"
"""The same of a closing marker, and what follows it."""

INSTRUCTION = (
    "[INST] You are good at mention detection. Identify and extract mentions of entities from the text. Please output "
    "the original text with annotations. Here, the annotation for each mention should be formatted as "
    "`<MENTION>{mention in text}</MENTION>` when displayed. \n\nTEST TEXT:\n"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, make_published: Callable[..., Path]) -> Path:
    """The files of a checkpoint: read only."""
    return make_published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def published(directory: Path) -> "OneGen":
    from elinker.onegen.model import OneGen

    return OneGen.from_pretrained(directory, preset=NAME, device="cpu", dtype="float32")


def spelt(onegen: "OneGen", ids: Any) -> str:
    return " ".join(onegen.tokenizer.convert_ids_to_tokens(list(ids)))


def ranges(source: Source, mentions: list[str]) -> list[tuple[int, int]]:
    """Token ranges of mentions that come in the order of the text."""
    found, place = [], 0
    for mention in mentions:
        place = source.text.index(mention, place)
        tokens = source.tokens_of(place, place + len(mention))
        assert tokens is not None
        assert source.span(*tokens) == (place, place + len(mention))
        found.append(tokens)
        place += len(mention)
    return found


@pytest.mark.parametrize(
    ("text", "mentions", "expected"),
    [
        pytest.param("Steve ate", ["Steve"], f"▁< {M} Ste ve </ {NEXT} ▁ a t e", id="at the start"),
        pytest.param("of the Steve", ["Steve"], f"▁of ▁the ▁< {M} Ste ve </ {NEXT}", id="behind a space"),
        pytest.param("of 'Apple's", ["Apple"], f"▁of ▁' < {M} App le </ {NEXT} 's", id="behind punctuation"),
        pytest.param("of.Apple", ["Apple"], f"▁of .< {M} App le </ {NEXT}", id="behind what joins the marker"),
        pytest.param("Apple Inc. of", ["Apple Inc."], f"▁< {M} App le ▁Inc .</ {NEXT} ▁of", id="that joins the marker"),
        pytest.param("of (12)", ["(12)"], f"▁of ▁< MENT ION >( 12 ) </ {NEXT}", id="that the marker joins"),
        pytest.param("東京", ["東", "京"], f"▁< {M} 東 </ {NEXT} < {M} 京 </ {NEXT}", id="adjacent"),
        pytest.param(
            "Steve Apple", ["Steve", "Apple"], f"▁< {M} Ste ve </ {NEXT} ▁< {M} App le </ {NEXT}", id="a space"
        ),
        pytest.param("U.S.-based", ["U"], f"▁< {M} U </ {NEXT} .S . -b as ed", id="inside a word"),
        pytest.param("U.S.-based", ["U.S."], f"▁< {M} U .S .</ {NEXT} -b as ed", id="up to a hyphen"),
        pytest.param("the  Steve", ["Steve"], f"▁the ▁▁ < {M} Ste ve </ {NEXT}", id="two spaces"),
        pytest.param("  Steve  ", ["Steve"], f"▁▁ ▁< {M} Ste ve </ {NEXT} ▁▁", id="spaces around"),
        pytest.param("the\nSteve", ["Steve"], f"▁the <0x0A> < {M} Ste ve </ {NEXT}", id="a new line"),
        pytest.param("👩 é", ["👩"], f"▁< {M} <0xF0> <0x9F> <0x91> <0xA9> </ {NEXT} ▁ <0xC3> <0xA9>", id="bytes"),
        pytest.param("<MENTION> Steve", ["Steve"], f"▁< {M} ▁< {M} Ste ve </ {NEXT}", id="a literal marker before"),
        pytest.param("Steve</MENTION>", ["Steve"], f"▁< {M} Ste ve </ {NEXT} </ {M}", id="a literal marker behind"),
        pytest.param("a>", ["a>"], f"▁< {M} a ></ {NEXT}", id="like a marker"),
        pytest.param("[LK] Steve", ["Steve"], f"▁ [ L K ] ▁< {M} Ste ve </ {NEXT}", id="a literal token"),
    ],
)
def test_a_marked_text_has_the_tokens_that_the_reference_reads(
    published: "OneGen", text: str, mentions: list[str], expected: str
) -> None:
    layout, source = published.layout, published.source(text)
    found = ranges(source, mentions)
    sequence = layout.marked(source, found)
    prompt = len(layout.prompt(source)[0])
    assert spelt(published, sequence.ids[prompt:]) == f"{expected} </s>"
    assert [sequence.ids[place] for place in sequence.retrieval] == [layout.query] * len(mentions)


def test_the_prompt_is_the_published_one_read_as_a_whole(published: "OneGen") -> None:
    ids, _ = published.layout.prompt(published.source("Steve ate "))
    assert published.tokenizer.decode(ids) == f"{INSTRUCTION}Steve ate  [/INST]"
    assert spelt(published, ids).startswith("[ I N S T ] ▁ Y o u ▁ a r e")
    assert spelt(published, ids).endswith("X T : <0x0A> Ste ve ▁ a t e ▁▁ [ / I N S T ]")


def test_an_entity_document_is_the_published_one_read_as_a_whole(published: "OneGen") -> None:
    text = published.entity_text(Entity("Q1", "Steve", (), "the Inc.", ("op",)))
    sequence = published.layout.document(text)
    assert published.tokenizer.decode(sequence.ids) == (
        "<s>Represent the entity based on its description and output it after the '[SE]' token.\n"
        'The description of Steve is as follows:\nSteve is an instance of op. It is described as "the Inc.".[SE]'
    )
    assert spelt(published, sequence.ids).startswith("<s> R e p")
    assert " ▁of ▁Steve ▁ i s " in spelt(published, sequence.ids)
    assert spelt(published, sequence.ids).endswith('" t he ▁Inc . " . [SE]')
    assert spelt(published, sequence.ids).count("[SE]") == 2
    assert sequence.retrieval == (len(sequence) - 1,)


WORDS = [
    "Steve",
    "Apple",
    "Inc.",
    "U.S.",
    " ",
    "  ",
    " (",
    ") ",
    ".",
    "'",
    "<",
    "</",
    ">",
    " <MENTION>",
    "12",
    "京都",
    "👩",
    "\n",
]
_texts = st.lists(st.sampled_from([*WORDS, *" ab東"]), max_size=12).map("".join)


def draw_mentions(data: st.DataObject, source: Source) -> list[tuple[int, int]]:
    """Mentions as the grammar allows them."""
    mentions: list[tuple[int, int]] = []
    opened: int | None = None
    for place in range(len(source) + 1):
        if (
            opened is not None
            and place > opened
            and (place == len(source) or (source.is_edge(place) and data.draw(st.booleans())))
        ):
            mentions.append((opened, place))
            opened = None
        if opened is None and place < len(source) and source.is_edge(place) and source.may_begin(place):
            opened = place if data.draw(st.booleans()) else None
    return mentions


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(text=_texts, data=st.data())
def test_any_marked_text_has_the_tokens_that_the_tokenizer_reads(
    published: "OneGen", text: str, data: st.DataObject
) -> None:
    """The reference code tokenises prompt and answer, each as one text."""
    layout, source = published.layout, published.source(text)
    mentions = draw_mentions(data, source)
    answer, done = " ", 0
    for first, last in mentions:
        start, end = source.visible_start(first), source.ends[last - 1]
        answer += f"{text[done:start]}<MENTION>{text[start:end]}</MENTION>[LK][_CONTINUE_]"
        done = end
    answer += f"{text[done:]}</s>"
    written = [published.tokenizer(part).input_ids for part in (f"{INSTRUCTION}{text} [/INST]", answer)]
    sequence = layout.marked(source, mentions)
    assert list(sequence.ids) == written[0] + written[1]
    assert len(sequence.retrieval) == len(mentions)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(text=_texts, data=st.data())
def test_what_is_written_at_once_is_what_no_later_choice_changes(
    published: "OneGen", text: str, data: st.DataObject
) -> None:
    """Whatever comes next, the tokens so far begin the marked text, and the budget counts them."""
    source = published.source(text)
    rewriting, ids, _ = published.layout.start(source)
    written, budget = list(ids), rewriting.budget
    while allowed := rewriting.allowed():
        action = data.draw(st.sampled_from(allowed))
        written += rewriting.write(action)[0]
        assert budget - rewriting.budget == len(written) - len(ids)
    assert action is not Action.OPEN if text else True
    assert (*written, *published.layout.end) == published.layout.marked(source, rewriting.mentions).ids


def test_a_preset_is_chosen_by_the_published_name(directory: Path, tmp_path: Path) -> None:
    assert choose_preset(None, HUB_ID, directory) is PRESETS[NAME]
    assert choose_preset(None, tmp_path / "OneGen-EntityLinking-Llama2-7B", tmp_path) is PRESETS[NAME]
    with pytest.raises(ModelError, match=r"onegen\.json is missing"):
        choose_preset(None, "someone/else", directory)


def test_settings_beside_the_weights_come_before_those_of_the_name(published: "OneGen", tmp_path: Path) -> None:
    changed = published.settings.model_copy(update={"window": 100})
    changed.save(tmp_path)
    assert choose_preset(None, HUB_ID, tmp_path).settings.window == 100
    assert choose_preset(NAME, HUB_ID, tmp_path).settings.window == 256


def test_a_preset_that_is_none_is_refused(directory: Path) -> None:
    with pytest.raises(UsageError, match="no preset 'llama'") as caught:
        choose_preset("llama", directory, directory)
    assert NAME in str(caught.value.hint)


def test_the_published_tokenizer_is_read_as_its_code_reads_it(directory: Path, tmp_path: Path) -> None:
    """Whatever its files say, nothing comes before a text; and files that are saved say so."""
    from elinker.onegen.model import OneGen

    for path in directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"add_prefix_space": True}))
    onegen = OneGen.from_pretrained(tmp_path, preset=NAME, device="cpu")
    assert spelt(onegen, onegen.source("Steve").ids) == "Ste ve"
    onegen.save_pretrained(tmp_path / "saved")
    again = OneGen.from_pretrained(tmp_path / "saved", device="cpu")
    assert again.fingerprint == onegen.fingerprint
    assert spelt(again, again.source("Steve").ids) == "Ste ve"


def test_a_checkpoint_without_settings_links_a_text_from_the_command_line(directory: Path, tmp_path: Path) -> None:
    entities, base, output = tmp_path / "entities.jsonl", tmp_path / "kb", tmp_path / "out.jsonl"
    rows = [
        {"id": f"Q{n}", "label": name, "description": "op", "types": ["of"]}
        for n, name in enumerate(["Steve", "Apple"])
    ]
    entities.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = "the (Steve) of 'Apple Inc.' 👩\nU.S.-based  東京 <MENTION> [LK]"
    (tmp_path / "text.txt").write_text(text)
    model = ["--model", str(directory), "--preset", NAME, "--device", "cpu"]
    built = CliRunner().invoke(app, ["kb", "build", str(entities), *model, "-o", str(base)])
    assert built.exit_code == 0, built.output
    linked = CliRunner().invoke(
        app,
        ["annotate", str(tmp_path / "text.txt"), *model, "--kb", str(base), "-o", str(output), "--keep-nil"],
    )
    assert linked.exit_code == 0, linked.output
    (document,) = [json.loads(line) for line in output.read_text().splitlines()]
    assert document["text"] == text
    assert document["mentions"]
    for mention in document["mentions"]:
        assert text[mention["start"] : mention["end"]] == mention["text"]
        assert {candidate["entity_id"] for candidate in mention["candidates"]} == {"Q0", "Q1"}


def test_a_wide_look_alike_gives_vectors_as_long_as_the_published_ones(
    make_published: Callable[..., Path], tmp_path: Path
) -> None:
    from elinker.onegen.model import OneGen

    directory = make_published(tmp_path, hidden_size=4096, head_dim=8)
    onegen = OneGen.from_pretrained(directory, preset=NAME, device="cpu")
    assert onegen.encode_documents([onegen.entity_text(Entity("Q1", "Steve"))]).shape == (1, 4096)
