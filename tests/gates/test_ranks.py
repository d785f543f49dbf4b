import math

import numpy as np
import pytest
from scipy.stats import binom

from sixgates.gates.statistics.ranks import e_cusum, largest_evalue, rank_evalue


@pytest.mark.parametrize("n", [0, 1, 5, 9, 10, 19, 60, 200])
def test_the_evidence_is_worth_one_on_average_over_all_places(n):
    earlier = [float(i) for i in range(n)]
    places = [rank_evalue(i - 0.5, earlier) for i in range(n + 1)]
    assert np.mean(places) == pytest.approx(1.0)


def test_ties_count_against_the_newest():
    assert rank_evalue(1.0, [1.0] * 30) < 1
    assert rank_evalue(1.1, [1.0] * 30) > 1


def test_what_is_no_number_is_no_evidence():
    assert rank_evalue(math.nan, [1.0, 2.0]) == 1.0
    assert rank_evalue(5.0, [math.nan] * 40) == largest_evalue(0) == 1.0


def test_exchangeable_windows_alarm_no_more_often_than_stated():
    rng = np.random.default_rng(4)
    limit, horizon, runs, past = 100.0, 100, 400, 30
    alarms = 0
    for _ in range(runs):
        series = list(rng.standard_t(2, past + horizon))
        level, alarmed = 0.0, False
        for i in range(past, len(series)):
            level = max(0.0, level) + math.log(rank_evalue(series[i], series[:i]))
            alarmed |= level >= math.log(limit)
        alarms += alarmed
    # P(alarm within H) <= H / c, which bounds nothing here; the run length does: half of all runs
    # may alarm within c windows at the very most if alarms come once in c on average.
    assert alarms <= binom.ppf(0.999, runs, 1 - math.exp(-horizon / limit))


def test_a_shift_is_found_in_three_windows_after_sixty_quiet_ones():
    rng = np.random.default_rng(5)
    series = [*rng.normal(size=60), 9.0, 9.5, 9.2]
    evidence = [rank_evalue(series[i], series[:i]) for i in range(60, 63)]
    assert e_cusum(evidence[:2]) < math.log(500) < e_cusum(evidence)
