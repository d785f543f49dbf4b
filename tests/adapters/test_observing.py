"""What the watch sees of a window is the same whether its rows are a frame or lie in files."""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from projects.loans import project as loans
from simulation.world import World
from sixgates.adapters.lake.source import WindowRows
from sixgates.adapters.lightgbm_trainer import train
from sixgates.adapters.observing import look_at
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.drift.look import Fault, Look
from sixgates.gates.timesplit import time_split

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
DAY = timedelta(days=1)
ROWS = World(5, START, 22, 400).frame()
NOW = START + 20 * DAY


@pytest.fixture(scope="module")
def known():
    training = ROWS.filter(pl.col("ts") <= NOW)
    split = time_split(training, loans, NOW)
    trained = train(loans, split)
    model = Watched(loans, trained.text, trained.card)
    return model, reference_of(model, training.filter(pl.col("ts") > NOW - 12 * DAY), split)


def test_a_reference_has_a_look_at_every_window_and_answers_of_new_rows_alone(known):
    model, reference = known
    assert all(398 <= look.inputs.rows <= 402 for look in reference.looks)
    asked = [bool(look.answers) for look in reference.looks]
    assert asked == sorted(asked)
    assert 2 <= sum(asked) <= 4
    assert [look.expected.mean is not None for look in reference.looks] == asked
    assert all(0.4 < look.apart < 0.6 for look in reference.looks)
    assert 900 < len(reference.sample) < 1_300
    assert reference.calendar == ()
    assert not reference.estimator.invalid
    assert model.project is loans


def test_a_feature_that_marks_time_is_told_from_those_that_do_not(known):
    model, _ = known
    days = (pl.col("ts") - START).dt.total_days().cast(pl.Float64)
    training = ROWS.filter(pl.col("ts") <= NOW).with_columns(age=18 + days)
    split = time_split(training, loans, NOW)
    assert reference_of(model, training.tail(4_800), split).calendar == ("age",)


def test_files_and_frames_give_the_same_look(known, tmp_path):
    model, reference = known
    within = (reference.until, reference.until + DAY)
    window = ROWS.filter(pl.col("ts").is_between(*within, closed="right"))
    half = ROWS.height // 2
    files = (tmp_path / "old.parquet", tmp_path / "new.parquet")
    ROWS.head(half).write_parquet(files[0])
    ROWS.tail(-half).write_parquet(files[1], row_group_size=300)
    frame = look_at(model, reference, WindowRows(window.lazy()), within, [])
    read = look_at(model, reference, WindowRows(window.lazy(), files), within, [])
    assert frame == read
    assert frame.inputs.rows == window.height
    assert frame.faults == ()
    assert 0.12 < frame.expected.mean < 0.2


def test_what_is_wrong_ends_the_look(known):
    model, reference = known
    within = (reference.until, reference.until + DAY)
    window = ROWS.lazy().filter(pl.col("ts").is_between(*within, closed="right"))
    absent = look_at(model, reference, WindowRows(window.drop("age", "region")), within, [])
    assert absent.faults[0].features == ("age", "region")
    assert (absent.inputs.rows, absent.answers) == (0, ())
    broken = window.with_columns(pl.col("income") * 1000)
    unit = look_at(model, reference, WindowRows(broken), within, [])
    assert [found.features for found in unit.faults] == [("income",)]
    assert (unit.inputs.rows, unit.answers, unit.apart) == (window.collect().height, (), None)


@pytest.mark.parametrize(("weeks", "faults"), [(2, []), (3, [Fault.VOLUME])])
def test_what_is_usual_on_a_weekday_takes_three_of_them(known, weeks, faults):
    model, reference = known
    inputs, first = reference.looks[-1].inputs, reference.until - weeks * 7 * DAY
    looks = tuple(
        # The first day of each week has a hundred times as many rows as the others.
        Look(
            replace(
                inputs,
                start=first + day * DAY,
                end=first + (day + 1) * DAY,
                rows=inputs.rows * (1 if day % 7 else 100),
            )
        )
        for day in range(7 * weeks)
    )
    within = (reference.until, reference.until + DAY)
    window = ROWS.lazy().filter(pl.col("ts").is_between(*within, closed="right"))
    found = look_at(model, replace(reference, looks=looks), WindowRows(window), within, [])
    assert [sign.fault for sign in found.faults] == faults
