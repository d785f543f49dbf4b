from datetime import timedelta

import polars as pl

from sixgates.gates.data.label_delay import judge_delays, measure_delays
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, project, rows

HOUR = timedelta(hours=1)


def delayed(slow, others=5 * HOUR):
    """Return rows whose label is known after a while, that of class 1 after another."""
    return rows().with_columns(
        known=pl.col("t") + pl.when(pl.col("y") == 1).then(slow).otherwise(others)
    )


def test_one_class_that_takes_longer_is_refused():
    toy = project(label_time=True)
    frame = delayed(pl.duration(hours=5 + pl.int_range(pl.len()) % 3))
    assert judge_delays(measure_delays(frame, toy, NOW))[0].outcome is Outcome.PASS
    rare = frame.filter((pl.col("y") == 0) | (pl.int_range(pl.len()) % 60 == 0))
    slow = pl.when(pl.col("y") == 1).then(pl.col("t") + 20 * DAY).otherwise("known")
    (check,) = judge_delays(measure_delays(rare.with_columns(known=slow), toy, NOW))
    assert check.outcome is Outcome.PASS  # so slow that the age covers it
    some = pl.when((pl.col("y") == 1) & (pl.int_range(pl.len()) % 3 == 0))
    partly = rare.with_columns(known=some.then(pl.col("t") + 20 * DAY).otherwise("known"))
    (check,) = judge_delays(measure_delays(partly, toy, NOW))
    assert check.outcome is Outcome.FAIL
    assert check.sentence.endswith("class '1'")


def test_truth_values_are_numbers_to_a_regression_here_too():
    toy = project("regression", label_time=True)
    frame = delayed(6 * HOUR)
    numbers = measure_delays(frame, toy, NOW)
    assert measure_delays(frame.cast({"y": pl.Boolean}), toy, NOW) == numbers != ()


def test_a_label_horizon_has_no_delays():
    assert measure_delays(rows(), project(), NOW) == ()
    assert judge_delays(()) == []
