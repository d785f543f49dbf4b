import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from sixgates.gates.drift.look import Fault, Finding
from sixgates.gates.drift.signals import SignalName
from sixgates.gates.policy import TriggerPolicy, WatchPolicy
from sixgates.gates.watch import judge_watch
from tests.gates.looks import DAY, START, days, evidence, look, losses

POLICY = WatchPolicy()


def alerts(report):
    return [str(signal.name) for signal in report.signals if signal.alert]


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({}, []),
        ({"price": 2.0}, ["inputs"]),
        ({"apart": 0.75}, ["joint inputs"]),
        ({"answers": 2.0}, ["predictions"]),
        ({"loss": 0.4}, ["expected loss"]),
        ({"of_loss": losses(0.3)}, ["loss"]),
        ({"price": 2.0, "of_loss": losses(0.3)}, ["inputs", "loss"]),
        # Unusual, and too small to matter.
        ({"price": 0.3}, []),
        ({"apart": 0.57}, []),
        ({"answers": 0.3}, []),
        ({"loss": 0.215}, []),
        ({"of_loss": losses(0.215)}, []),
    ],
)
def test_each_signal_alerts_by_itself_where_it_is_unusual_and_large(moved, expected):
    report = judge_watch(evidence(**moved), POLICY)
    assert alerts(report) == expected
    assert report.alert is report.asks is bool(expected)
    assert report.sentence.startswith("no alert: ") is not bool(expected)
    assert [signal.name for signal in report.signals] == list(SignalName)
    assert "nan" not in report.sentence


def test_an_alert_says_how_large_how_sure_and_by_which_feature():
    report = judge_watch(evidence(price=2.0), POLICY)
    assert report.features == ("price",)
    said = report.signals[0].sentence
    assert said.startswith("inputs moved: stability index ")
    for part in (">= 0.1 (price ", "evidence ", ">= 2,920 (n = 6 windows, 40 before them, rising"):
        assert part in said


QUIET_DAYS, MOVED_DAYS = 5, 6


def after_quiet(**moved):
    """Five quiet days after the training, then those that moved."""
    known = evidence(live=QUIET_DAYS + MOVED_DAYS)
    came = days(np.random.default_rng(1), MOVED_DAYS, 40 + QUIET_DAYS, **moved)
    return replace(known, live=(*known.live[:QUIET_DAYS], *came))


def risen_on(day):
    of_loss = np.concatenate([losses(0.2, day), losses(0.3, seed=1)])
    begins = tuple(START + (40 + i) * DAY for i in range(len(of_loss)))
    return {"period_losses": of_loss, "period_begins": begins}


@pytest.mark.parametrize(
    "moved", [{"price": 2.0}, {"apart": 0.75}, {"answers": 2.0}, {"loss": 0.4}]
)
def test_an_alert_says_when_the_drift_began(moved):
    report = judge_watch(after_quiet(**moved), POLICY)
    # A quiet window that is high by chance may make it a little earlier.
    assert timedelta(0) <= START + (40 + QUIET_DAYS) * DAY - report.since <= 2 * DAY
    assert f"40 before them, rising since {report.since:%Y-%m-%d %H:%M})" in report.sentence


def test_the_answers_date_a_drift_by_the_windows_that_were_answered():
    moved = after_quiet(answers=2.0)
    silent = replace(moved, live=(replace(moved.live[0], answers=()), *moved.live[1:]))
    assert judge_watch(silent, POLICY).since == START + (40 + QUIET_DAYS) * DAY


@pytest.mark.parametrize("day", [0, 20])
def test_a_loss_that_rose_did_so_with_the_period_in_which_it_began(day):
    report = judge_watch(replace(evidence(), **risen_on(day)), POLICY)
    assert report.since == START + (40 + day) * DAY
    assert f"periods, rising since {report.since:%Y-%m-%d %H:%M})" in report.sentence


def test_a_loss_with_a_memory_is_dated_by_the_same_periods():
    rng, level = np.random.default_rng(3), np.zeros(72)
    for i in range(1, 72):
        level[i] = 0.6 * level[i - 1] + rng.normal(0, 0.004)
    found = risen_on(60) | {"period_losses": 0.2 + level + 0.2 * (np.arange(72) >= 60)}
    report = judge_watch(replace(evidence(), **found), POLICY)
    assert report.since == START + 100 * DAY


def test_of_several_signals_the_earliest_says_when_and_a_trigger_on_the_loss_asks_the_loss():
    both = replace(after_quiet(price=2.0), **risen_on(3))
    of_loss, of_inputs = (START + (40 + day) * DAY for day in (3, QUIET_DAYS))
    assert judge_watch(both, POLICY).since == of_loss
    later = replace(both, **risen_on(9))
    assert judge_watch(later, POLICY).since == of_inputs
    only = WatchPolicy(trigger=TriggerPolicy(on="loss"))
    assert judge_watch(later, only).since == START + 49 * DAY


def test_without_an_alert_nothing_began():
    quiet = judge_watch(evidence(price=0.3), POLICY)
    assert any(signal.since is not None for signal in quiet.signals)
    assert quiet.since is None
    assert "rising since" not in quiet.sentence


def test_one_window_alone_is_no_alert_and_four_are():
    found = [judge_watch(evidence(live=n, price=2.0), POLICY).alert for n in (1, 2, 3, 4)]
    assert found == [False, False, False, True]


def test_an_alert_stands_while_the_world_stays_moved():
    assert judge_watch(evidence(live=60, price=2.0), POLICY).alert


def test_a_young_history_is_stated():
    young = judge_watch(evidence(past=8, live=1), POLICY).signals[0].sentence
    assert "8 before them: a young history, an alert takes 8 windows beyond all of it" in young
    none = judge_watch(evidence(past=0, live=2), POLICY)
    assert "no history to rank against" in none.signals[1].sentence
    assert "could not be measured" in none.signals[0].sentence
    assert not none.alert


def test_what_cannot_be_measured_says_why_and_does_not_alert():
    unmeasured = evidence(answers=None, apart=None, loss=None, of_loss=np.array([]))
    report = judge_watch(unmeasured, POLICY)
    assert not report.alert
    assert [signal.seen for signal in report.signals[1:]] == [None] * 4
    for part in ("was not asked", "too few rows", "no period of the live champion"):
        assert part in report.sentence


@pytest.mark.parametrize(
    "broken", [{"of_loss": np.array([0.9, math.nan, 0.9, 0.9])}, {"holdout": math.nan}]
)
def test_a_loss_that_is_no_number_is_named(broken):
    report = judge_watch(evidence(**{"of_loss": losses(0.9), **broken}), POLICY)
    assert "is NaN" in report.signals[-1].sentence
    assert not report.signals[-1].alert


def test_a_rise_of_the_loss_in_the_middle_of_a_long_life_is_found():
    life = np.concatenate([losses(0.2, 200), losses(0.3, 8, seed=1)])
    assert not judge_watch(evidence(of_loss=life[:200]), POLICY).alert
    assert judge_watch(evidence(of_loss=life), POLICY).alert


def test_a_few_bad_days_are_no_reason_for_a_retrain_by_its_benefit_and_half_a_week_is():
    benefit = WatchPolicy(trigger=TriggerPolicy(on="cost-benefit", retrain_cost=1_000))
    asks = {}
    for bad in (3, 4):
        life = np.concatenate([losses(0.2, 20), losses(0.6, bad)])
        report = judge_watch(evidence(price=2.0, of_loss=life), benefit)
        assert report.alert
        asks[bad] = report.asks
    assert asks == {3: False, 4: True}


def test_a_broken_feed_stops_the_alert_and_counts_for_nothing_later():
    fault = Finding(Fault.NULLS, ("price",), "price 80% missing")
    moved = evidence(live=6, price=2.0)
    broken = replace(moved, live=(*moved.live[:-1], replace(moved.live[-1], faults=(fault,))))
    report = judge_watch(broken, POLICY)
    assert not report.alert
    assert not report.asks
    assert report.faults == (fault,)
    assert "null burst: price 80% missing" in report.sentence
    spoilt = tuple(replace(found, faults=(fault,)) for found in moved.live)
    quiet = days(np.random.default_rng(9), 1, 46)
    assert judge_watch(replace(moved, live=(*spoilt, *quiet)), POLICY).signals[0].n == 1


def test_windows_with_few_rows_say_nothing():
    few = evidence(live=6, price=2.0)
    short = look(np.random.default_rng(1), 46, price=2.0, rows=150)
    report = judge_watch(replace(few, live=(*few.live, short)), POLICY)
    assert not report.alert
    assert "150 rows in the window" in report.sentence


def test_without_a_window_only_a_schedule_can_ask():
    none = replace(evidence(), live=())
    assert judge_watch(none, POLICY).sentence == (
        "no alert: no window has ended since the champion's training"
    )
    schedule = TriggerPolicy(on="schedule", every=POLICY.cooldown)
    report = judge_watch(replace(none, since_run=POLICY.cooldown), WatchPolicy(trigger=schedule))
    assert report.asks
    assert not report.alert


@pytest.mark.parametrize(
    "tighter",
    [
        {"psi_floor": 0.9, "area_floor": 0.95, "loss_tolerance": 2.0},
        {"run_length": 1e6},
        {"min_rows": 10_000},
    ],
)
def test_a_stricter_policy_never_alerts_where_the_looser_one_does_not(tighter):
    strict = WatchPolicy(**tighter)
    moves = ({}, {"price": 0.7}, {"apart": 0.7}, {"answers": 0.7}, {"of_loss": losses(0.3, 8)})
    found = [judge_watch(evidence(live=4, **moved), strict).alert for moved in moves]
    assert not any(found)
    assert [judge_watch(evidence(live=4, **moved), POLICY).alert for moved in moves] == [
        False, True, True, True, True,
    ]  # fmt: skip


def test_quiet_worlds_alert_no_more_often_than_stated():
    often = WatchPolicy(run_length=60, psi_floor=1e-9, area_floor=0.5, loss_tolerance=0.0)
    runs, live = 60, 20
    alarms = 0
    for seed in range(runs):
        quiet = evidence(past=30, live=live, seed=seed, of_loss=losses(0.2, live, seed))
        alarms += any(
            judge_watch(replace(quiet, live=quiet.live[:n], period_losses=quiet.period_losses[:n]),
                        often).alert
            for n in range(1, live + 1)
        )  # fmt: skip
    # P(alarm within 20 windows) <= 20/60, and a binomial count exceeds this bound once in a 1000.
    assert alarms <= 32
