"""Every way a feed breaks is named, and nothing that a moved world does is taken for one."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.drift.look import Fault
from sixgates.gates.drift.triage import (
    closer_signs,
    count_signs,
    is_crowded,
    schema_signs,
    volume_signs,
)
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import Window, window_of

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC
DAY = timedelta(days=1)
NUMERIC, CATEGORICAL = ["income", "warmth", "visits", "rate"], ["city", "kind"]


def rows(n=600, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "income": rng.lognormal(7, 0.6, n),
            "warmth": rng.normal(12, 8, n),
            "visits": rng.poisson(4, n).astype(float),
            "rate": rng.beta(2, 5, n),
            "city": rng.choice(["york", "bath", "wells"], n, p=[0.6, 0.3, 0.1]),
            "kind": rng.choice([f"k{i}" for i in range(40)], n),
        }
    )


TRAINING = [rows(seed=100 + i) for i in range(8)]
REFERENCE = profile_frame(pl.concat(TRAINING), NUMERIC, CATEGORICAL)


def seen(df, day=0):
    profile = profile_frame(df, NUMERIC, CATEGORICAL, like=REFERENCE)
    return profile, window_of(profile, REFERENCE, START + day * DAY, START + (day + 1) * DAY)


USUAL = [seen(df, day)[1] for day, df in enumerate(TRAINING)]


def signs(df):
    profile, window = seen(df, 8)
    distinct = df.n_unique() if is_crowded(df.height, USUAL) else None
    return (
        *volume_signs(df.height, USUAL, distinct),
        *count_signs(window, USUAL, USUAL, REFERENCE),
        *closer_signs(profile, REFERENCE, USUAL, df),
    )


def some_null(share):
    return pl.when(pl.int_range(pl.len()) % 100 >= 100 * share)


BROKEN = {
    "a null burst": (
        rows().with_columns(some_null(0.3).then("rate").alias("rate")), Fault.NULLS, ("rate",),
    ),
    "a level burst of nulls": (
        rows().with_columns(some_null(0.5).then("city").alias("city")), Fault.NULLS, ("city",),
    ),
    "NaN for numbers": (
        rows().with_columns(some_null(0.6).then("warmth").otherwise(float("nan")).alias("warmth")),
        Fault.NULLS, ("warmth",),
    ),
    "cents": (rows().with_columns(pl.col("income") * 100), Fault.UNIT, ("income",)),
    "per cent": (rows().with_columns(pl.col("rate") * 100), Fault.UNIT, ("rate",)),
    "Fahrenheit": (
        rows().with_columns(pl.col("warmth") * 1.8 + 32), Fault.UNIT, ("warmth",),
    ),
    "the wrong sign": (rows().with_columns(-pl.col("income")), Fault.UNIT, ("income",)),
    "exchanged numbers": (
        rows().rename({"income": "warmth", "warmth": "income"}), Fault.SWAP, ("income", "warmth"),
    ),
    "exchanged levels": (
        rows().rename({"city": "kind", "kind": "city"}), Fault.SWAP, ("city", "kind"),
    ),
    "other spelling": (
        rows().with_columns(pl.col("city").str.to_uppercase()), Fault.CATEGORIES, ("city",),
    ),
    "free text": (
        rows().with_columns(
            kind=some_null(0.3).then("kind").otherwise(pl.format("note {}", pl.int_range(pl.len())))
        ),
        Fault.CATEGORIES, ("kind",),
    ),
    "a batch twice": (pl.concat([rows(), rows()]), Fault.DUPLICATES, ()),
    "yesterday once more": (TRAINING[-1], Fault.STALE, ()),
    "a stuck sensor": (rows().with_columns(warmth=pl.lit(11.5)), Fault.STALE, ("warmth",)),
    "a trickle": (rows(40), Fault.VOLUME, ()),
}  # fmt: skip
MOVED = {
    "nothing": rows(),
    "richer by half": rows().with_columns(pl.col("income") * 1.5),
    "four times as rich": rows().with_columns(pl.col("income") * 4),
    "warmer": rows().with_columns(pl.col("warmth") + 9),
    "warmer and steadier": rows().with_columns(pl.col("warmth") * 0.5 + 20),
    "busier": rows().with_columns(pl.col("visits") + 3),
    "a better rate": rows().with_columns(pl.col("rate") ** 0.4),
    "one city grows": rows().with_columns(
        city=some_null(0.5).then("city").otherwise(pl.lit("wells"))
    ),
    "a new city": rows().with_columns(city=some_null(0.25).then("city").otherwise(pl.lit("ely"))),
    "a few more nulls": rows().with_columns(some_null(0.05).then("rate").alias("rate")),
    "twice the traffic": pl.concat([rows(), rows(seed=1)]),
    "half the traffic": rows(300),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_feed_is_named_with_its_columns(how):
    df, fault, features = BROKEN[how]
    found = signs(df)
    assert [(sign.fault, sign.features) for sign in found] == [(fault, features)]
    assert all(name in found[0].sentence for name in features)


@pytest.mark.parametrize("how", MOVED)
def test_a_moved_world_is_not_called_broken(how):
    assert signs(MOVED[how]) == ()


def test_columns_that_are_absent_or_no_numbers_break_the_schema():
    assert schema_signs(rows().schema, REFERENCE) == ()
    assert (
        schema_signs(rows().with_columns(pl.col("visits").cast(pl.Int16)).schema, REFERENCE) == ()
    )
    (absent,) = schema_signs(rows().drop("rate", "city").schema, REFERENCE)
    assert (absent.fault, absent.features) == (Fault.SCHEMA, ("rate", "city"))
    (text,) = schema_signs(rows().with_columns(pl.col("income").cast(pl.String)).schema, REFERENCE)
    assert text.sentence == "income holds String, where numbers are due"


def test_a_window_without_a_row_is_a_collapse_even_without_a_history():
    (sign,) = volume_signs(0, [], None)
    assert (sign.fault, sign.sentence) == (Fault.VOLUME, "not one row has come")
    assert volume_signs(1, [], None) == ()


@pytest.mark.parametrize(
    ("rows", "distinct", "faults"),
    [
        (17, None, []),  # a third of 100, less three times its own root
        (16, None, [Fault.VOLUME]),
        (140, 120, []),
        (140, 119, [Fault.DUPLICATES]),  # 15 % of the rows repeat others
    ],
)
def test_how_few_rows_are_a_collapse_and_how_many_repeats_a_batch_twice(rows, distinct, faults):
    usual = [replace(USUAL[0], rows=many) for many in (100, 110, 120)]
    assert [sign.fault for sign in volume_signs(rows, usual, distinct)] == faults
    assert volume_signs(rows, usual[:2], distinct) == ()
    assert [is_crowded(n, usual) for n in (150, 151)] == [False, True]
    assert not is_crowded(151, usual[:2])


def test_a_feature_that_was_always_mostly_one_value_is_not_stuck():
    one = profile_frame(pl.DataFrame({"x": [0.0] * 90 + [1.0] * 10}), ["x"], [])
    now = profile_frame(pl.DataFrame({"x": [0.0] * 100}), ["x"], [], like=one)
    windows = [window_of(p, one, START, START + DAY) for p in (one, now)]
    assert count_signs(windows[1], windows[:1], windows[:1], one) == ()


@pytest.mark.parametrize("name", ["flag", "tariff"])
def test_one_of_two_values_may_end_at_any_time(name):
    old = ("old", 1.0)[name == "flag"]
    column = pl.Series(name, ["new" if name == "tariff" else 0.0, old] * 50)
    names = ([], ["tariff"]) if name == "tariff" else (["flag"], [])
    both = profile_frame(column.to_frame(), *names)
    ended = profile_frame(pl.DataFrame({name: [column[0]] * 100}), *names, like=both)
    windows = [window_of(p, both, START, START + DAY) for p in (both, ended)]
    assert count_signs(windows[1], windows[:1], windows[:1], both) == ()


def test_what_has_not_changed_for_a_week_is_how_the_world_is():
    days = [rows(seed=1 + day).with_columns(kind=pl.lit("k3")) for day in range(9)]
    windows = [*USUAL, *(seen(df, 8 + day)[1] for day, df in enumerate(days))]
    found = [count_signs(windows[i], USUAL, windows[:i], REFERENCE) for i in range(8, 17)]
    assert [[sign.features for sign in signs] for signs in found] == [[("kind",)]] * 7 + [[]] * 2


def test_a_level_that_spreads_bit_by_bit_is_not_stuck():
    grown = [some("kind", pl.lit("k3"), day / 20, rows(seed=day)) for day in range(21)]
    windows = [*USUAL, *(seen(df, 8 + day)[1] for day, df in enumerate(grown))]
    assert count_signs(windows[-1], USUAL, windows[:-1], REFERENCE) == ()


def test_a_window_without_columns_says_nothing_of_what_changes():
    broken = [Window(START, START + DAY, 0, ())] * 9
    (sign,) = count_signs(
        seen(rows().with_columns(warmth=pl.lit(11.5)))[1], USUAL, [*USUAL, *broken], REFERENCE
    )
    assert sign.features == ("warmth",)


def test_a_panel_whose_counts_are_always_the_same_repeats_no_batch():
    panel = [rows().with_columns(rate=pl.col("rate").shuffle(seed=day)) for day in range(5)]
    windows = [seen(df, day)[1] for day, df in enumerate(panel)]
    assert count_signs(windows[4], windows[:3], windows[:4], REFERENCE) == ()


def test_small_windows_that_are_alike_by_chance_hide_no_batch_that_comes_again():
    alike = [seen(rows(40), 8 + day)[1] for day in range(2)]
    usual = [*alike, *USUAL]
    (sign,) = count_signs(seen(TRAINING[-1], 10)[1], usual, usual, REFERENCE)
    assert sign.fault is Fault.STALE


def some(column, value, share, df=None):
    """Return rows of which a share hold something else in a column."""
    df = rows() if df is None else df
    hit = pl.int_range(pl.len()) % 100 < 100 * share
    return df.with_columns(pl.when(hit).then(value).otherwise(column).alias(column))


def levels(*names):
    """Return so many levels, in turn."""
    at = pl.int_range(pl.len()) // 7 % len(names)
    return pl.lit(pl.Series(names)).gather(at)


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [
        ("city", pl.col("city").str.to_titlecase(), 0.15),
        ("city", pl.col("city") + " ", 0.15),
        ("kind", pl.lit("K7"), 0.15),
        ("city", levels("ely", "ripon", "truro"), 0.3),
        ("kind", levels(*(f"new {i}" for i in range(10))), 0.3),
        ("city", pl.lit("unknown"), 0.6),
    ],
    ids=["letters", "space", "one of many in capitals", "as many as there are", "ten", "half"],
)
def test_levels_that_nobody_ever_saw_break_the_feed(column, value, share):
    assert [(sign.fault, sign.features) for sign in signs(some(column, value, share))] == [
        (Fault.CATEGORIES, (column,))
    ]


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [
        ("city", pl.lit("ely"), 0.45),
        ("city", levels("ely", "ripon"), 0.4),
        ("kind", levels(*(f"new {i}" for i in range(9))), 0.4),
        ("kind", levels(*(f"new {i}" for i in range(30))), 0.08),
        ("city", pl.col("city").str.to_titlecase(), 0.05),
    ],
    ids=["one", "two", "nine", "many in few rows", "other letters in few rows"],
)
def test_new_products_and_regions_do_not(column, value, share):
    assert signs(some(column, value, share)) == ()


def test_without_a_window_of_the_training_unseen_levels_are_found_all_the_same():
    shouted = rows().with_columns(pl.col("city").str.to_uppercase())
    (sign,) = closer_signs(seen(shouted)[0], REFERENCE, (), shouted)
    assert (sign.fault, sign.features) == (Fault.CATEGORIES, ("city",))


def test_many_levels_in_few_rows_beside_one_that_grows_are_no_explosion():
    df = some("kind", levels(*(f"new {i}" for i in range(12))), 0.05)
    df = df.with_columns(
        kind=pl.when(pl.int_range(pl.len()) % 100 >= 70).then(pl.lit("big")).otherwise("kind")
    )
    assert signs(df) == ()


@pytest.mark.parametrize("usual", [0.0, 0.3])
@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("rate", pl.lit(None), Fault.NULLS),
        ("kind", pl.concat_str(pl.lit("n"), pl.int_range(pl.len())), Fault.CATEGORIES),
    ],
)
def test_a_burst_is_what_rises_over_the_largest_usual_share(usual, column, value, fault):
    windows = [seen(some(column, value, usual, df), day)[1] for day, df in enumerate(TRAINING)]

    def found(share):
        df = some(column, value, share)
        profile, window = seen(df, 8)
        judged = (
            *count_signs(window, windows, windows, REFERENCE),
            *closer_signs(profile, REFERENCE, windows, df),
        )
        return [sign.fault for sign in judged]

    assert found(usual + 0.07) == []
    assert found(usual + 0.2) == [fault]


def test_in_a_small_window_a_few_nulls_are_no_burst():
    few = some("rate", pl.lit(None), 0.04, rows(25))  # four of 25, in a training without any
    profile, window = seen(few, 8)
    assert count_signs(window, USUAL, USUAL, REFERENCE) == ()
    assert closer_signs(profile, REFERENCE, USUAL, few) == ()
    many = seen(some("rate", pl.lit(None), 0.08, rows(25)), 8)[1]
    assert [sign.fault for sign in count_signs(many, USUAL, USUAL, REFERENCE)] == [Fault.NULLS]
