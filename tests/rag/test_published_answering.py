"""The published question answering models, on look-alikes: their files, and the very tokens that their own code reads.

What is expected is what a tokenizer makes of each text as a whole, which is how the reference code reads prompts,
documents and contexts; sentences of a document are joined by the document token.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from elinker.cli import app
from elinker.onegen.presets import PRESETS, choose_preset

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.rag.rows import Row

HUB_IDS = {
    "onegen-llama2-multihop": "zjunlp/OneGen-MultiHop-Llama2-7B",
    "onegen-llama2-selfrag": "zjunlp/OneGen-SelfRAG-Llama2-7B",
}
ASKED, READ = "[Question Representation]", "[Document Fragment Representation]"
REPRESENT = (
    f"Represent the following document fragment and output it after the '{READ}' token. \nHere are document fragment:\n"
)
QUESTION = (
    "You are good at multi-step reasoning in QA. For complex questions, break down the process. Generate and answer "
    "sub-questions step-by-step, using retrieved documents at each stage. Output the final answer wrapped by "
    "<FINAL-ANSWER></FINAL-ANSWER>. Here is a question: "
)


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory, make_published: Callable[..., Path]) -> Mapping[str, Path]:
    """The files of both checkpoints, their tokens added, without onegen.json: read only."""
    from elinker.onegen.model import OneGen

    made = {}
    for preset, hub_id in HUB_IDS.items():
        plain = make_published(tmp_path_factory.mktemp("plain"))
        directory = tmp_path_factory.mktemp("published") / hub_id.partition("/")[2]
        OneGen.from_pretrained(plain, preset=preset, device="cpu").save_pretrained(directory)
        (directory / "onegen.json").unlink()
        made[preset] = directory
    return made


@pytest.fixture(scope="module")
def models(directories: Mapping[str, Path]) -> "Mapping[str, OneGen]":
    from elinker.onegen.model import OneGen

    return {
        preset: OneGen.from_pretrained(directory, device="cpu", dtype="float32")
        for preset, directory in directories.items()
    }


@pytest.mark.parametrize("preset", HUB_IDS)
def test_a_preset_is_chosen_by_the_published_name(directories: Mapping[str, Path], tmp_path: Path, preset: str) -> None:
    assert choose_preset(None, HUB_IDS[preset], tmp_path) is PRESETS[preset]
    assert choose_preset(None, directories[preset], directories[preset]) is PRESETS[preset]


WORDS = ("Steve", "Apple", "of", "the", "(12)", "U.S.", "京都", "👩", ".", " ", "\n", "  ")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map("".join)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(question=texts)
def test_a_prompt_has_the_tokens_that_the_reference_reads(models: "Mapping[str, OneGen]", question: str) -> None:
    expected = {
        "onegen-llama2-multihop": f"{QUESTION}{question}",
        "onegen-llama2-selfrag": f"### Instruction:\n{question}\n\n### Response:\n",
    }
    for preset, onegen in models.items():
        assert list(onegen.answering.prompt(question)) == onegen.tokenizer(expected[preset]).input_ids


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(title=texts, sentences=st.lists(texts.filter(str.strip), min_size=1, max_size=4))
def test_a_document_has_the_tokens_that_the_reference_reads(
    models: "Mapping[str, OneGen]", title: str, sentences: list[str]
) -> None:
    text = "".join(sentences)
    ends = [len("".join(sentences[: number + 1])) for number in range(len(sentences))]
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    multi, single = models["onegen-llama2-multihop"], models["onegen-llama2-selfrag"]
    sequence = multi.answering.document(title, text, spans)
    whole = f"{REPRESENT}wiki title: {title}\ncontent: {READ.join(sentences)}{READ}"
    assert list(sequence.ids) == multi.tokenizer(whole).input_ids
    token = multi.answering.document_token
    assert [place for place, found in enumerate(sequence.ids) if found == token][1:] == list(sequence.retrieval)
    assert len(sequence.retrieval) == len(sentences)
    sequence = single.answering.document(title, text, ())
    assert list(sequence.ids) == single.tokenizer(f"{REPRESENT}{title}\n{text}{READ}").input_ids
    assert sequence.retrieval == (len(sequence) - 1,)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(title=texts, text=texts)
def test_a_passage_has_the_tokens_that_the_reference_reads_behind_the_query_token(
    models: "Mapping[str, OneGen]", title: str, text: str
) -> None:
    expected = {
        "onegen-llama2-multihop": f"{ASKED}<paragraph>wiki title: {title}\ncontent: {text}</paragraph>",
        "onegen-llama2-selfrag": f"{ASKED}<paragraph>{title}\n{text}</paragraph>",
    }
    for preset, onegen in models.items():
        layout = onegen.answering
        assert [layout.query, *layout.context(title, text)] == onegen.tokenizer(expected[preset]).input_ids


def answered(onegen: "OneGen", written: str) -> "Row":
    """A row to which a text was written, without a model."""
    import torch

    from elinker.onegen.rows import RowCache
    from elinker.rag.rows import Query, Row
    from elinker.rag.settings import RagSettings

    row = Row(0, Query("Who?"), onegen.answering.prompt("Who?"), RowCache(8), onegen.answering, RagSettings())
    for token in onegen.tokenizer(written).input_ids:
        if row.done:
            break
        row.take(token, torch.zeros(len(onegen.tokenizer)))
    return row


@pytest.mark.parametrize(
    ("written", "answer", "stop"),
    [
        ("So it is <FINAL-ANSWER>Steve</FINAL-ANSWER>", "Steve", "answer"),
        ("So it is <FINAL-ANSWER>the Inc.</FINAL-ANSWER> and more", "the Inc.", "answer"),
        ("<FINAL-ANSWER></FINAL-ANSWER>", "", "answer"),
        ("</FINAL-ANSWER> is no answer</s>", None, "end"),
        ("<FINAL-ANSWER>Steve</s>", None, "end"),
    ],
)
def test_an_answer_between_markers_of_plain_text_is_found_where_it_is_closed(
    models: "Mapping[str, OneGen]", written: str, answer: str | None, stop: str
) -> None:
    from elinker.rag.events import Finished

    row = answered(models["onegen-llama2-multihop"], written)
    finished = [event.answer for event in row.events if isinstance(event, Finished)]
    assert [(one.text, one.stop) for one in finished] == [(answer, stop)]


DOCUMENT = "Steve of Apple. The U.S. of <FINAL-ANSWER>京都</FINAL-ANSWER> [Retrieval] </paragraph>."


@pytest.mark.parametrize("preset", HUB_IDS)
def test_passages_are_indexed_and_asked_from_the_command_line(
    directories: Mapping[str, Path], tmp_path: Path, preset: str
) -> None:
    (tmp_path / "one.txt").write_text(DOCUMENT * 3)
    (tmp_path / "two.txt").write_text("the Inc. of Steve")
    index = tmp_path / "index"
    model = ["--model", str(directories[preset]), "--preset", preset, "--device", "cpu"]
    files = [str(tmp_path / "one.txt"), str(tmp_path / "two.txt")]
    made = CliRunner().invoke(app, ["rag", "index", *files, *model, "-o", str(index)])
    assert made.exit_code == 0, made.output
    options = ["--index", str(index), "--top-k", "2", "--max-tokens", "12", "--json", "--mode", "always"]
    asked = CliRunner().invoke(app, ["rag", "ask", "Who is Steve?", *model, *options])
    assert asked.exit_code == 0, asked.output
    answer = json.loads(asked.stdout)
    assert answer["question"] == "Who is Steve?"
    if preset == "onegen-llama2-selfrag":
        (step,) = answer["steps"]
        assert {passage["document_id"] for passage in step["passages"]} == {"one.txt", "two.txt"}
