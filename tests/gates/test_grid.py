import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sixgates.gates.errors import ContractError
from sixgates.gates.profile.grid import CELLS, Grid, Scale, grid_of

SAMPLES = st.lists(st.floats(width=32), min_size=1, max_size=50).map(np.array)


@given(SAMPLES, st.lists(st.floats(), max_size=50))
def test_what_training_saw_is_within_the_grid_and_order_is_kept(sample, more):
    grid = grid_of(sample)
    finite = sample[np.isfinite(sample)]
    for kind in (np.float64, np.float32):
        places = grid.places(finite.astype(kind))
        assert ((places >= 1) & (places <= grid.cells)).all()
    values = np.sort(np.array([v for v in more if not math.isnan(v)], dtype=np.float64))
    found = grid.places(values)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= grid.cells + 1)).all()


@given(SAMPLES)
def test_the_ends_are_beyond_every_grid_and_nan_is_placed_below(sample):
    grid = grid_of(sample)
    places = grid.places(np.array([-np.inf, np.nan, np.inf]))
    assert places.tolist() == [0, 0, grid.cells + 1]
    assert grid.places(np.array([-np.inf, np.nan, np.inf], dtype=np.float32)).tolist() == [
        0, 0, grid.cells + 1,
    ]  # fmt: skip


@given(SAMPLES)
def test_values_lie_between_the_edges_of_their_cells(sample):
    grid = grid_of(sample)
    edges = grid.edges()
    assert len(edges) == grid.cells + 1
    finite = sample[np.isfinite(sample)].astype(np.float64)
    place = grid.places(finite)
    slack = 1e-5 * np.maximum(np.abs(finite), 1e-30) + 1e-3 * np.diff(edges)[place - 1]
    assert (finite >= edges[place - 1] - slack).all()
    assert (finite <= edges[place] + slack).all()


ZEROS = [0.0, -0.0, 1e-45, -1e-45, 1e-320, -1e-320]


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # most samples are linear
@given(SAMPLES, st.lists(st.floats(width=32) | st.sampled_from(ZEROS), max_size=50))
def test_a_place_on_bits_is_what_a_search_among_the_edges_finds(sample, more):
    grid = grid_of(sample)
    assume(grid.scale is Scale.BITS)
    values = np.array([v for v in more if not math.isnan(v)], dtype=np.float32)
    wanted = np.searchsorted(grid.edges(), values + 0.0, side="right")
    for kind in (np.float32, np.float64):
        assert grid.places(values.astype(kind)).tolist() == wanted.tolist()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("least", [0.0, -0.0, 1e-45, 1e-6])
def test_zero_of_either_sign_is_one_value_and_what_is_less_is_below(sign, least):
    sample = np.array([least, *10.0 ** np.arange(-5.0, 25.0, 0.01)]) * sign
    grid = grid_of(sample)
    assert grid.scale is Scale.BITS
    zeros = grid.places(np.array([0.0, -0.0], dtype=np.float32))
    assert zeros[0] == zeros[1]
    inside = grid.places(sample)
    assert ((inside >= 1) & (inside <= grid.cells)).all()
    assert grid.places(np.array([-1.0 * sign])) == (0 if sign > 0 else grid.cells + 1)


@given(SAMPLES)
def test_nan_of_either_sign_and_any_content_is_placed_below(sample):
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFFFFFFF], dtype=np.uint32)
    assert not grid_of(sample).places(bits.view(np.float32)).any()
    assert not grid_of(sample).places(bits.view(np.float32).astype(np.float64)).any()


def test_whole_numbers_have_a_cell_each():
    grid = grid_of(np.array([3, 7, 5, 3]))
    assert (grid.scale, grid.cells) == (Scale.LINEAR, 5)
    assert grid.places(np.array([2, 3, 4, 7, 8])).tolist() == [0, 1, 2, 5, 6]


def test_values_over_orders_of_magnitude_are_divided_by_order():
    rng = np.random.default_rng(1)
    assert grid_of(rng.normal(size=10_000)).scale is Scale.LINEAR
    wide = rng.lognormal(0, 3, 100_000)
    grid = grid_of(wide)
    assert grid.scale is Scale.BITS
    assert np.bincount(grid.places(wide)).max() < 10 * len(wide) / CELLS


@pytest.mark.parametrize("copies", [1, 1_000])
def test_a_value_far_away_does_not_put_all_others_into_one_cell(copies):
    usual = np.random.default_rng(2).normal(100, 1, 10_000)
    grid = grid_of(np.append(usual, [1e12] * copies))
    assert np.bincount(grid.places(usual)).max() < 30
    assert grid.places(np.array([1e12])).tolist() == [grid.cells + 1]


@pytest.mark.parametrize("sample", [[], [np.nan], [np.inf, -np.inf]])
def test_without_numbers_there_is_a_grid_all_the_same(sample):
    assert grid_of(np.array(sample, dtype=np.float64)).cells == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0.0},
        {"width": math.nan},
        {"first": math.inf},
        {"cells": 0},
        {"cells": CELLS + 1},
        {"scale": Scale.BITS, "width": 1.0},
        {"scale": Scale.BITS, "width": 6.0},
        {"scale": Scale.BITS, "width": 4.0, "first": 2.0},
        {"scale": Scale.BITS, "width": 2.0**20, "first": 2.0**31},
        {"scale": Scale.BITS, "width": 2.0**20, "first": -(2.0**31)},
    ],
)
def test_a_grid_that_cannot_be_used_is_refused(wrong):
    given = {"scale": Scale.LINEAR, "first": 0.0, "width": 1.0, "cells": 3}
    with pytest.raises(ContractError, match="is no grid"):
        Grid(**{**given, **wrong})


def test_a_grid_survives_json():
    grid = grid_of(np.random.default_rng(3).normal(size=100))
    stored = json.loads(json.dumps({"first": grid.first, "width": grid.width}))
    assert Grid(grid.scale, stored["first"], stored["width"], grid.cells) == grid
