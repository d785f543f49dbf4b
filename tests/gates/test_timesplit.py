from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies, TrainingPolicy
from sixgates.gates.project import Project, Roles
from sixgates.gates.timesplit import Borders, label_age, matured, naive_utc, time_split

START = datetime(2024, 1, 1)  # noqa: DTZ001 - event time is naive UTC
HOUR = timedelta(hours=1)


def project(*, label_time=False, **training):
    columns = ["t", "x", "y", *(["known"] if label_time else [])]
    when = {"label_time": "known"} if label_time else {"label_horizon": 2 * HOUR}
    return Project(
        name="toy",
        task="binary",
        contract=pa.DataFrameSchema({c: pa.Column() for c in columns}),
        roles=Roles(event_time="t", label="y", numeric=("x",), **when),
        loss="brier",
        policies=Policies.with_margin(0.01, training=TrainingPolicy(**training)),
    )


def rows(hours, labels=None):
    at = [None if h is None else START + h * HOUR for h in hours]
    labels = labels or [0.0] * len(at)
    return pl.DataFrame(
        {"t": at, "x": range(len(at)), "y": labels},
        schema_overrides={"t": pl.Datetime("us"), "y": pl.Float64},
    )


def test_maturity_goes_by_age_alone():
    # the label of hour 9 has arrived already: it is still too young
    df = rows([0, 7, 8, 9, None], [0.0, 1.0, 0.0, 1.0, 1.0])
    assert matured(df, project(), START + 10 * HOUR)["x"].to_list() == [0, 1, 2]


def test_a_row_without_its_label_cannot_be_used():
    df = rows([0, 1, 2], [0.0, None, float("nan")])
    assert matured(df, project(), START + 10 * HOUR)["x"].to_list() == [0]


def test_with_a_label_time_the_age_is_a_high_percentile_of_the_delays():
    toy, n = project(label_time=True), 200
    delays = np.r_[np.full(n - 4, 3), np.full(4, 20)]
    df = rows(range(n)).with_columns(
        known=pl.Series([START + (i + int(d)) * HOUR for i, d in enumerate(delays)])
    )
    now = START + 300 * HOUR
    assert label_age(df, toy, now) == 20 * HOUR
    now = START + 150 * HOUR
    assert label_age(df, toy, now) == 3 * HOUR
    assert matured(df, toy, now)["x"].max() == 147
    # a quick label does not let a young row in: that row's class may be the quick one
    quick = df.with_columns(known=pl.when(pl.col("x") == 149).then("t").otherwise("known"))
    assert matured(quick, toy, now)["x"].max() == 147


def test_a_label_known_only_later_is_not_used_however_old_its_row():
    df = rows([0, 1, 2]).with_columns(
        known=pl.Series([START + HOUR, START + 50 * HOUR, None], dtype=pl.Datetime("us"))
    )
    assert matured(df, project(label_time=True), START + 9 * HOUR)["x"].to_list() == [0]


def test_before_any_label_is_known_nothing_is_matured():
    df = rows([0, 1]).with_columns(known=pl.lit(None, dtype=pl.Datetime("us")))
    assert matured(df, project(label_time=True), START + 9 * HOUR).is_empty()


def test_times_with_a_zone_become_naive_utc():
    aware = pl.Series([datetime(2024, 1, 1, 12, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    assert naive_utc(aware.to_frame("t"), "t").to_list() == [START + 12 * HOUR]


@given(
    st.lists(st.integers(0, 30), min_size=30, max_size=80),
    st.floats(0.05, 0.5),
    st.floats(0.05, 0.4),
    st.randoms(),
)
def test_each_part_is_strictly_newer_than_the_one_before(hours, holdout, validation, random):
    random.shuffle(hours)
    toy = project(holdout_share=holdout, validation_share=validation)
    now = START + 100 * HOUR
    try:
        split = time_split(rows(hours), toy, now)
    except ConfigurationError as exc:
        assert "is empty" in str(exc)  # noqa: PT017 - few distinct moments cannot be split
        return
    assert split.train["t"].max() < split.validation["t"].min()
    assert split.validation["t"].max() < split.holdout["t"].min()
    parts = pl.concat([split.train, split.validation, split.holdout])
    assert sorted(parts["x"]) == list(range(len(hours)))
    assert parts["t"].is_sorted()


def test_shares_are_counted_in_rows():
    split = time_split(rows(range(100)), project(), START + 200 * HOUR)
    assert [p.height for p in (split.train, split.validation, split.holdout)] == [68, 12, 20]


def test_rows_before_the_window_are_left_out():
    split = time_split(rows(range(100)), project(window=50 * HOUR), START + 101 * HOUR)
    assert split.train["x"].min() == 52


@pytest.mark.parametrize("hours", [[], [1] * 50, [1, 2]])
def test_an_empty_part_needs_an_edit(hours):
    with pytest.raises(ConfigurationError, match="part of"):
        time_split(rows(hours), project(), START + 100 * HOUR)


@pytest.mark.parametrize("window", [None, timedelta(hours=60)])
def test_borders_split_any_part_of_the_rows_as_the_whole_was_split(window):
    df, toy, now = rows([*range(100), 95, None]), project(window=window), START + 90 * HOUR
    whole = time_split(df, toy, now)
    starts = [part["t"].min() for part in (whole.validation, whole.holdout)]
    borders = Borders(now, label_age(df, toy, now), *starts)
    for part in (df, df[::3], df.head(0)):
        found, asked = borders.split(part, toy), set(part["x"])
        for name in ("train", "validation", "holdout"):
            expected = [x for x in getattr(whole, name)["x"] if x in asked]
            assert getattr(found, name)["x"].to_list() == expected, name
    late = replace(borders, train=whole.train["t"][5])
    assert late.split(df, toy).train["x"].to_list() == whole.train["x"].to_list()[5:]
