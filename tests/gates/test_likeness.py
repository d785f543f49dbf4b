"""A column in another unit or place is told from one that moved, by what training knew of it."""

import numpy as np
import polars as pl
import pytest

from sixgates.gates.drift.likeness import swap_signs, unit_signs
from sixgates.gates.drift.look import Fault
from sixgates.gates.profile.count import profile_frame

NUMERIC, LEVELS = ["income", "warmth", "visits", "rate", "spent"], ["city", "kind", "town"]
CITIES = ["york", "bath", "wells"]


def rows(n=800, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "income": rng.lognormal(7, 0.6, n),
            "warmth": rng.normal(12, 8, n),
            "visits": rng.poisson(4, n).astype(float),
            "rate": rng.beta(2, 5, n),
            "spent": np.where(rng.random(n) < 0.6, 0.0, rng.lognormal(3, 0.8, n)),
            "city": rng.choice(CITIES, n, p=[0.6, 0.3, 0.1]),
            "kind": rng.choice([f"k{i}" for i in range(9)], n),
            "town": rng.choice(CITIES, n),
        }
    )


REFERENCE = profile_frame(rows(5_000, seed=9), NUMERIC, LEVELS)


def found(signs, df):
    now = profile_frame(df, NUMERIC, LEVELS, like=REFERENCE)
    return [(sign.fault, sign.features) for sign in signs(now, REFERENCE, df)]


def of_some(column, factor, share=0.4, df=None):
    """Return rows of which one producer in several writes a column in another unit."""
    df = rows() if df is None else df
    one = pl.int_range(pl.len()) % 100 < 100 * share
    return df.with_columns(pl.when(one).then(pl.col(column) * factor).otherwise(column))


@pytest.mark.parametrize("factor", [5.5, 7.46, 12.0, 60.0, 155.0, 365.25, 1_024.0, 1e6])
@pytest.mark.parametrize("column", ["income", "warmth", "visits", "rate"])
def test_any_factor_from_five_on_is_another_unit_either_way(column, factor):
    for by in (factor, 1 / factor):
        df = rows().with_columns(pl.col(column) * by)
        assert found(unit_signs, df) == [(Fault.UNIT, (column,))], by


@pytest.mark.parametrize("factor", [0.01, 7.46, 100.0])
def test_an_amount_that_is_mostly_nothing_shows_its_unit_by_the_rest(factor):
    df = rows().with_columns(pl.col("spent") * factor)
    assert found(unit_signs, df) == [(Fault.UNIT, ("spent",))]


@pytest.mark.parametrize("factor", [0.22, 0.5, 1.5, 2.1, 3.0, 4.5])
@pytest.mark.parametrize("column", ["income", "visits", "rate", "spent"])
def test_growth_below_five_is_no_fault(column, factor):
    assert found(unit_signs, rows().with_columns(pl.col(column) * factor)) == []
    assert found(unit_signs, of_some(column, factor)) == []


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0, 1_000.0])
@pytest.mark.parametrize("column", ["income", "visits", "rate"])
def test_one_producer_of_several_in_another_unit_is_found(column, factor, share):
    df = of_some(column, factor, share)
    assert found(unit_signs, df) == [(Fault.UNIT, (column,))]


@pytest.mark.parametrize("value", [-1.0, 99.0, 999.0, 1e6])
@pytest.mark.parametrize("column", ["income", "visits", "rate"])
def test_one_value_in_the_place_of_many_is_no_unit(column, value):
    hit = pl.int_range(pl.len()) % 5 < 3
    df = rows().with_columns(pl.when(hit).then(value).otherwise(column).alias(column))
    assert found(unit_signs, df) == []


def test_the_unit_of_some_rows_is_named():
    df = of_some("income", 100.0, 0.3)
    now = profile_frame(df, NUMERIC, LEVELS, like=REFERENCE)
    (sign,) = unit_signs(now, REFERENCE, df)
    assert sign.sentence == (
        "some of income looks as in training, but for its unit: hundredths (cents, per cent)"
    )


@pytest.mark.parametrize("size", [-2.0, 1.0, 2.5])
@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("column", ["income", "warmth", "visits", "rate"])
def test_a_shift_of_all_or_of_one_segment_is_no_fault(column, share, size):
    one = pl.int_range(pl.len()) % 100 < 100 * share
    moved = pl.col(column) + size * pl.col(column).std()
    df = rows().with_columns(pl.when(one).then(moved).otherwise(column).alias(column))
    assert found(unit_signs, df) == []


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("warmth", pl.lit(11.5)),
        ("warmth", pl.lit(None, pl.Float64)),
        ("visits", pl.lit(0.0)),
        ("income", pl.lit(float("nan"))),
    ],
    ids=["stuck", "null", "zero", "NaN"],
)
def test_values_that_say_nothing_are_in_no_unit(column, values):
    assert found(unit_signs, rows().with_columns(values.alias(column))) == []


def test_the_sign_and_degrees_are_units_too():
    df = rows().with_columns(pl.col("warmth") * 1.8 + 32, -pl.col("income"))
    assert found(unit_signs, df) == [(Fault.UNIT, ("income",)), (Fault.UNIT, ("warmth",))]


def exchanged(df, a, b):
    return df.rename({a: b, b: a}).select(df.columns)


@pytest.mark.parametrize(
    ("a", "b"), [("income", "warmth"), ("warmth", "visits"), ("visits", "rate"), ("city", "kind")]
)
def test_two_columns_in_each_others_place_are_found(a, b):
    (swap,) = found(swap_signs, exchanged(rows(), a, b))
    assert swap[0] is Fault.SWAP
    assert set(swap[1]) == {a, b}


@pytest.mark.parametrize(
    "df",
    [
        rows(),
        exchanged(rows(), "city", "town"),  # of the same levels: no single row shows it
        rows().with_columns(pl.col("income").alias("warmth")),  # one is a copy, none is exchanged
        rows().with_columns(pl.col("visits") * 3, pl.col("warmth") + 12),
    ],
    ids=["nothing", "levels that both have", "a copy", "two that moved"],
)
def test_what_is_in_its_own_place_is_no_swap(df):
    assert found(swap_signs, df) == []
