import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import bdtrc

from sixgates.gates.statistics.periods import (
    judge_periods,
    log_t_eprocess,
    log_t_factor,
    sr_detector,
    sr_rise,
)

TWENTY = math.log(20)


def _paths(means, null, sign):
    """Log e-values after 3, 4, ... periods of every run; runs in rows."""
    k = np.arange(1, means.shape[1] + 1)
    mean = means.cumsum(axis=1) / k
    square = (means**2).cumsum(axis=1) - k * mean**2
    k, mean, square = k[2:], mean[:, 2:], square[:, 2:]
    return log_t_factor(sign * (mean - null) / np.sqrt(square / (k - 1) / k), k)


def _too_many(hits, runs, nominal=0.05):
    return bdtrc(hits - 1, runs, nominal) < 0.001


def _day_means(rng, kind, runs, days=40):
    if kind == "iid":
        return rng.normal(0, 0.01, (runs, days))
    if kind == "day effect":
        return rng.normal(0, 0.01, (runs, days)) + rng.normal(0, 0.02, (runs, days))
    rows = lfilter([1.0], [1.0, -0.98], rng.normal(size=(runs, days * 240)), axis=1)
    return 0.01 * rows.reshape(runs, days, 240).mean(axis=2)


@pytest.mark.parametrize("kind", ["iid", "day effect", "autocorrelated rows"])
def test_a_model_worse_by_the_margin_is_seldom_promoted_however_often_one_looks(kind):
    runs, margin = 1_000, 0.02
    means = margin + _day_means(np.random.default_rng(17), kind, runs)
    promoted = (_paths(means, margin, -1) >= TWENTY).any(axis=1).sum()
    assert not _too_many(promoted, runs)


def test_an_equal_model_is_seldom_rolled_back_and_mostly_promoted():
    runs, margin = 1_000, 0.02
    means = _day_means(np.random.default_rng(19), "iid", runs)
    assert not _too_many((_paths(means, 0.0, 1) >= TWENTY).any(axis=1).sum(), runs)
    promoted = _paths(means, margin, -1) >= TWENTY
    assert promoted.any(axis=1).mean() > 0.99
    assert np.median(promoted.argmax(axis=1) + 3) <= 8


@given(t=st.floats(-1e6, 1e6), k=st.integers(2, 2_000), step=st.floats(0, 10), g=st.floats(0.01, 4))
def test_more_distance_is_more_evidence(t, k, step, g):
    low, high = log_t_factor([t, t + step], k, g)
    assert low <= high + 1e-7
    if t <= 0:
        assert low <= 1e-12


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=30), st.floats(0.1, 100))
def test_the_unit_of_the_loss_does_not_matter(means, scale):
    x = np.array(means)
    if x.std() < 1e-6:
        return
    a, b = judge_periods(x, 0.05, 3), judge_periods(x * scale, 0.05 * scale, 3)
    assert (a.log_promote, a.log_rollback) == pytest.approx(
        (b.log_promote, b.log_rollback), abs=1e-6
    )


def test_what_cannot_be_judged_is_no_evidence():
    assert log_t_eprocess(0.1, 0.1, 1, null=0.0, sign=1) == 0
    assert log_t_eprocess(math.nan, 0.1, 9, null=0.0, sign=1) == 0
    assert log_t_eprocess(0.1, math.nan, 9, null=0.0, sign=1) == 0
    assert log_t_eprocess(0.02, 0.0, 9, null=0.02, sign=-1) == 0
    for means in ([], [0.1], [-1.0, -1.1], [-1.0, -1.1, math.nan, -1.2]):
        found = judge_periods(np.array(means), 0.02, 3)
        assert (found.log_promote, found.log_rollback, found.periods) == (0, 0, len(means))


def test_no_spread_is_the_limit_of_little_spread():
    still = log_t_eprocess(0.1, 0.0, 6, null=0.0, sign=1)
    assert still == pytest.approx(log_t_eprocess(0.1, 1e-9, 6, null=0.0, sign=1), abs=1e-6)
    assert math.isfinite(log_t_eprocess(-0.1, 0.0, 6, null=0.0, sign=1))


def test_periods_that_never_differ_promote_nothing_but_may_roll_back():
    assert judge_periods(np.zeros(30), 0.02, 3).log_promote == 0
    assert judge_periods(np.full(30, -0.1), 0.02, 3).log_promote == 0
    assert judge_periods(np.full(30, 0.1), 0.02, 3).log_rollback > TWENTY


def test_evidence_of_a_long_life_stays_finite():
    assert math.isfinite(log_t_factor(-1e9, 100_000))
    assert math.isfinite(log_t_factor(1e9, 100_000))


def test_the_detector_finds_a_rise_in_the_middle_of_a_long_life():
    rng = np.random.default_rng(23)
    quiet = rng.normal(-0.05, 0.05, 200)
    risen = rng.normal(0.10, 0.05, 9)
    assert sr_detector(quiet) < math.log(100)
    assert sr_detector(np.concatenate([quiet, risen])) > math.log(100)
    assert judge_periods(np.concatenate([quiet, risen]), 0.1, 3).log_rollback < 0


def test_the_detector_is_the_sum_of_the_tests_started_at_each_period():
    x = np.random.default_rng(4).normal(0.1, 1.0, 9)
    started = [
        log_t_eprocess(x[j:].mean(), x[j:].std(ddof=1), len(x) - j, null=0.0, sign=1)
        for j in range(len(x) - 4)
    ]
    assert sr_detector(x) == pytest.approx(math.log(np.exp(started).sum()))


def test_a_rise_began_at_the_start_that_explains_it_best():
    rng = np.random.default_rng(31)
    for quiet, risen in ((60, 8), (60, 30), (0, 12)):
        x = np.concatenate([rng.normal(-0.1, 0.05, quiet), rng.normal(0.2, 0.05, risen)])
        assert sr_rise(x) == quiet
    assert sr_rise(rng.normal(-0.1, 0.05, 60)) is None


def test_no_rise_is_dated_by_too_few_periods_or_by_what_is_no_number():
    assert sr_rise(np.array([])) is sr_rise(np.array([0.1, 0.11, 0.09, 0.1])) is None
    assert sr_rise(np.array([0.1, 0.11, 0.09, 0.1, 0.1])) == 0
    assert sr_rise(np.array([0.1, math.nan, 0.2, 0.1, 0.1, 0.1])) is None


def test_the_detector_says_nothing_of_too_few_periods_and_names_nan():
    assert sr_detector(np.array([])) == sr_detector(np.array([9.0, 9.1])) == -700
    assert math.isnan(sr_detector(np.array([0.1, math.nan, 0.2, 0.1])))


def test_alarms_of_the_detector_are_as_rare_as_its_level_says():
    rng = np.random.default_rng(29)
    runs, periods, level = 150, 20, 100.0
    alarms = sum(
        any(sr_detector(x[:k]) >= math.log(level) for k in range(3, periods + 1))
        for x in rng.normal(0, 1, (runs, periods))
    )
    assert not _too_many(alarms, runs, nominal=periods / level)
