import numpy as np
import polars as pl
import pytest

from sixgates.gates.data.label_rate import judge_label_rate
from sixgates.gates.data.period_counts import measure_periods
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, START, project, rows


def judged(frame, task="binary"):
    toy = project(task)
    (check,) = judge_label_rate(measure_periods(frame, toy, NOW), toy)
    return check


def drawn(before, after, *, days=7, n=100, seed=0):
    """Return rows whose label rate changes with the newest days of which it is known."""
    frame = rows([n] * 70, seed=seed)
    rng = np.random.default_rng(seed)
    late = (frame["t"] > NOW - (2 + days) * DAY).to_numpy()
    labels = rng.random(frame.height) < np.where(late, after, before)
    return frame.with_columns(y=pl.Series(labels.astype(np.int64)))


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.3), (0.3, 0.55), (0.5, 0.25), (0.02, 0.05)])
def test_a_world_that_moves_passes(before, after):
    assert judged(drawn(before, after)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("before", "after"), [(0.3, 0.0), (0.3, 1.0), (0.05, 0.0), (0.02, 0.3), (0.5, 0.98)]
)
def test_a_rate_beyond_all_before_is_refused(before, after):
    check = judged(drawn(before, after))
    assert check.outcome is Outcome.FAIL
    assert check.seen > check.required == 5.0
    assert f"limit 5 (n = {check.n:,})" in check.sentence


def test_a_single_poisoned_day_of_seven_is_too_little_to_see():
    assert judged(drawn(0.3, 0.0, days=1)).outcome is Outcome.PASS


def test_a_fault_of_weeks_is_still_seen():
    assert judged(drawn(0.3, 0.0, days=25)).outcome is Outcome.FAIL


def test_a_rate_that_leaps_anyway_may_leap():
    frame = rows([100] * 70)
    day = (frame["t"] - START).dt.total_days()
    weekly = frame.with_columns(y=pl.when((day // 10) % 2 == 0).then(1).otherwise("y"))
    check = judged(weekly)
    assert check.outcome is Outcome.PASS
    assert check.seen > 5
    assert "no more than chance or habit allows" in check.sentence


def test_chance_alone_is_never_refused():
    rates = np.linspace(0.02, 0.5, 20)
    found = [judged(drawn(p, p, n=20, seed=i)) for i, p in enumerate(rates)]
    assert {check.outcome for check in found} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (pl.col("y") / 1000, "is below 6.628"),
        (pl.col("y") * 1000, "is above 13.14"),
        (pl.lit(10.0), "is equal to 10 since"),
    ],
)
def test_numbers_in_another_unit_or_all_the_same_are_refused(fault, words):
    frame = rows().with_columns(y=pl.col("x") + 10)
    assert judged(frame, "regression").outcome is Outcome.PASS
    late = pl.col("t") > NOW - 10 * DAY
    check = judged(frame.with_columns(y=pl.when(late).then(fault).otherwise("y")), "regression")
    assert check.outcome is Outcome.FAIL
    assert words in check.sentence


def test_a_season_carries_many_numbers_beyond_those_before():
    frame = rows()
    year = (frame["t"] - START).dt.total_hours() / 24 / 365 * 2 * np.pi
    seasonal = frame.with_columns(y=20 * year.cos() + pl.col("x") * 3)
    assert judged(seasonal, "regression").outcome is Outcome.PASS


def test_a_class_that_vanishes_is_named():
    frame = rows().with_columns(y=pl.col("kind"))
    assert judged(frame, "multiclass").outcome is Outcome.PASS
    late = (pl.col("t") > NOW - 10 * DAY) & (pl.col("kind") == "c")
    frame = frame.with_columns(y=pl.when(late).then(pl.lit("a")).otherwise("y"))
    check = judged(frame, "multiclass")
    assert check.outcome is Outcome.FAIL
    assert "a share of 0 is c since 2026-03-07 00:00, 0.3" in check.sentence


@pytest.mark.parametrize("name", ["self", "__known", "__period", "class c", ""])
def test_a_class_may_bear_any_name(name):
    frame = rows().with_columns(y=pl.col("kind").replace("a", name))
    assert name in measure_periods(frame, project("multiclass"), NOW).classes
    assert judged(frame, "multiclass").outcome is Outcome.PASS


def test_too_few_labelled_periods_are_said():
    young = rows().filter(pl.col("t") > NOW - 20 * DAY)
    check = judged(young)
    assert (check.outcome, check.muted) == (Outcome.INCONCLUSIVE, True)
    assert "10 labelled periods before, 350 labels; 28 and 50 needed" in check.sentence
    assert judged(rows([5] * 70)).muted
    unlabelled = rows().with_columns(y=pl.lit(None, pl.Int64))
    assert judged(unlabelled).muted
    assert judge_label_rate(None, project())[0].muted


def test_no_limit_asks_for_nothing():
    assert judge_label_rate(None, project(max_label_odds=None)) == []
