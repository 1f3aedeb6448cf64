"""Whatever a file holds, whoever reads it answers with a result or an `ElinkerError`, and offsets hold.

Here a few mutations of each target's valid files, and every case that a campaign of `benchmarks/fuzz.py` ever found.
"""

import shutil
from pathlib import Path

import pytest
from fuzz_targets import CASES, TARGETS, WORDS, Target, check_document, seeds_of, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinker.corpus import FORMATS, Located, ReadOptions, Source
from elinker.schema import Document, Mention

FOUND = sorted(path for path in CASES.rglob("*") if path.is_file())
SLOW = ("base-", "mark-", "read-html")
"""Targets of which a test run tries fewer mutations."""

# A case is a folder of its own, which the examples of a test share; a busy machine is no failure.
ALLOWED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(WORDS) | st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)
"""Places in a file, how many bytes go there, and what comes in their place."""


def edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, replacement in edits:
        at = round(place * len(content))
        content = content[:at] + replacement + content[at + length :]
    return content


def answer(target: Target, content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if target.name == "read-html":
        pytest.importorskip("trafilatura", exc_type=ImportError)
    target.run(content, folder)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_campaign_found_is_answered(path: Path, tmp_path: Path) -> None:
    answer(TARGETS[path.parent.name], path.read_bytes(), tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_the_files_that_mutations_start_from_are_answered(name: str, tmp_path: Path) -> None:
    for content in seeds_of(TARGETS[name])[:2]:
        answer(TARGETS[name], content, tmp_path)


@pytest.mark.parametrize("name", [name for name in TARGETS if not name.startswith(SLOW)])
@settings(max_examples=12, suppress_health_check=ALLOWED)
@given(number=st.integers(0, 9), edits=EDITS)
def test_a_mutated_file_is_answered(
    name: str, number: int, edits: list[tuple[float, int, bytes]], tmp_path: Path
) -> None:
    seeds = seeds_of(TARGETS[name])
    answer(TARGETS[name], edited(seeds[number % len(seeds)], edits), tmp_path)


@pytest.mark.parametrize("name", [name for name in TARGETS if name.startswith(SLOW)])
@settings(max_examples=4, suppress_health_check=ALLOWED)
@given(edits=EDITS)
def test_a_mutated_file_of_a_slow_target_is_answered(
    name: str, edits: list[tuple[float, int, bytes]], tmp_path: Path
) -> None:
    answer(TARGETS[name], edited(seeds_of(TARGETS[name])[0], edits), tmp_path)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(st.text(max_size=30) | st.sampled_from(["=1+1", "[LK]\r\n👩‍👩‍👧\x00", "\u202eאב\u202c e\u0301"]))
    mentions = []
    for start, end in draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=3)):
        if start < end <= len(text):
            entity_id = draw(st.none() | st.text(max_size=6))
            mentions.append(Mention(start, end, text[start:end], entity_id or None))
    return Document(draw(st.text(max_size=5)), text, tuple(sorted(mentions, key=lambda one: one.start)))


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.write is not None])
@settings(max_examples=25, suppress_health_check=ALLOWED)
@given(originals=st.lists(documents(), max_size=3))
def test_a_writer_takes_or_refuses_any_document_and_what_it_wrote_is_sound(
    name: str, originals: list[Document], tmp_path: Path
) -> None:
    form = FORMATS[name]
    content = written(name, originals)
    if not form.reads or form.write_files is not None:
        return
    path = tmp_path / f"written{form.reads[0]}"
    path.write_bytes(content)
    for record in form.read(Source(path.name, path.name, path, len(content)), ReadOptions()):
        assert isinstance(record, Located), record
        check_document(record.document)
