import math
from datetime import date

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.errors import ContractError
from sixgates.gates.profile.count import Numbers, profile_frame
from sixgates.gates.profile.counts import Profile, merge, without
from sixgates.gates.profile.distance import psi
from sixgates.gates.profile.grid import grid_of

NUMBERS = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=40
)


def _frame(rng, rows, *, shift=0.0, levels=("a", "b", "c")):
    return pl.DataFrame(
        {
            "x": rng.normal(shift, 1, rows),
            "c": rng.choice(levels, rows),
            "n": rng.integers(0, 3, rows),
        }
    )


def _training(rows=5_000):
    df = _frame(np.random.default_rng(1), rows)
    return df, profile_frame(df, ["x", "n"], ["c"])


@given(NUMBERS, NUMBERS)
def test_every_row_is_in_exactly_one_cell_and_windows_add_up(first, second):
    a = pl.DataFrame({"x": first}, schema={"x": pl.Float64})
    b = pl.DataFrame({"x": second}, schema={"x": pl.Float64})
    grid = profile_frame(a, ["x"], [])
    other = profile_frame(b, ["x"], [], like=grid)
    both = merge(grid, other)
    assert both == profile_frame(pl.concat([a, b]), ["x"], [], like=grid)
    assert both.features[0].cells.sum() == both.rows == len(first) + len(second)
    assert without(both, other) == grid
    if any(v is not None and np.isfinite(v) for v in first):
        assert grid.features[0].counts[0] == sum(v is not None and v <= -1e300 for v in first)


def _naively(column, grid):
    """Count one value after the other."""
    counts, nulls, nans = [0] * (grid.cells + 2), 0, 0
    for value in column.to_list():
        if value is None:
            nulls += 1
        elif math.isnan(value):
            nans += 1
        else:
            counts[np.searchsorted(grid.edges(), float(value), side="right")] += 1
    return tuple(counts), nulls, nans


HOLES = pl.int_range(pl.len()) % 7 == 3


@pytest.mark.parametrize(
    "dtype", [pl.Float32, pl.Float64, pl.Int8, pl.UInt64, pl.Boolean, pl.Decimal(12, 3), pl.Null]
)
@pytest.mark.parametrize("holes", [False, True])
def test_counts_are_those_of_one_value_after_the_other(dtype, holes):
    rng = np.random.default_rng(4)
    drawn = {pl.Boolean: rng.random(3_000) < 0.3, pl.Null: [None] * 3_000}.get(
        dtype, np.abs(rng.normal(2, 15, 3_000))
    )
    training = pl.DataFrame({"x": pl.Series(drawn).cast(dtype)})
    later = training.with_columns(pl.col("x").shuffle(1).alias("x"))
    if dtype in (pl.Float32, pl.Float64):
        strange = [math.nan, math.inf, -math.inf, -3.0, 1e30, 0.0, -0.0]
        later = pl.concat([later, pl.DataFrame({"x": strange * 50}, schema=training.schema)])
    if holes:
        later = later.with_columns(pl.when(~HOLES).then(pl.col("x")))
    profile = profile_frame(training, ["x"], [])
    found = profile_frame(later, ["x"], [], like=profile).features[0]
    assert (found.counts, found.nulls, found.nans) == _naively(later["x"], found.grid)


def test_what_stands_where_a_value_is_null_does_not_count():
    grid = grid_of(np.arange(100.0))
    numbers = Numbers("x", grid)
    values = np.array([5.0, math.nan, math.inf, -7.0, 6.0, math.nan])
    numbers.add_values(values, np.array([True, False, False, False, True, True]))
    found = numbers.profile()
    assert (sum(found.counts), found.nulls, found.nans) == (2, 3, 1)
    assert (found.counts[0], found.counts[6], found.counts[7]) == (0, 1, 1)


def test_training_data_fills_its_own_bins_evenly_with_nothing_beyond_the_ends():
    _, profile = _training()
    counts = profile.features[0].counts
    assert counts[0] == counts[-1] == 0
    assert len(counts) >= 20
    assert max(counts[1:-1]) < 2 * 5_000 / 20


def test_a_feature_with_few_values_has_a_bin_for_each():
    _, profile = _training()
    assert [c > 0 for c in profile.features[1].counts] == [False, True, True, True, False]


def test_what_training_never_saw_is_counted_apart():
    grid = profile_frame(pl.DataFrame({"x": [1.0, 2.0, 3.0], "c": ["a", "a", "b"]}), ["x"], ["c"])
    seen = profile_frame(
        pl.DataFrame({"x": [None, float("nan"), -5.0, 3.0, 9.0], "c": ["b", "z", None, "y", "a"]}),
        ["x"], ["c"], like=grid,
    )  # fmt: skip
    x, c = seen.features
    assert (x.counts[0], x.counts[-1], x.nulls, x.nans) == (1, 1, 1, 1)
    assert (c.levels, c.counts, c.nulls) == (("a", "b"), (1, 1, 2), 1)


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        ([3, 3, 4], ("3", "4")),
        ([3.0, 3.0, float("nan")], ("3",)),
        ([True, True, False], ("True", "False")),
        ([date(2026, 1, 1)] * 3, ("2026-01-01",)),
        ([None, None, None], ()),
    ],
)
def test_levels_are_written_as_the_gateway_writes_them(column, levels):
    profile = profile_frame(pl.DataFrame({"c": column}), [], ["c"])
    assert profile.features[0].levels == levels


def test_a_profile_survives_json():
    _, profile = _training()
    assert msgspec.json.decode(msgspec.json.encode(profile), type=Profile) == profile


def test_a_lazy_frame_gives_the_same_profile():
    df, profile = _training()
    assert profile_frame(df.lazy(), ["x", "n"], ["c"]) == profile


def test_an_empty_frame_and_a_feature_of_nulls_have_profiles_but_no_index():
    _, profile = _training()
    nothing = profile_frame(_frame(np.random.default_rng(0), 0), ["x", "n"], ["c"], like=profile)
    assert nothing.rows == 0
    assert all(np.isnan(v) for v in psi(profile, nothing).values())
    nulls = profile_frame(pl.DataFrame({"x": [None, None]}), ["x"], [])
    assert nulls.features[0].nulls == 2


def test_the_index_of_quiet_data_is_about_zero_in_windows_of_any_size():
    _, profile = _training(20_000)
    rng = np.random.default_rng(6)
    for rows in (200, 1_000, 5_000):
        found = [
            psi(profile, profile_frame(_frame(rng, rows), ["x", "n"], ["c"], like=profile))["x"]
            for _ in range(30)
        ]
        assert np.mean(found) < 8 / rows


def test_the_index_finds_a_shift_nulls_and_new_levels():
    _, profile = _training()
    rng = np.random.default_rng(7)
    shifted = _frame(rng, 1_000, shift=0.5, levels=("a", "b", "z")).with_columns(
        n=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col("n"))
    )
    found = psi(profile, profile_frame(shifted, ["x", "n"], ["c"], like=profile))
    assert found["x"] == pytest.approx(0.25, abs=0.08)
    assert found["n"] > 0.3
    assert found["c"] > 0.5


@pytest.mark.parametrize(
    ("numeric", "categorical", "words"),
    [(["x", "gone"], [], "gone"), (["c"], [], "not numbers")],
)
def test_columns_that_do_not_fit_are_refused_by_name(numeric, categorical, words):
    df, _ = _training(10)
    with pytest.raises(ContractError, match=words):
        profile_frame(df, numeric, categorical)


def test_two_grids_do_not_mix():
    df, profile = _training(50)
    other = profile_frame(df.with_columns(pl.col("x") * 2), ["x", "n"], ["c"])
    for combine in (merge, without, psi):
        with pytest.raises(ContractError, match="grids"):
            combine(profile, other)
    with pytest.raises(ContractError, match="retrain"):
        profile_frame(df, ["x"], ["c"], like=profile)
