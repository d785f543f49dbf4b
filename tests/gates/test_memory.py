"""Periods that go together must not make the loss alarm more often than it says."""

import math

import numpy as np
import pytest

from sixgates.gates.drift.signals import limit_of, loss_signal
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.statistics.memory import memory, without_memory, without_memory_so_far
from sixgates.gates.statistics.periods import sr_detector
from sixgates.gates.statistics.ranks import rank_cusum, ranked_numbers

HOLDOUT, MARGIN = 0.2, 0.02
POLICY = WatchPolicy(run_length=50, loss_tolerance=0.0)
LIMIT = math.log(limit_of("loss", POLICY))
LIVES, PERIODS, STEP = 60, 100, 5


def life(r, seed=0, periods=PERIODS):
    """Mean losses of periods, of which each takes over `r` of the one before it."""
    noise = np.random.default_rng(seed).standard_normal(periods)
    for i in range(1, periods):
        noise[i] = r * noise[i - 1] + math.sqrt(1 - r**2) * noise[i]
    return HOLDOUT + 0.01 * noise


def alarms(alarm, r):
    """Lives out of 60 in which there is an alarm, looked at every fifth period."""
    lives = [life(r, seed) for seed in range(LIVES)]
    ends = range(STEP, PERIODS + 1, STEP)
    return sum(any(alarm(losses[:n]) for n in ends) for losses in lives)


def plain(losses):
    return sr_detector(losses - HOLDOUT) >= LIMIT


def watched(losses):
    return loss_signal(losses, HOLDOUT, MARGIN, POLICY).alert


def test_days_that_come_in_runs_no_longer_alarm_in_most_quiet_lives():
    assert alarms(plain, 0.5) > 0.7 * LIVES
    # An alarm level of 100 periods allows 63 % of lives of 100 periods to end in one.
    assert alarms(watched, 0.5) < 0.5 * LIVES


def test_days_that_do_not_go_together_are_judged_as_before():
    assert np.mean([memory(life(0.0, seed)) == 0.0 for seed in range(LIVES)]) > 0.7
    assert alarms(watched, 0.0) <= alarms(plain, 0.0) < 0.35 * LIVES


@pytest.mark.parametrize("r", [0.0, 0.5])
def test_a_loss_that_rises_by_two_of_its_deviations_is_found_within_ten_periods(r):
    found = [np.concatenate([life(r, s, 60), 0.02 + life(r, 100 + s, 10)]) for s in range(20)]
    assert sum(map(watched, found)) >= 15


def test_the_memory_is_estimated_without_its_bias():
    lives = [memory(life(0.5, seed, 70)) for seed in range(200)]
    assert np.mean(lives) == pytest.approx(0.5, abs=0.04)
    assert memory(life(0.5, periods=4_000)) == pytest.approx(0.5, abs=0.04)


def test_the_memory_is_never_so_long_that_nothing_of_a_period_is_left():
    assert memory(life(0.999, periods=400)) == 0.9


@pytest.mark.parametrize(
    "losses",
    [
        life(-0.6),  # days that alternate do not come in runs
        life(0.9, periods=17),  # too few beside the newest ten
        np.full(40, HOLDOUT),  # no spread
        np.concatenate([life(0.0, 1, 50), 0.1 + life(0.0, 1, 10)]),  # it has just risen
        np.array([]),
    ],
    ids=["alternating", "few", "still", "risen", "none"],
)
def test_where_no_memory_shows_there_is_none(losses):
    assert memory(losses) == 0.0
    assert without_memory(losses) is losses


def test_what_a_period_took_over_is_taken_from_it_and_the_mean_stays():
    losses = life(0.5, periods=4_000)
    rid = without_memory(losses)
    assert len(rid) == len(losses) - 1
    assert rid.mean() == pytest.approx(losses.mean(), abs=1e-4)
    assert np.corrcoef(rid[1:], rid[:-1])[0, 1] == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("place", [0, 30, 59])
def test_a_period_that_is_no_number_is_still_named(place):
    losses = life(0.5, periods=60)
    losses[place] = math.nan
    signal = loss_signal(losses, HOLDOUT, MARGIN, POLICY)
    assert not signal.alert
    assert "a period or the holdout is NaN" in signal.sentence


def ranks_alarm(ranked, past=30):
    """Whether ranks alarm anywhere in a life, once in at least 100 windows, they say."""
    return max(rank_cusum(ranked, past, PERIODS, 100.0)) >= math.log(100.0)


def as_they_are(values):
    return lambda earlier, newest: (values[newest], values[list(earlier)])


def test_ranks_of_windows_that_go_together_are_of_what_each_has_of_its_own():
    lives = [life(0.5, seed) for seed in range(LIVES)]
    plain, rid = (
        sum(ranks_alarm(ranked(losses)) for losses in lives)
        for ranked in (as_they_are, ranked_numbers)
    )
    assert plain > 0.5 * LIVES
    assert rid < 0.3 * LIVES


def test_what_comes_later_changes_no_window_before_it():
    whole = without_memory_so_far(life(0.6, 3))
    assert not np.array_equal(whole, life(0.6, 3))
    for n in (1, 19, 40, 99):
        assert np.array_equal(without_memory_so_far(life(0.6, 3)[:n]), whole[:n])


def test_windows_without_a_number_leave_the_others_their_memory():
    known = life(0.6, 3)
    gaps = np.concatenate([[math.nan] * 5, known])
    assert np.array_equal(without_memory_so_far(gaps)[5:], without_memory_so_far(known))
    assert np.isnan(without_memory_so_far(gaps)[:5]).all()
