import math

import numpy as np
import pytest
from scipy.stats import binom

from sixgates.gates.statistics.ranks import (
    rank_cusum,
    rank_evalue,
    rise_begins,
    windows_to_alarm,
)

LIMIT = 500.0


def levels(series, past, limit=LIMIT):
    """Evidence after each window of a series of statistics."""
    return rank_cusum(lambda old, new: (series[new], [series[i] for i in old]), past, len(series),
                      limit)  # fmt: skip


@pytest.mark.parametrize("moved", [0, 1, 5])
@pytest.mark.parametrize("n", [0, 1, 5, 9, 10, 19, 60, 200])
def test_the_evidence_is_worth_one_on_average_over_all_places(n, moved):
    earlier = [float(i) for i in range(n)]
    places = [rank_evalue(i - 0.5, earlier, moved) for i in range(n + 1)]
    assert np.mean(places) == pytest.approx(1.0)


def test_ties_count_against_the_newest():
    assert rank_evalue(1.0, [1.0] * 30) < 1
    assert rank_evalue(1.1, [1.0] * 30) > 1


def test_what_is_no_number_is_no_evidence():
    assert rank_evalue(math.nan, [1.0, 2.0]) == 1.0
    assert rank_evalue(5.0, [math.nan] * 40) == rank_evalue(5.0, []) == 1.0


@pytest.mark.parametrize("past", [3, 10, 40])
def test_exchangeable_windows_alarm_no_more_often_than_stated(past):
    rng = np.random.default_rng(4)
    horizon, runs = 150, 200
    alarms = sum(
        max(levels(rng.standard_t(2, past + horizon), past, limit=100.0)) >= math.log(100.0)
        for _ in range(runs)
    )
    # The run length is at least 100 windows on average, and nearly memoryless.
    assert alarms <= binom.ppf(0.999, runs, 1 - math.exp(-horizon / 100.0))


@pytest.mark.parametrize("order", [(9.0, 9.5, 9.2, 9.3), (9.9, 9.5, 9.2, 9.0)])
def test_a_shift_is_found_in_whatever_order_its_windows_come(order):
    rng = np.random.default_rng(5)
    found = levels([*rng.normal(size=20), *order], 20)
    assert found[2] < math.log(2_920.0) < levels([*rng.normal(size=20), *order], 20, 2_920.0)[3]


def test_an_alarm_lasts_while_the_world_stays_moved_and_ends_when_it_returns():
    rng = np.random.default_rng(6)
    moved, back = rng.normal(9, 1, 60), rng.normal(size=4)
    found = levels([*rng.normal(size=40), *moved, *back], 40)
    first = next(i for i, level in enumerate(found) if level >= math.log(LIMIT))
    assert first <= 3
    assert all(level >= math.log(LIMIT) for level in found[first:60])
    assert found[61] < math.log(LIMIT)


def test_windows_of_an_alarm_never_become_usual():
    rng = np.random.default_rng(7)
    quiet = rng.normal(size=10)
    series = [*rng.normal(size=40), *rng.normal(9, 1, 30), *quiet, 9.0, 9.1, 9.2]
    found = levels(series, 40)
    assert found[39] <= 0
    assert found[-1] >= math.log(LIMIT)


def test_it_is_said_how_long_an_alarm_takes():
    for past in (3, 5, 12, 30, 100):
        needed = windows_to_alarm(past, LIMIT)
        found = levels([*np.zeros(past), *np.ones(needed)], past)
        assert found[needed - 1] >= math.log(LIMIT)
        assert all(level < math.log(LIMIT) for level in found[: needed - 1])
    assert math.isinf(windows_to_alarm(2, LIMIT))


@pytest.mark.parametrize(
    ("later", "begins"),
    [
        ([], None),
        ([5.0], None),  # as low as ever
        ([9.0], 0),
        ([5.0, 9.0, 9.1, 9.2], 1),
        ([9.0, 5.0, 9.1, 9.2], 0),
        ([9.0, 5.0, 5.0, 9.1, 9.2], 3),  # a second low window takes back what the high one gave
        ([9.0, 9.1, 9.2, 9.3, *[5.0] * 12], None),
        ([9.0, 9.1, 9.2, 9.3, *[5.0] * 12, 9.4], 16),
    ],
)
def test_a_rise_begins_after_the_last_zero(later, begins):
    usual = [float(5 + i % 2) for i in range(40)]
    assert rise_begins(levels([*usual, *later], 40)) == begins


def test_a_change_is_dated_to_the_window_it_came_with_or_near_it():
    rng = np.random.default_rng(8)
    found = []
    for _ in range(200):
        series = [*rng.normal(size=70), *rng.normal(2.5, 1, 12)]
        found.append(rise_begins(levels(series, 40)))
    assert np.median(found) == 30
    assert np.mean([abs(place - 30) <= 2 for place in found]) > 0.8
