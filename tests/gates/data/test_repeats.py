import polars as pl
import pytest

from sixgates.gates.data.period_counts import measure_periods
from sixgates.gates.data.repeats import judge_repeats
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, of_day, project, rows, without_day

LAST = 68
"""The newest whole day."""


def judged(frame, limit=0.2):
    toy = project(max_repeat_rise=limit)
    return {c.name: c for c in judge_repeats(measure_periods(frame, toy, NOW), toy)}


def outcomes(frame):
    found = judged(frame)
    return found["repeated rows"].outcome, found["repeated keys"].outcome


def test_new_rows_pass():
    assert outcomes(rows()) == (Outcome.PASS, Outcome.PASS)


def test_a_day_delivered_twice_repeats_rows_and_keys():
    frame = rows()
    found = judged(pl.concat([frame, of_day(frame, LAST)]))
    assert found["repeated rows"].seen == 0.5
    assert found["repeated keys"].seen == 1.0
    assert {c.outcome for c in found.values()} == {Outcome.FAIL}
    assert "of the period from 2026-03-14 00:00 a share of 0.5" in found["repeated rows"].sentence
    assert "> limit 0.2" in found["repeated rows"].sentence


@pytest.mark.parametrize("age", [1, 20])
def test_an_old_day_sent_again_under_new_dates_repeats_rows_alone(age):
    frame = rows()
    stuck = of_day(frame, LAST - age).with_columns(
        t=pl.col("t") + age * DAY, who="other" + pl.col("who"), y=pl.lit(None, pl.Int64)
    )
    frame = pl.concat([without_day(frame, LAST), stuck])
    assert outcomes(frame) == (Outcome.FAIL, Outcome.PASS)


def test_rows_that_repeat_by_nature_are_no_fault_unless_more_do():
    frame = rows()
    natural = pl.int_range(pl.len()) % 5 < 2
    plain = frame.with_columns(
        x=pl.when(natural).then(0.0).otherwise("x"),
        z=pl.when(natural).then(0.0).otherwise("z"),
        kind=pl.when(natural).then(pl.lit("a")).otherwise("kind"),
    )
    assert outcomes(plain)[0] is Outcome.PASS
    assert judged(plain)["repeated rows"].required == pytest.approx(0.6, abs=0.03)
    again = of_day(plain, LAST).with_columns(who="other" + pl.col("who"))
    assert outcomes(pl.concat([plain, again]))[0] is Outcome.FAIL


def test_where_nearly_all_rows_are_alike_it_is_said_that_nothing_can_be_told():
    alike = rows().with_columns(x=0.0, z=0.0)
    check = judged(alike)["repeated rows"]
    assert (check.outcome, check.muted) == (Outcome.INCONCLUSIVE, True)
    assert "a share of 1 is usual" in check.sentence


def test_too_little_history_is_said():
    young = rows().filter(pl.col("t") > NOW - 20 * DAY)
    assert "11 periods before, 14 needed" in judged(young)["repeated rows"].sentence
    assert judge_repeats(None, project())[0].muted


def test_no_limit_asks_for_nothing():
    assert judged(rows(), limit=None) == {}
