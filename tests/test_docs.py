"""What the documentation shows is run: `$ elinker` lines of console blocks, and Python blocks, a file's in one go."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])
NOT_HERE = {"docs/models.md"}
"""Pages whose Python needs the network; tests/onegen does the same with models made on the spot."""

RAG_SAMPLES = ROOT / "tests/rag/evaluation/samples"
TEXT = "Steve Jobs and Steve Wozniak founded Apple in California."
FILES = {
    "archive/2001/one.txt": TEXT,
    "my_texts/one.txt": TEXT,
    "tweets.txt": f"{TEXT}\n\n{TEXT}\n",
    "notes.jsonl": '{"id": "n1", "text": "Angela Merkel lives in Berlin."}\n',
    "articles.csv": f"url,body\nhttps://example.org/1,{TEXT}\n",
    "entities.jsonl": '{"id": "Q1", "label": "Steve Jobs"}\n{"id": "Q312", "label": "Apple", "aliases": ["apple"]}\n',
    "my_entities.csv": "id,label,aliases,description\nQ1,Steve Jobs,Jobs|Steve,founder of Apple\nQ2,Apple,,company\n",
    "more.csv": "id,label\nQ3,Steve Wozniak\n",
    "kore50.benchmark.jsonl": '{"id": 0, "title": "t", "text": "Apple.", "evaluation_span": [0, 6], "labels": '
    '[{"id": 0, "span": [0, 5], "entity_id": "Q312", "name": "Apple"}]}\n',
    **{
        name: (ROOT / "tests/kb/importers/samples" / sample).read_text(encoding="utf-8")
        for name, sample in {
            "wikidata.json": "wikidata.json",
            "kilt_knowledgesource.json": "kilt.json",
            "entity.jsonl": "blink.jsonl",
            "additional_entities.jsonl": "refined.jsonl",
        }.items()
    },
    "hotpot_dev_distractor_v1.json": (RAG_SAMPLES / "hotpotqa_distractor.json").read_text(encoding="utf-8"),
    "hotpot_predictions.json": '{"answer": {"5f0a0000000000000000a001": "Lisbon"}, "sp": {}}',
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    return re.findall(r"^\$ (.*)$", "".join(blocks(page, "console")), re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the files that the pages speak of, and those of a checkout."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    for name in ("examples", "pipelines", "kb"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(command: list[str], place: Path) -> None:
    binaries = place / "bin"
    binaries.mkdir(exist_ok=True)
    shim = binaries / "elinker"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m elinker "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="the pages' commands are written for a shell")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page) or blocks(page, "python")], ids=lambda page: page.name
)
def test_what_a_page_shows_works(page: Path, place: Path) -> None:
    if commands(page):
        run(["bash", "-e", "-c", "\n".join(commands(page))], place)
    if page.relative_to(ROOT).as_posix() not in NOT_HERE:
        (place / "page.py").write_text("\n".join(blocks(page, "python")), encoding="utf-8")
        run([sys.executable, "page.py"], place)


def test_every_page_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"docs/{page.name}" not in readme] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in [*PAGES, ROOT / "kb/starter/DATASHEET.md", ROOT / "pipelines/en_starter/README.md"]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
