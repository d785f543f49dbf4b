"""A loss that is far above what may be must alert, however much its periods differ."""

import math

import numpy as np
import pytest

from sixgates.gates.drift.signals import lasting_loss, limit_of, loss_signal, recent_loss
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.statistics.excess import excess_detector
from sixgates.gates.statistics.memory import without_memory
from sixgates.gates.statistics.periods import sr_detector

POLICY = WatchPolicy()
LIMIT = limit_of("loss", POLICY)
HOLDOUT, MARGIN = 0.001, 0.02


def failing(periods, share, seed=0):
    """Losses of a model that fails altogether in a share of its periods."""
    return np.where(np.random.default_rng(seed).random(periods) < share, 0.6, 0.0)


def days_until(alarm, seed):
    """Days from the first on which it may fail until an alarm; 11 where ten were not enough."""
    losses = np.concatenate([np.full(60, 0.0005), failing(10, 0.6, seed)])
    return next((n for n in range(1, 11) if alarm(losses[: 60 + n])), 11)


def test_a_model_that_fails_on_most_days_alerts_within_a_week_and_not_by_its_spread_alone():
    def by_spread(losses):
        return sr_detector(without_memory(losses - HOLDOUT)) >= math.log(LIMIT)

    def alerts(losses):
        return loss_signal(losses, HOLDOUT, MARGIN, POLICY).alert

    assert np.median([days_until(alerts, seed) for seed in range(40)]) <= 6
    assert np.median([days_until(by_spread, seed) for seed in range(40)]) > 10


@pytest.mark.parametrize("most", [0.01, 0.1, 0.5])
def test_while_the_mean_is_what_it_may_be_an_alarm_is_as_rare_as_it_says(most):
    # P(alarm within H periods) <= H / c, whatever the distribution: here the worst, all or nothing.
    lives, periods, level = 400, 50, 500.0
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(lives):
        losses = np.where(rng.random(periods) < most, 1.0, 0.0)
        ends = range(1, periods + 1)
        alarms += any(excess_detector(losses[:n], most, 1e6) >= math.log(level) for n in ends)
    allowed = lives * periods / level
    assert alarms <= allowed + 3 * math.sqrt(allowed)


def test_the_evidence_is_gone_some_days_after_the_loss_is():
    bad, quiet = np.full(30, 0.6), np.full(30, 0.0005)
    assert loss_signal(bad, HOLDOUT, MARGIN, POLICY).alert
    level = excess_detector(np.concatenate([bad, quiet]), HOLDOUT + MARGIN, LIMIT * 100)
    assert level < 1.0


def test_a_rise_within_the_margin_is_left_to_the_other_detector():
    losses = np.full(200, HOLDOUT + MARGIN)
    assert excess_detector(losses, HOLDOUT + MARGIN, 1e6) <= math.log(200) + 1e-9
    assert excess_detector(losses / 2, HOLDOUT + MARGIN, 1e6) < math.log(4)


@pytest.mark.parametrize(
    ("values", "most"), [([0.1, math.nan], 0.1), ([-0.1], 0.1), ([0.1], math.nan), ([0.1], 0.0)]
)
def test_what_cannot_be_judged_is_no_evidence(values, most):
    assert math.isnan(excess_detector(np.array(values), most, 1e6))


def test_without_any_period_there_is_none():
    assert excess_detector(np.empty(0), 0.1, 1e6) == -math.inf


def test_a_loss_beyond_all_figures_alerts_all_the_same():
    far_above = 5 * HOLDOUT + 1e-9 * np.sin(np.arange(400))
    found = loss_signal(far_above, HOLDOUT, MARGIN, POLICY)
    assert (found.alert, found.seen) == (True, pytest.approx(math.exp(700)))


def test_three_periods_say_what_the_loss_is_of_late_and_seven_what_lasts():
    losses = np.array([9.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
    assert (recent_loss(losses), lasting_loss(losses)) == (6.0, 3.0)
    assert math.isnan(recent_loss(losses[:0]))
    assert math.isnan(lasting_loss(losses[:0]))
