import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.policy import WatchPolicy
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.distance import psi
from sixgates.gates.watch import WatchEvidence, judge_watch, past_windows

POLICY = WatchPolicy()
QUIET = {"price": 0.01, "region": 0.02}
MOVED = {"price": 0.42, "region": 0.31}
PAST = (0.02, 0.05, 0.04, 0.10)
WEEK = timedelta(days=7)
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC


def _losses(mean, periods=12, seed=0):
    return np.random.default_rng(seed).normal(mean, 0.01, periods)


def _evidence(looks=(QUIET, QUIET), *, rows=8_210, past=PAST, losses=None, holdout=0.2):
    return WatchEvidence(looks, rows, past, _losses(0.2) if losses is None else losses, holdout)


@pytest.mark.parametrize(
    ("evidence", "alert", "words"),
    [
        (_evidence(), False, "no alert: input drift region 0.02 < limit 0.15"),
        (_evidence((MOVED, MOVED)), True, "price 0.42, region 0.31 >= limit 0.15"),
        (_evidence((MOVED, QUIET)), False, "1 of 2 looks"),
        (_evidence((QUIET, MOVED)), False, "1 of 2 looks"),
        (_evidence((MOVED,)), False, "1 of 2 looks"),
        (_evidence(()), False, "could not be measured"),
        (_evidence(({"price": math.nan},) * 2), False, "could not be measured"),
        (_evidence((MOVED, MOVED), past=(0.3, 0.3, 0.3)), False, "limit 0.45"),
        (_evidence((MOVED, MOVED), past=(0.0, 0.0, 0.0)), True, "limit 0.1 (the floor"),
        (_evidence((MOVED, MOVED), past=(0.9, 0.9)), True, "twice the floor: 2 past windows"),
        (_evidence(({"price": 0.15},) * 2, past=()), False, "limit 0.2 (twice the floor: 0 past"),
        (_evidence((MOVED, MOVED), rows=150), False, "150 rows in the window, 200 needed"),
        (_evidence(losses=_losses(0.3)), True, "matured loss rose"),
        (_evidence(losses=_losses(0.215)), False, "matured loss holds"),
        (_evidence(losses=np.array([])), False, "no period of the live champion"),
        (_evidence(losses=np.array([0.9, math.nan, 0.9, 0.9])), False, "is NaN"),
        (_evidence(losses=_losses(0.3), holdout=math.nan), False, "is NaN"),
    ],
)
def test_the_watch_alerts_on_either_signal_and_says_why(evidence, alert, words):
    report = judge_watch(evidence, POLICY)
    assert report.alert is alert
    assert words in report.sentence


def test_an_alert_names_features_by_size_and_both_signals_in_one_sentence():
    report = judge_watch(_evidence((MOVED, MOVED), losses=_losses(0.3)), POLICY)
    assert report.features == ("price", "region")
    assert [s.alert for s in report.signals] == [True, True]
    assert report.sentence.count("; matured loss") == 1


def test_a_loss_alert_blames_no_feature():
    assert judge_watch(_evidence((MOVED, QUIET), losses=_losses(0.3)), POLICY).features == ()


def test_a_long_list_of_features_is_cut_in_the_sentence_alone():
    looks = ({f"f{i}": 0.5 + i for i in range(8)},) * 2
    report = judge_watch(_evidence(looks), POLICY)
    assert len(report.features) == 8
    assert "and 3 more" in report.sentence


def test_a_rise_of_the_loss_in_the_middle_of_a_long_life_is_found():
    life = np.concatenate([_losses(0.2, 200), _losses(0.3, 8, seed=1)])
    assert not judge_watch(_evidence(losses=life[:200]), POLICY).alert
    assert judge_watch(_evidence(losses=life), POLICY).alert


@pytest.mark.parametrize(
    "tighter",
    [
        {"psi_floor": 0.5},
        {"rank_factor": 5.0},
        {"persistence": 3},
        {"min_rows": 10_000},
    ],
)
def test_a_stricter_policy_never_alerts_where_the_looser_one_does_not(tighter):
    for looks in ((MOVED, MOVED), (MOVED, QUIET), (QUIET, QUIET)):
        strict = judge_watch(_evidence(looks), WatchPolicy(**tighter))
        assert not strict.alert or judge_watch(_evidence(looks), POLICY).alert


def _year(weeks, *, per_day=60, shift_from=None, seed=3):
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(weeks * 7), per_day)
    x = rng.normal(size=day.size)
    if shift_from is not None:
        x = x + 1.0 * (day >= shift_from * 7)
    at = [START + timedelta(days=int(d), minutes=int(m)) for d, m in zip(
        day, rng.integers(0, 1440, day.size), strict=True)]  # fmt: skip
    return pl.DataFrame({"at": at, "x": x, "c": rng.choice(["a", "b"], day.size)})


def test_past_windows_of_quiet_data_are_quiet_and_oldest_first():
    df = _year(10)
    found = past_windows(df, profile_frame(df, ["x"], ["c"]), WEEK, "at")
    assert len(found) == 10
    assert max(found) < 0.1
    moved = past_windows(_year(10, shift_from=9), profile_frame(df, ["x"], ["c"]), WEEK, "at")
    assert int(np.argmax(moved)) == 9
    assert moved[9] > 0.5


def test_a_cut_oldest_window_is_left_out():
    df = _year(5).filter(pl.col("at") >= START + timedelta(days=5))
    assert len(past_windows(df, profile_frame(df, ["x"], ["c"]), WEEK, "at")) == 4


@pytest.mark.parametrize("weeks", [0, 1])
def test_no_window_to_compare_with_is_no_history(weeks):
    df = _year(2).filter(pl.col("at") < START + timedelta(days=6.5 * weeks))
    assert past_windows(df, profile_frame(df, ["x"], ["c"]), WEEK, "at") == []


def test_quiet_worlds_seldom_alert_and_a_shift_does():
    training = _year(12)
    reference = profile_frame(training, ["x"], ["c"])
    past = tuple(past_windows(training, reference, WEEK, "at"))
    false = 0
    for seed in range(60):
        later = _year(1, seed=100 + seed)
        look = psi(reference, profile_frame(later, ["x"], ["c"], like=reference))
        false += judge_watch(_evidence((look, look), rows=later.height, past=past), POLICY).alert
    assert false == 0
    moved = _year(1, shift_from=0)
    look = psi(reference, profile_frame(moved, ["x"], ["c"], like=reference))
    assert judge_watch(_evidence((look, look), rows=moved.height, past=past), POLICY).features == (
        "x",
    )
