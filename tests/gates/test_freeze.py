from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sixgates.gates.freeze import frozen_until
from sixgates.gates.policy import GovernorPolicy

at = datetime.fromisoformat
WEEKEND = "Fri 16:00 - Mon 08:00"
FRIDAY = at("2026-01-09 16:00")


@pytest.mark.parametrize(
    ("windows", "now", "until"),
    [
        ((), FRIDAY, None),
        ((WEEKEND,), FRIDAY - timedelta(microseconds=1), None),
        ((WEEKEND,), FRIDAY, at("2026-01-12 08:00")),
        ((WEEKEND,), at("2026-01-11 23:59"), at("2026-01-12 08:00")),
        ((WEEKEND,), at("2026-01-12 07:59"), at("2026-01-12 08:00")),
        ((WEEKEND,), at("2026-01-12 08:00"), None),
        ((WEEKEND,), at("1999-12-31 23:00"), at("2000-01-03 08:00")),  # a Friday before any other
        (("Sat - Sun",), at("2026-01-11 23:59"), at("2026-01-12")),  # whole days
        (("sun - MON 06:00",), at("2026-01-11"), at("2026-01-12 06:00")),
        (("2026-12-24 12:00 - 2027-01-02",), at("2026-12-24 11:59"), None),
        (("2026-12-24 12:00 - 2027-01-02",), at("2026-12-25"), at("2027-01-03")),
        (("2026-12-24 12:00 - 2027-01-02",), at("2027-01-03"), None),
        (("2026-12-24 12:00 - 2027-01-02",), at("2027-12-25"), None),  # once, not every year
        (("2026-12-24 - 9999-12-31",), at("2027-01-03"), datetime.max),  # noqa: DTZ901
        # One window ends inside the next: what matters is when nothing is frozen.
        ((WEEKEND, "Mon 08:00 - Mon 12:00"), FRIDAY, at("2026-01-12 12:00")),
        ((WEEKEND, "2026-01-12 - 2026-01-16"), FRIDAY, at("2026-01-19 08:00")),
    ],
)
def test_when_a_freeze_ends(windows, now, until):
    assert frozen_until(GovernorPolicy(freeze=windows).freeze, now) == until


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("weekends", "'weekends' cannot be read: write it like 'Fri 16:00 - Mon 08:00'"),
        ("Fri 16:00-Mon 08:00", "cannot be read"),
        ("", "cannot be read"),
        ("Fri 16:00 - Mon 25:00", "names no such moment"),
        ("Fry 16:00 - Mon 08:00", "names no such moment"),
        ("2026-02-30 - 2026-03-01", "names no such moment"),
        ("Fri - 2026-01-01", "mixes a weekday with a date"),
        ("2026-01-02 12:00 - 2026-01-02 12:00", "must end after it begins"),
        ("2026-01-02 - 2026-01-01 10:00", "must end after it begins"),
        ("Mon 08:00 - Mon 08:00", "within a week"),
        ("Mon - Sun", "within a week"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused_by_name(window, words):
    with pytest.raises(ValidationError) as refused:
        GovernorPolicy(freeze=(window,))
    assert words in str(refused.value)
    assert repr(window) in str(refused.value)


def test_windows_that_leave_no_time_at_all_are_refused():
    with pytest.raises(ValidationError, match="cover every week whole"):
        GovernorPolicy(freeze=("Mon - Thu", "Thu 12:00 - Sun"))
    assert GovernorPolicy(freeze=("Mon - Thu", "Thu 12:00 - Sun 23:59")).freeze


def test_windows_survive_their_own_dump():
    policy = GovernorPolicy(freeze=(WEEKEND, "2026-12-24 - 2026-12-26"))
    assert GovernorPolicy.model_validate(policy.model_dump()) == policy
    assert GovernorPolicy.model_validate_json(policy.model_dump_json()) == policy


DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MOMENTS = st.datetimes(at("2026-01-01"), at("2027-01-01"))
TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
WEEKLY = st.tuples(st.sampled_from(DAYS), TIMES, st.sampled_from(DAYS), TIMES).map(
    lambda t: f"{t[0]} {t[1]} - {t[2]} {t[3]}"
)
ONCE = st.tuples(MOMENTS, st.integers(1, 20_000)).map(
    lambda t: f"{t[0]:%Y-%m-%d %H:%M} - {t[0] + timedelta(minutes=t[1]):%Y-%m-%d %H:%M}"
)


@given(st.lists(st.one_of(WEEKLY, ONCE), max_size=4), MOMENTS)
def test_after_a_freeze_nothing_is_frozen_and_until_then_everything_is(windows, now):
    try:
        windows = GovernorPolicy(freeze=windows).freeze
    except ValidationError:
        return  # zero length, or no time left
    until = frozen_until(windows, now)
    if until is not None:
        assert until > now
        assert frozen_until(windows, until) is None
        between = now + (until - now) / 2
        assert frozen_until(windows, between) == until
