"""The shipped starter through every door: Python, spaCy, the command line. Quality floors are those of its card."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

import elinker
from elinker.corpus import read_annotations
from elinker.resources import STARTER, find_pipeline

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

ROOT = Path(__file__).parent.parent.parent
NEWS = (ROOT / "examples" / "news.txt").read_text(encoding="utf-8")
BENCHMARKS = Path(os.environ.get("ELINKER_BENCHMARKS", ROOT.parent / "shared" / "data" / "benchmarks"))
FLOORS = {"kore50": 0.60, "oke-2016-train": 0.62, "msnbc": 0.50}
WEIGHTS_LIMIT = 50 * 1024 * 1024

pytestmark = pytest.mark.skipif(
    not (ROOT / "pipelines" / STARTER / "meta.json").exists(), reason="no starter pipeline in this checkout"
)


@pytest.fixture(scope="module")
def linker() -> "Linker":
    return elinker.load()


def command(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "elinker", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def spans(document: elinker.Document) -> list[tuple[int, int, str | None]]:
    return [(mention.start, mention.end, mention.entity_id) for mention in document.mentions]


def test_well_known_people_and_places_of_the_news_are_linked(linker: "Linker") -> None:
    found = {(mention.text, mention.entity_id) for mention in linker(NEWS).mentions}
    expected = {("Steve Jobs", "Q19837"), ("Angela Merkel", "Q567"), ("Barack Obama", "Q76"), ("Microsoft", "Q2283")}
    assert len(expected & found) >= 3, found


def test_the_weights_are_small_enough_to_ship() -> None:
    weights = find_pipeline(STARTER) / "onegen_linker" / "model" / "model.safetensors"
    assert weights.stat().st_size < WEIGHTS_LIMIT


@settings(max_examples=60)
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=80), max_size=4))
def test_any_text_keeps_its_offsets(texts: list[str]) -> None:
    for document, text in zip(_shared_linker().pipe(texts, keep_nil=True), texts, strict=True):
        assert document.text == text
        assert all(text[m.start : m.end] == m.text and m.text.strip() == m.text for m in document.mentions)


_LOADED: "list[Linker]" = []


def _shared_linker() -> "Linker":
    if not _LOADED:
        _LOADED.append(elinker.load())
    return _LOADED[0]


def test_literal_markup_is_ordinary_text(linker: "Linker") -> None:
    marked = "<MENTION>Barack Obama</MENTION>[LK][_CONTINUE_] was born in [SEP] Hawaii [SE]."
    document = linker(marked)
    assert any(mention.text == "Hawaii" or "Obama" in mention.text for mention in document.mentions)
    assert all(marked[m.start : m.end] == m.text for m in document.mentions)


def test_spacy_loads_the_shipped_pipeline_with_the_same_result(linker: "Linker") -> None:
    nlp = spacy.load(find_pipeline(STARTER))
    mentions = nlp(NEWS)._.mentions
    assert [(m.start, m.end, m.entity_id) for m in mentions] == spans(linker(NEWS))


def test_the_component_uses_the_starter_when_nothing_is_configured(linker: "Linker") -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("onegen_linker")
    doc = nlp("Angela Merkel governed Germany.")
    assert [span.kb_id_ for span in doc.ents] == [
        m.entity_id for m in linker("Angela Merkel governed Germany.").mentions
    ]


def test_the_shipped_base_verifies_against_the_shipped_model() -> None:
    directory = find_pipeline(STARTER) / "onegen_linker"
    done = command("kb", "verify", directory / "kb", "--model", directory / "model")
    assert done.returncode == 0, done.stderr


def test_a_search_finds_the_entities_that_a_name_may_mean() -> None:
    done = command("kb", "search", "Ford", "-k", "4")
    assert done.returncode == 0, done.stderr
    nearest = done.stdout[done.stdout.index("nearest") :]
    assert "Ford Motor Company" in nearest
    assert "Gerald Ford" in nearest


@pytest.mark.parametrize("suffix", [".jsonl", ".conll", ".spacy"])
def test_a_corpus_is_annotated_into_every_format(tmp_path: Path, suffix: str, linker: "Linker") -> None:
    output = tmp_path / f"out{suffix}"
    done = command("annotate", "examples/corpus", "-o", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    documents = list(read_annotations(output))
    assert [spans(document) for document in documents] == [spans(linker(document.text)) for document in documents]
    assert sum(len(document.mentions) for document in documents) > 3


def test_output_lines_follow_the_documented_schema() -> None:
    done = command("annotate", "examples/news.txt")
    (line,) = done.stdout.splitlines()
    value = json.loads(line)
    assert set(value) == {"schema", "id", "text", "mentions", "meta"}
    assert value["text"] == NEWS
    assert set(value["mentions"][0]) == {"start", "end", "text", "entity_id", "label", "score", "candidates"}


def test_a_bad_document_costs_only_itself(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "Berlin is in Germany."}\n{"txt": 1}\n{"text": "Paris."}\n', encoding="utf-8")
    done = command("annotate", source, "-o", tmp_path / "out.jsonl")
    assert done.returncode == 1
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert '"line": 2' in (tmp_path / "out.jsonl.errors.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["annotate", "no/such/file.txt"], "no/such/file.txt"),
        (["annotate", "examples/news.txt", "--pipeline", "no_such"], "no_such"),
        (["annotate", "examples/news.txt", "--model", "no/such/model"], "no/such/model"),
        (["annotate", "examples/news.txt", "--device", "tpu9"], "tpu9"),
        (["train", "missing.toml"], "missing.toml"),
    ],
)
def test_a_mistake_is_one_line_without_traceback(arguments: list[str], named: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_help_does_not_import_the_heavy_libraries() -> None:
    code = (
        "import sys, elinker.cli; print([m for m in ('torch', 'transformers', 'spacy', 'faiss') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FLOORS)
def test_linking_is_at_least_as_good_as_the_card_says(name: str, tmp_path: Path) -> None:
    benchmark = BENCHMARKS / f"{name}.benchmark.jsonl"
    if not benchmark.exists():
        pytest.skip("the benchmark file is not here")
    report = tmp_path / "report.json"
    done = command("evaluate", "--benchmark", benchmark, "--json", report)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(report.read_text(encoding="utf-8"))["benchmarks"]
    assert result["linking"]["micro"]["f1"] >= FLOORS[name]


def test_bf16_changes_no_mention(linker: "elinker.Linker") -> None:
    """Where the processor has no bf16 there is nothing to change."""
    onegen = linker.onegen
    source = onegen.source(NEWS)
    windows = [source.slice(start, start + 60) for start in range(0, len(source), 60)]
    rounded, mixed = onegen.mark(windows), onegen.mixed
    onegen.mixed = False
    exact = onegen.mark(windows)
    onegen.mixed = mixed
    assert [marking.mentions for marking in rounded] == [marking.mentions for marking in exact]
    assert sum(len(marking.mentions) for marking in exact) > 20


def test_the_starter_has_a_draft_head_that_saves_tokens(
    linker: "elinker.Linker", monkeypatch: pytest.MonkeyPatch
) -> None:
    from elinker.onegen.drafting import Capitalised

    onegen, read = linker.onegen, []
    read_rows = onegen.backbone.read_rows
    monkeypatch.setattr(
        onegen.backbone, "read_rows", lambda *given: read.append(sum(map(len, given[1]))) or read_rows(*given)
    )
    source = onegen.source(NEWS)
    windows = [source.slice(start, start + 60) for start in range(0, len(source), 60)]
    drafted = onegen.mark(windows)
    tokens = sum(read)
    guessed = onegen.mark(windows, drafter=Capitalised())
    assert [marking.mentions for marking in drafted] == [marking.mentions for marking in guessed]
    assert tokens < sum(read) - tokens
