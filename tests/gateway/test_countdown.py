"""The canary's time, counted down on the gateway's own clock."""

from datetime import datetime, timedelta

from sixgates.gateway.canary.countdown import Countdown, hear
from sixgates.ledger.leases import Lease

UNTIL = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - naive UTC


def lease(left, *, until=UNTIL, seconds=300.0):
    return Lease("ticks", until, seconds, left)


def test_without_a_lease_no_canary_answers():
    assert hear(None, None, 100.0).deadline == 100.0


def test_what_is_left_is_counted_from_before_the_ledger_was_asked():
    assert hear(None, lease(120.0), 100.0) == Countdown(("ticks", UNTIL), 220.0)


def test_the_same_renewal_never_gives_more_time():
    first = hear(None, lease(120.0), 100.0)
    assert hear(first, lease(119.0), 101.0).deadline == 220.0
    # The clock behind the ledger was set back by an hour: 3,700 s seem left.
    assert hear(first, lease(3_700.0), 120.0).deadline == 220.0
    # It was set forward by an hour.
    assert hear(first, lease(-3_500.0), 120.0).deadline == 120.0


def test_a_renewal_gives_its_own_time_and_never_more_than_it_was_for():
    first = hear(None, lease(10.0), 100.0)
    later = UNTIL + timedelta(seconds=290)
    assert hear(first, lease(300.0, until=later), 101.0).deadline == 401.0
    assert hear(first, lease(3_900.0, until=later), 101.0).deadline == 401.0
    # The clock was set back before the tick renewed: its end is earlier, its time is whole.
    assert hear(first, lease(300.0, until=UNTIL - timedelta(hours=1)), 101.0).deadline == 401.0


def test_a_lease_that_was_given_back_ends_the_canarys_time():
    first = hear(None, lease(120.0), 100.0)
    assert hear(first, None, 110.0).deadline == 110.0
    assert hear(Countdown(None, 90.0), None, 110.0).deadline == 90.0
