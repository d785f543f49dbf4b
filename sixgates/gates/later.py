"""A moment so much later, where a time may be given that never ends."""

from datetime import datetime, timedelta


def later(moment: datetime, time: timedelta, times: int = 1) -> datetime:
    """Return the moment that lies so many times a time after another, or the end of all time.

    >>> later(datetime(2026, 1, 5), timedelta(days=3), 2)
    datetime.datetime(2026, 1, 11, 0, 0)
    >>> later(datetime(2026, 1, 5), timedelta.max) == datetime.max
    True
    """
    left = datetime.max - moment  # noqa: DTZ901 - naive UTC
    return moment + times * time if time <= left // times else datetime.max  # noqa: DTZ901
