import math

from hypothesis import given
from hypothesis import strategies as st

from sixgates.gateway.split import bucket, is_beside

units = st.text(max_size=40)
shares = st.floats(0, 0.5)


@given(units, units)
def test_a_bucket_lies_in_the_unit_interval_and_stays(salt, unit):
    assert 0 <= bucket(salt, unit) < 1
    assert bucket(salt, unit) == bucket(salt, unit)


@given(units, units, shares, shares)
def test_a_wider_share_keeps_its_units(salt, unit, one, other):
    narrow, wide = sorted((one, other))
    assert not is_beside(salt, unit, narrow) or is_beside(salt, unit, wide)


@given(units, units)
def test_share_zero_or_nan_sends_none(salt, unit):
    assert not is_beside(salt, unit, 0.0)
    assert not is_beside(salt, unit, math.nan)


def test_units_spread_evenly_and_anew_with_each_salt():
    n, share = 20_000, 0.05
    first = {i for i in range(n) if is_beside("r1", str(i), share)}
    second = {i for i in range(n) if is_beside("r2", str(i), share)}
    deviation = math.sqrt(n * share * (1 - share))
    assert abs(len(first) - n * share) < 4 * deviation
    assert abs(len(first & second) - n * share**2) < 4 * math.sqrt(n * share**2)


def test_salt_and_unit_do_not_run_into_each_other():
    assert bucket("a", "bc") != bucket("ab", "c")
