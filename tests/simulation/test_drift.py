"""A shift says when it is felt, and refuses what does not exist."""

import numpy as np
import pytest

from simulation.drift import Shift, ShiftKind, total
from sixgates.gates.errors import ConfigurationError


def test_a_sudden_shift_is_felt_in_full_from_its_day_on():
    shift = Shift(ShiftKind.CONCEPT, from_day=3, size=2.0, feature="age")
    assert shift.amount(np.array([2.999, 3.0, 99.0])).tolist() == [0.0, 2.0, 2.0]


def test_a_gradual_shift_grows_to_its_size():
    shift = Shift(ShiftKind.CONCEPT, from_day=10, size=-4.0, feature="age", ramp_days=8)
    assert shift.amount(np.array([10.0, 12.0, 18.0, 30.0])).tolist() == [0.0, -1.0, -4.0, -4.0]


def test_a_shift_that_ends_leaves_nothing():
    shift = Shift(ShiftKind.PRIOR, from_day=1, size=1.0, until_day=5)
    assert shift.amount(np.array([4.999, 5.0])).tolist() == [1.0, 0.0]


def test_shifts_of_one_feature_add_up_and_others_do_not_count():
    shifts = (
        Shift(ShiftKind.COVARIATE, 0, 1.0, "income"),
        Shift(ShiftKind.COVARIATE, 2, 0.5, "income"),
        Shift(ShiftKind.CONCEPT, 0, 9.0, "income"),
        Shift(ShiftKind.COVARIATE, 0, 9.0, "age"),
    )
    felt = total(shifts, ShiftKind.COVARIATE, "income", np.array([1.0, 3.0]))
    assert felt.tolist() == [1.0, 1.5]
    assert total((), ShiftKind.COVARIATE, "income", np.array([1.0])).tolist() == [0.0]


def test_a_season_comes_and_goes():
    shift = Shift(ShiftKind.COVARIATE, 10, size=2.0, feature="age", period_days=8, until_day=17)
    felt = shift.amount(np.array([9.0, 10.0, 12.0, 14.0, 16.0, 18.0]))
    assert felt == pytest.approx([0.0, 0.0, 2.0, 0.0, -2.0, 0.0])


def test_a_shift_of_one_region_is_felt_there_alone():
    shifts = (
        Shift(ShiftKind.CONCEPT, 0, 1.0, "age"),
        Shift(ShiftKind.CONCEPT, 0, 0.5, "age", region="south"),
    )
    regions = np.array(["south", "north"])
    felt = total(shifts, ShiftKind.CONCEPT, "age", np.array([1.0, 1.0]), regions)
    assert felt.tolist() == [1.5, 1.0]


@pytest.mark.parametrize(
    "entries",
    [
        {"kind": ShiftKind.PRIOR, "feature": "age"},
        {"kind": ShiftKind.PRIOR, "region": "south"},
        {"kind": ShiftKind.CONCEPT},
        {"kind": ShiftKind.CONCEPT, "feature": "shoe_size"},
        {"kind": ShiftKind.CONCEPT, "feature": "age", "ramp_days": -1},
        {"kind": ShiftKind.CONCEPT, "feature": "age", "size": float("nan")},
    ],
)
def test_a_shift_of_nothing_that_exists_is_refused(entries):
    with pytest.raises(ConfigurationError):
        Shift(**{"from_day": 0, "size": 1.0, **entries})
