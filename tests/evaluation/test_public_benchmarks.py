"""The public benchmark files are read as their publishers mean them. Skipped where the files are absent."""

import os
from pathlib import Path

import pytest

from elinker.evaluation import score
from elinker.evaluation.benchmarks import read_benchmark
from elinker.schema import Document, Mention

FOLDER = Path(os.environ.get("ELINKER_BENCHMARKS") or Path(__file__).parents[2] / "../shared/data/benchmarks")
SIZES = {  # documents, labels without parent: with a QID, without; labels with a parent
    "kore50": (50, 143, 1, 0),
    "msnbc": (20, 657, 88, 10),
    "oke-2016-train": (196, 869, 180, 0),
    "reuters-128": (128, 623, 257, 0),
    "rss-500": (500, 518, 482, 0),
    "spotlight": (58, 320, 4, 6),
}


@pytest.fixture(params=SIZES)
def benchmark(request):
    path = FOLDER / f"{request.param}.benchmark.jsonl"
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand")
    return read_benchmark(path), SIZES[request.param]


def test_every_label_is_read(benchmark):
    gold, sizes = benchmark
    mentions = [mention for document in gold for mention in document.mentions]
    known = sum(mention.entity_id is not None for mention in mentions)
    alternatives = sum(len(document.alternatives) for document in gold)
    assert (len(gold), known, len(mentions) - known, alternatives) == sizes


def test_predicting_the_gold_is_perfect(benchmark):
    gold, _ = benchmark
    predicted = [
        Document(
            each.id,
            each.text,
            tuple(Mention(m.start, m.end, each.text[m.start : m.end], m.entity_id) for m in each.mentions),
        )
        for each in gold
    ]
    scores = score(gold, predicted)
    for measure in (scores.detection, scores.detection_all, scores.linking, scores.linking_strict):
        assert (measure.micro.f1, measure.macro.f1) == (1.0, 1.0)
    assert scores.accuracy_on_found.value == 1.0
