from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.data.period_counts import measure_periods
from sixgates.gates.data.periods import RECENT
from tests.gates.data.feed import DAY, DAYS, NOW, START, project, rows, without_day


def measured(frame, toy=None, now=NOW, new_after=None):
    return measure_periods(frame, toy or project(), now, new_after)


def test_each_whole_period_has_its_figures_oldest_first():
    found = measured(rows(range(1, DAYS + 1)))
    assert found.rows == tuple(range(DAYS - 56 - RECENT, DAYS))
    assert found.start(0, DAY) == START + (DAYS - 56 - RECENT - 1) * DAY
    assert found.start(len(found.rows), DAY) == START + (DAYS - 1) * DAY
    assert set(found.repeated) == set(found.same_key) == {0}
    assert found.recent == list(range(56, 63))


def test_the_period_of_the_newest_row_and_what_comes_after_now_say_nothing():
    frame = rows()
    assert measured(frame).rows[-1] == 50
    early = NOW - 10 * DAY + DAY / 2
    assert len(measured(frame, now=early).rows) == 59
    nobody = frame.filter(pl.col("t") < START + DAY / 2)
    assert measured(nobody) is None
    assert measured(frame.clear()) is None


def test_a_period_without_rows_has_zeros_of_everything():
    found = measured(without_day(rows(), DAYS - 5))
    assert found.rows[-4] == 0
    assert found.labels[-4] == (0, 0)
    assert found.repeated[-4] == 0


def test_only_new_whole_periods_are_recent():
    frame = rows()
    assert measured(frame, new_after=NOW - 3.5 * DAY).recent == [61, 62]
    assert not measured(frame, new_after=NOW).recent
    assert len(measured(frame, new_after=START).recent) == RECENT


def test_what_came_while_the_feed_was_known_to_be_broken_counts_nowhere():
    frame = rows()
    broken = [(NOW - 5 * DAY, NOW - 4 * DAY), (NOW - 30.5 * DAY, NOW - 30 * DAY)]
    found = measure_periods(frame, project(), NOW, None, broken)
    assert found.broken == (33, 59)
    assert found.rows[59] <= 1  # the stretch begins after its first moment
    assert 10 < found.rows[33] < 40
    assert found.recent == [56, 57, 58, 60, 61, 62]
    assert 33 not in found.before
    assert len(found.before) == 55


def test_a_row_that_was_there_before_is_repeated_and_a_null_is_like_a_null():
    frame = rows()
    late = frame["t"] > NOW - 3 * DAY
    again = frame.with_columns(
        x=pl.when(late).then(None).otherwise("x"),
        z=pl.when(late).then(1.0).otherwise("z"),
        kind=pl.when(late).then(pl.lit("a")).otherwise("kind"),
    )
    assert measured(again).repeated[-3:] == (0, 49, 50)


def test_rows_that_share_one_feature_alone_are_not_repeated():
    coarse = rows().with_columns(pl.col("x").round(1), pl.col("z").round(0))
    found = measured(coarse)
    day = pl.col("t").dt.epoch("d")
    counted = coarse.filter(day >= found.first, day < found.first + len(found.rows))
    again = counted.with_columns(again=~pl.struct("x", "z", "kind").is_first_distinct())
    assert found.repeated == tuple(again.group_by(day).agg("again").sort("t")["again"].list.sum())
    assert 0.1 < sum(found.repeated) / sum(found.rows) < 0.99


def test_a_key_is_entity_and_event_time_or_the_event_time_alone():
    frame = rows().with_columns(t=pl.col("t").dt.truncate("1d"))
    assert set(measured(frame).same_key) == {0}
    assert set(measured(frame, project(entity=None)).same_key) == {50}


@pytest.mark.parametrize("entity", ["who", None])
def test_rows_share_a_key_wherever_they_lie_among_those_of_their_moment(entity):
    who = pl.Series(np.random.default_rng(1).integers(0, 3, rows().height).astype(str))
    frame = rows().with_columns(who=who, t=pl.col("t").dt.truncate("8h"))
    found = measured(frame, project(entity=entity))
    day = pl.col("t").dt.epoch("d")
    counted = frame.filter(day >= found.first, day < found.first + len(found.rows))
    key = pl.struct("t", "who") if entity else pl.struct("t")
    again = counted.with_columns(again=key.is_duplicated()).group_by(day).agg("again").sort("t")
    assert found.same_key == tuple(again["again"].list.sum())
    assert sum(found.same_key) > 0


def test_known_labels_are_counted_by_class():
    found = measured(rows())
    assert found.classes == ("0", "1")
    assert [sum(counts) for counts in found.labels[-4:]] == [50, 50, 50, 0]
    ones = rows().filter(pl.col("t").dt.date() == (START + 20 * DAY).date())["y"].sum()
    assert found.labels[20 - (DAYS - 1 - 63)] == (50 - ones, ones)


def test_numbers_are_counted_beyond_nearly_all_before():
    frame = rows().with_columns(y=pl.col("x") * 10)
    found = measured(frame, project("regression"))
    below, above, same = map(sum, zip(*found.labels, strict=True))
    assert 0 < below + above < 10  # of eight weeks' extremes the outermost, on either side
    assert same == 1
    assert [name.split(" ")[0] for name in found.classes] == ["below", "above", "equal"]


def test_no_known_label_is_no_class():
    found = measured(rows().with_columns(y=pl.lit(None, pl.Int64)))
    assert found.classes == ()
    assert set(found.known) == {0}


@pytest.mark.parametrize(("period", "history"), [(timedelta(hours=1), 1344), (7 * DAY, 28)])
def test_the_history_is_eight_weeks_and_at_least_28_periods(period, history):
    frame = pl.DataFrame({"t": pl.datetime_range(START, START + 400 * DAY, period, eager=True)})
    frame = frame.with_columns(who=pl.lit("u"), x=0.0, z=0.0, kind=pl.lit("a"), y=0)
    found = measured(frame, project(period=period), START + 400 * DAY)
    assert len(found.rows) == history + RECENT
