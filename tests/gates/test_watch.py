import math
from dataclasses import replace

import numpy as np
import pytest

from sixgates.gates.drift.look import Fault, Finding
from sixgates.gates.drift.signals import SignalName
from sixgates.gates.policy import TriggerPolicy, WatchPolicy
from sixgates.gates.watch import judge_watch
from tests.gates.looks import days, evidence, look, losses

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
    for part in (">= 0.1 (price ", "evidence ", ">= 2,920 (n = 6 windows, 40 before them)"):
        assert part in said


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
