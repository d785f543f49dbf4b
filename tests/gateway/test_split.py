import math
from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from sixgates.gates.buckets import bucket
from sixgates.gates.log_sample import _SALT
from sixgates.gateway.split import beside_of, is_beside

units = st.text(max_size=40)
shares = st.floats(0, 0.5)
BUCKETS = [0.1395744288764833, 0.845649435725851, 0.7493374194130028, 0.2682820711916526]


@given(units, units)
def test_a_bucket_lies_in_the_unit_interval_and_stays(salt, unit):
    assert 0 <= bucket(salt, unit) < 1
    assert bucket(salt, unit) == bucket(salt, unit)


@given(units, units, shares, shares)
def test_a_wider_share_keeps_its_units(salt, unit, one, other):
    narrow, wide = sorted((one, other))
    assert not is_beside(salt, unit, narrow) or is_beside(salt, unit, wide)


@given(units, st.lists(units), st.floats(0, 1) | st.just(math.nan))
def test_many_units_are_split_as_each_alone(salt, many, share):
    assert beside_of(salt, many, share) == [
        i for i, unit in enumerate(many) if is_beside(salt, unit, share)
    ]


@given(units, units)
def test_share_zero_or_nan_sends_none(salt, unit):
    assert not is_beside(salt, unit, 0.0)
    assert not is_beside(salt, unit, math.nan)


@pytest.mark.parametrize("name", ["{}", "user-{:08d}", "{}@example.org", "{:032x}"])
@pytest.mark.parametrize(
    "salts",
    [
        ("r1", "r2"),
        ("r1", "r1\0shadow"),
        ("r1", _SALT),
        ("r1\0shadow", _SALT),
        ("a" * 30 + "1", "a" * 30 + "2"),
    ],
)
def test_units_spread_evenly_and_anew_with_each_salt(name, salts):
    n, cells = 20_000, 10
    counts = Counter(
        tuple(int(bucket(salt, name.format(i)) * cells) for salt in salts) for i in range(n)
    )
    found = [counts[cell] for cell in product(range(cells), repeat=2)]
    assert chisquare(found).pvalue > 1e-4


def test_who_is_in_which_arm_is_the_same_on_every_machine_and_in_every_version():
    assert [bucket("r1", unit) for unit in ("ada", "", "\u00e9", "\ud800")] == BUCKETS


def test_salt_and_unit_do_not_run_into_each_other():
    assert bucket("a", "bc") != bucket("ab", "c")
