"""What is counted, and that histograms put every value where it belongs."""

import csv
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elinker import Document, Mention
from elinker.statistics import Histogram, Statistics
from elinker.statistics.cooccurrence import write_cooccurrence
from elinker.statistics.histogram import COUNT_EDGES, DOCUMENT_EDGES, MENTION_EDGES, SCORE_EDGES


@given(values=st.lists(st.integers(0, 10**8)))
def test_a_value_is_counted_once_in_the_bin_of_its_edges(values: list[int]) -> None:
    for edges in (DOCUMENT_EDGES, COUNT_EDGES):
        histogram = Histogram(edges)
        for value in values:
            histogram.add(value)
        bounds = [*edges[1:], float("inf")]
        expected = [sum(low <= value < high for value in values) for low, high in zip(edges, bounds, strict=True)]
        assert histogram.counts == expected


def test_the_highest_probability_is_in_the_last_bin() -> None:
    histogram = Histogram(SCORE_EDGES, last_closed=True)
    for score in (0.0, 0.05, 0.9999, 1.0):
        histogram.add(score)
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[19], len(histogram.counts)) == (1, 1, 2, 20)


@pytest.mark.parametrize("edges", [SCORE_EDGES, MENTION_EDGES, DOCUMENT_EDGES, COUNT_EDGES])
def test_edges_grow(edges: tuple[float, ...]) -> None:
    assert all(low < high for low, high in pairwise(edges))


def test_an_entity_mentioned_twice_is_in_one_document_and_one_pair() -> None:
    mentions = (Mention(0, 1, "a", "Q1", "A"), Mention(2, 3, "b", "Q2"), Mention(4, 5, "a", "Q1", "other"))
    statistics = Statistics(pairs=True)
    statistics.add(Document("d", "a b a", mentions))
    assert statistics.entities == Counter({"Q1": 2, "Q2": 1})
    assert statistics.documents_with == Counter({"Q1": 1, "Q2": 1})
    assert statistics.forms["Q1"] == Counter({"a": 2})
    assert statistics.labels == {"Q1": "A"}
    assert statistics.pairs == Counter({("Q1", "Q2"): 1})


def test_types_of_texts_and_of_entities_are_counted_apart() -> None:
    statistics = Statistics()
    typed = {"mention_types": [["PERSON"], []]}
    statistics.add(Document("d", "a b", (Mention(0, 1, "a", "Q1"), Mention(2, 3, "b")), typed))
    assert statistics.stated_types == Counter({"PERSON": 1, "ENTITY": 1})
    assert statistics.types({"Q1": ("person", "author")}.get) == Counter({"person": 1, "author": 1})


def test_pairs_are_the_most_frequent_first_and_no_cell_is_run(tmp_path: Path) -> None:
    statistics = Statistics(pairs=True)
    for ids in (("=A", "B"), ("B", "C"), ("B", "C")):
        mentions = tuple(Mention(n, n + 1, "ab"[n], one) for n, one in enumerate(ids))
        statistics.add(Document("d", "ab", mentions))
    assert write_cooccurrence(tmp_path / "pairs.csv", statistics) == 2
    with (tmp_path / "pairs.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    assert rows == [["B", "", "C", "", "2"], ["'=A", "", "B", "", "1"]]
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]
