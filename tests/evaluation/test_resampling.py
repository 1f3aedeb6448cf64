"""Bootstrap intervals and paired tests: what can be worked out by hand, and what must hold of any benchmark."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elinker.errors import InputError
from elinker.evaluation.intervals import measure_intervals, share_interval
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Figures, Measure, Share
from elinker.evaluation.resampling import Average, Resampling, counts_matrix, figures_of
from elinker.evaluation.significance import compare_measures

COUNTS = st.builds(Counts, st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
FEW = Resampling(resamples=200, seed=1)

GOOD, BAD = Counts(1, 0, 0), Counts(0, 1, 1)


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_figures_of_many_counts_are_those_of_each(counts):
    figures = [Figures.of(each) for each in counts]
    expected = np.array([(each.precision, each.recall, each.f1) for each in figures])
    assert figures_of(counts_matrix(counts)) == pytest.approx(expected)


@settings(max_examples=30)
@given(st.lists(COUNTS, min_size=1, max_size=8), st.sampled_from(Average))
def test_an_interval_lies_in_the_range_of_figures_and_depends_on_the_seed_alone(counts, average):
    measure = Measure(tuple(counts))
    own = measure_intervals(measure, average, FEW)
    assert own == measure_intervals(measure, average, FEW)
    for interval in (own.precision, own.recall, own.f1):
        assert 0 <= interval.low <= interval.high <= 1


def test_documents_that_are_all_alike_leave_no_doubt():
    own = measure_intervals(Measure((Counts(3, 1, 2),) * 20), Average.MICRO, FEW)
    assert (own.precision.low, own.precision.value, own.precision.high) == (0.75, 0.75, 0.75)


def test_the_interval_of_two_documents_is_that_of_the_four_ways_to_draw_them():
    # F1 of a right and of a wrong document, drawn twice: good good 1, good bad and bad good 1/2, bad bad 0. A quarter
    # of the resamples is 0 and a quarter 1: the 95 % interval is [0, 1], the 40 % interval is the middle, 1/2.
    measure = Measure((GOOD, BAD))
    wide = measure_intervals(measure, Average.MACRO, Resampling(1000, seed=3)).f1
    narrow = measure_intervals(measure, Average.MACRO, Resampling(1000, seed=3, confidence=0.4)).f1
    assert (wide.low, wide.value, wide.high) == (0.0, 0.5, 1.0)
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_the_interval_of_a_share_is_of_summed_parts_and_leaves_out_empty_resamples():
    # (1 of 1) and (0 of 0), drawn twice: 1 of 1 or 2 of 2, and once in four nothing.
    interval = share_interval([Share(1, 1), Share(0, 0)], FEW)
    assert (interval.low, interval.value, interval.high) == (1.0, 1.0, 1.0)
    assert share_interval([Share(0, 0)], FEW) is None


def test_more_resamples_than_are_drawn_at_a_time_are_all_drawn():
    few, many = (
        measure_intervals(Measure((GOOD, BAD) * 5), Average.MICRO, Resampling(number, seed=0)) for number in (1, 450)
    )
    assert few.f1.low == few.f1.high
    assert many.f1.low < many.f1.high


def test_no_document_has_no_interval():
    assert measure_intervals(Measure(()), Average.MICRO, FEW) is None


def exact_p(first, second, average):
    """The share of all ways to swap the systems that reach the difference seen, by trying each."""

    def f1(counts):
        measure = Measure(tuple(counts))
        return (measure.micro if average is Average.MICRO else measure.macro).f1

    seen = abs(f1(second) - f1(first))
    reached = 0
    for swapped in product([False, True], repeat=len(first)):
        one = [b if swap else a for a, b, swap in zip(first, second, swapped, strict=True)]
        other = [a if swap else b for a, b, swap in zip(first, second, swapped, strict=True)]
        reached += abs(f1(other) - f1(one)) >= seen - 1e-12
    return reached / 2 ** len(first)


@settings(max_examples=20)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=6), st.sampled_from(Average))
def test_p_comes_near_the_share_of_all_swaps_that_reach_the_difference(paired, average):
    first, second = zip(*paired, strict=True)
    p = compare_measures(Measure(first), Measure(second), average, Resampling(4000, seed=0))["f1"].p
    assert p == pytest.approx(exact_p(first, second, average), abs=0.05)


def test_a_system_that_is_better_in_each_of_ten_documents_has_the_p_of_two_in_a_thousand():
    # Only all swapped or none swapped reach the difference: 2 of 2 to the 10th.
    result = compare_measures(Measure((BAD,) * 10), Measure((GOOD,) * 10), Average.MICRO, Resampling(20_000, seed=0))
    assert result["f1"].p == pytest.approx(2 / 1024, abs=0.001)
    assert (result["f1"].first, result["f1"].second) == (0.0, 1.0)
    difference = result["f1"].difference
    assert (difference.low, difference.value, difference.high) == (1.0, 1.0, 1.0)


def test_a_system_does_not_differ_from_itself():
    measure = Measure((GOOD, BAD, Counts(2, 1, 0)))
    for average in Average:
        for each in compare_measures(measure, measure, average, FEW).values():
            assert (each.difference.low, each.difference.high, each.p) == (0.0, 0.0, 1.0)


def test_the_interval_of_a_difference_is_of_pairs_so_what_both_share_cancels_out():
    # Documents vary a lot, but the second system has one more right in each.
    first = [Counts(count, 3, 3) for count in range(10)]
    second = [Counts(count + 1, 2, 2) for count in range(10)]
    result = compare_measures(Measure(tuple(first)), Measure(tuple(second)), Average.MACRO, FEW)["f1"]
    alone = measure_intervals(Measure(tuple(second)), Average.MACRO, FEW).f1
    assert 0 < result.difference.low < result.difference.value < result.difference.high
    assert result.difference.high - result.difference.low < alone.high - alone.low


def test_unequal_benchmarks_cannot_be_compared():
    with pytest.raises(InputError, match="2 and 1 documents"):
        compare_measures(Measure((GOOD, BAD)), Measure((GOOD,)), Average.MICRO, FEW)


def test_resamples_and_level_are_checked():
    with pytest.raises(InputError, match="no interval"):
        Resampling(resamples=0)
    with pytest.raises(InputError, match="no interval"):
        Resampling(confidence=1.0)


def test_the_matrix_of_no_document_is_empty():
    assert counts_matrix([]).shape == (0, 3)
    assert figures_of(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)
