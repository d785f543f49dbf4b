"""Feeds break, and worlds move, from their day on, as much as they say, and in nothing else."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from simulation.faults import as_stored
from simulation.feeds import (
    Broken,
    CategoryExplosion,
    ColumnSwap,
    DuplicateBatch,
    NullBurst,
    Recoding,
    SchemaBreak,
    StaleBatch,
    StuckColumn,
    UnitChange,
    VolumeCollapse,
)
from simulation.moves import Coupled, Grown, Missing, NewLevel, Seasonal, Shifted, Spread, Thinned

START, DAYS, FROM = datetime(2026, 1, 5), 8, 5.5  # noqa: DTZ001 - event times are naive UTC


def frame():
    rng = np.random.default_rng(1)
    at = np.sort(rng.uniform(0, DAYS, 4_000))
    return pl.DataFrame(
        {
            "ts": np.datetime64(START, "us") + (at * 86_400e6).astype("int64"),
            "a": rng.normal(10, 2, at.size),
            "b": rng.lognormal(0, 1, at.size),
            "c": rng.choice(["x", "y", "Z"], at.size),
            "bad": rng.integers(0, 2, at.size),
        }
    )


ROWS = frame()
DAY = (ROWS["ts"] - START).dt.total_milliseconds() / 86_400e3
OLD, NEW = ROWS.filter(DAY < FROM), ROWS.filter(DAY >= FROM)


def stored(change):
    return as_stored(ROWS, START, (change,), seed=3)


def parts(change):
    """Return the rows before and after, once it is made sure that the former are as they were."""
    df = stored(change)
    assert df.head(OLD.height).equals(OLD)
    assert df.equals(stored(change))  # the same seed hits the same rows
    return df.tail(-OLD.height)


def untouched(now, *columns):
    return now.drop(columns).equals(NEW.drop(columns))


def test_a_burst_of_nulls_hits_its_columns_in_the_same_rows():
    now = parts(NullBurst(("a", "c"), FROM, 0.4))
    assert now["a"].is_null().mean() == pytest.approx(0.4, abs=0.05)
    assert now["a"].is_null().equals(now["c"].is_null().alias("a"))
    assert untouched(now, "a", "c")


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_another_unit_multiplies_and_raises(share):
    now = parts(UnitChange("a", FROM, 1.8, 32.0, share))
    hit = now["a"] != NEW["a"]
    assert hit.mean() == pytest.approx(share, abs=0.05)
    assert now["a"].filter(hit).to_numpy() == pytest.approx(
        (NEW["a"] * 1.8 + 32).filter(hit).to_numpy()
    )
    assert untouched(now, "a")


def test_swapped_columns_stand_in_each_others_place():
    now = parts(ColumnSwap("a", "b", FROM))
    assert now["a"].equals(NEW["b"].alias("a"))
    assert now["b"].equals(NEW["a"].alias("b"))
    assert untouched(now, "a", "b")


def test_duplicates_come_beside_their_rows():
    now = parts(DuplicateBatch(FROM, 0.5, times=2))
    assert now.unique(maintain_order=True).equals(NEW)
    assert now.height == pytest.approx(2 * NEW.height, rel=0.05)


def test_a_stale_batch_is_the_last_good_day_again_and_again():
    now = parts(StaleBatch("ts", FROM))
    last = OLD.filter(OLD["ts"] >= START + timedelta(days=FROM - 1))
    assert now.head(last.height).drop("ts").equals(last.drop("ts"))
    assert now["ts"].min() > OLD["ts"].max()
    assert now.height == 3 * last.height  # two and a half days, the last one whole


def test_a_stuck_column_keeps_its_last_value():
    now = parts(StuckColumn("c", FROM))
    assert now["c"].unique().to_list() == [OLD["c"][-1]]
    assert untouched(now, "c")


def test_a_schema_breaks_in_every_row():
    assert stored(SchemaBreak(("a",), Broken.DROPPED)).equals(ROWS.drop("a"))
    assert stored(SchemaBreak(("a",), Broken.RENAMED)).equals(ROWS.rename({"a": "a_v2"}))
    text = stored(SchemaBreak(("a",), Broken.TEXT))["a"]
    assert text.dtype == pl.String
    assert text.str.contains(",", literal=True).all()


@pytest.mark.parametrize(
    ("how", "levels"),
    [(Recoding.CASE, {"X", "Y", "z"}), (Recoding.PADDED, {"x ", "y ", "Z "})],
)
def test_levels_are_spelt_otherwise(how, levels):
    now = parts(CategoryExplosion("c", FROM, how))
    assert set(now["c"]) == levels
    assert untouched(now, "c")


def test_levels_become_numbers_of_their_own_or_codes():
    ids = parts(CategoryExplosion("c", FROM, Recoding.IDS, 0.5))["c"]
    assert ids.n_unique() > 0.4 * NEW.height
    codes = parts(CategoryExplosion("c", FROM, Recoding.CODES))["c"]
    assert codes.n_unique() == 3
    assert not set(codes) & {"x", "y", "Z"}


def test_few_rows_are_left_of_a_collapse():
    now = parts(VolumeCollapse(FROM, 0.1))
    assert now.height == pytest.approx(0.1 * NEW.height, rel=0.3)


def test_a_fault_can_end():
    df = stored(NullBurst(("a",), 2, until_day=3))
    assert df["a"].is_null().equals(((DAY >= 2) & (DAY < 3)).alias("a"))


def test_a_shift_goes_by_standard_deviations_all_at_once_or_little_by_little():
    by = parts(Shifted(("a",), FROM, -2.0))["a"] - NEW["a"]
    assert by.to_numpy() == pytest.approx(-2 * ROWS["a"].std())
    slow = (parts(Shifted(("a",), FROM, 1.0, ramp_days=2.0))["a"] - NEW["a"]) / ROWS["a"].std()
    assert slow.to_numpy() == pytest.approx(np.clip((DAY.filter(DAY >= FROM) - FROM) / 2, 0, 1))


def test_a_segment_moves_alone():
    now = parts(Shifted(("a",), FROM, 1.0, segment=("c", "x")))
    assert (now["a"] != NEW["a"]).equals((NEW["c"] == "x").alias("a"))


def test_values_spread_about_their_median_and_grow_from_nothing():
    middle = ROWS["a"].median()
    now = parts(Spread(("a",), FROM, 2.0))["a"]
    assert (now - middle).to_numpy() == pytest.approx(2 * (NEW["a"] - middle).to_numpy())
    assert parts(Grown(("b",), FROM, 3.0))["b"].to_numpy() == pytest.approx(3 * NEW["b"].to_numpy())


def test_a_season_swings_to_both_sides():
    by = parts(Seasonal(("a",), FROM, 1.5, period=2.0))["a"] - NEW["a"]
    assert by.max() == pytest.approx(1.5 * ROWS["a"].std(), rel=0.02)
    assert by.min() == pytest.approx(-1.5 * ROWS["a"].std(), rel=0.02)


@pytest.mark.parametrize(("column", "values"), [("bad", (1,)), ("c", ("x", "y"))])
def test_thinned_rows_become_rarer_and_others_stay(column, values):
    now = parts(Thinned(column, values, FROM, 0.3))
    thinned = pl.col(column).is_in(values)
    assert now.filter(~thinned).equals(NEW.filter(~thinned))
    left = now.filter(thinned).height / NEW.filter(thinned).height
    assert left == pytest.approx(0.3, abs=0.06)


def test_a_newcomer_takes_its_share():
    now = parts(NewLevel("c", FROM, "new", 0.2))
    assert (now["c"] == "new").mean() == pytest.approx(0.2, abs=0.05)
    assert untouched(now, "c")


def test_more_and_more_fields_are_empty_each_for_itself():
    now = parts(Missing(("a", "b"), FROM, 0.5, ramp_days=1.0))
    late = now.tail(700)
    assert late["a"].is_null().mean() == pytest.approx(0.5, abs=0.06)
    assert not late["a"].is_null().equals(late["b"].is_null().alias("a"))
    assert now.head(200)["a"].is_null().mean() < 0.25


def test_coupled_columns_keep_their_distributions_and_go_together():
    now = parts(Coupled("a", "b", FROM, 1.0))
    for rows in now.with_columns(day=pl.col("ts").dt.date()).partition_by("day"):
        assert rows.sort("a")["b"].is_sorted()
    assert now["b"].sort().equals(NEW["b"].sort())
    assert untouched(now, "b")
