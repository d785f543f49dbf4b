"""Freeze windows: stretches of time, in UTC, in which nothing new is let in.

Written `Fri 16:00 - Mon 08:00` for every week, or `2026-12-24 12:00 - 2027-01-02` for once. A day
without a time means the whole of it, so a window that ends on `Sun` or on `2027-01-02` ends when
that day does.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from sixgates.gates.later import later

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)
_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - naive UTC; any Monday at midnight
_MOMENT = re.compile(r"(?P<day>[A-Za-z]{3}|\d{4}-\d\d-\d\d)(?: (?P<time>\d\d:\d\d))?")
_FORM = "write it like 'Fri 16:00 - Mon 08:00' or '2026-12-24 12:00 - 2027-01-02', in UTC"


class _Span(NamedTuple):
    """One stretch; its end is not part of it."""

    start: datetime
    end: datetime
    weekly: bool


def frozen_until(windows: Sequence[str], now: datetime) -> datetime | None:
    """Return the first moment, from now on, that lies in no window; None where now is in none.

    Args:
        windows: As in `GovernorPolicy.freeze`, which sees to it that such a moment comes.
        now: Event time, naive UTC.

    >>> frozen_until(("Fri 16:00 - Mon 08:00",), datetime(2026, 1, 10))
    datetime.datetime(2026, 1, 12, 8, 0)
    """
    spans = [_parsed(window) for window in windows]
    free = now
    while end := max(filter(None, (_end_around(span, free) for span in spans)), default=None):
        free = end
    return free if free > now else None


def leave_time(windows: tuple[str, ...]) -> tuple[str, ...]:
    """Return the windows, or raise ValueError where they cover every week: nothing could run."""
    weekly = [span for span in map(_parsed, windows) if span.weekly]
    # Coverage ends only where some window ends, so looking there is enough.
    if weekly and all(any(_end_around(span, end) for span in weekly) for _, end, _ in weekly):
        raise ValueError("the freeze windows cover every week whole: leave some time for runs")
    return windows


def _end_around(span: _Span, moment: datetime) -> datetime | None:
    """Return when the window around a moment ends, or None where the moment is in none."""
    start, end, weekly = span
    if weekly:
        past = (moment - start) // _WEEK * _WEEK
        start, end = later(start, past), later(end, past)
    return end if start <= moment < end else None


def _parsed(window: str) -> _Span:
    sides = [_MOMENT.fullmatch(side.strip()) for side in window.split(" - ")]
    match sides:
        case [re.Match() as first, re.Match() as last]:
            start, end = _moment(first, window, last=False), _moment(last, window, last=True)
        case _:
            raise ValueError(f"freeze window {window!r} cannot be read: {_FORM}")
    weekly = first["day"].isalpha()
    if weekly is not last["day"].isalpha():
        raise ValueError(f"freeze window {window!r} mixes a weekday with a date: {_FORM}")
    if weekly and end <= start:
        end += _WEEK
    if not start < end or (weekly and end - start >= _WEEK):
        raise ValueError(f"freeze window {window!r} must end after it begins, within a week")
    return _Span(start, end, weekly)


def _moment(side: re.Match[str], window: str, *, last: bool) -> datetime:
    name, time = side["day"], side["time"]
    try:
        if name.isalpha():
            day = _MONDAY + timedelta(days=_DAYS.index(name.lower()))
        else:
            day = datetime.fromisoformat(name)
        clock = datetime.strptime(time or "00:00", "%H:%M")  # noqa: DTZ007 - naive UTC
    except ValueError as exc:
        raise ValueError(f"freeze window {window!r} names no such moment: {_FORM}") from exc
    whole_day = timedelta(days=last and time is None)
    return later(day + timedelta(hours=clock.hour, minutes=clock.minute), whole_day)


def _readable(window: str) -> str:
    _parsed(window)
    return window


Window = Annotated[str, AfterValidator(_readable)]
"""A freeze window as a person writes it, refused where it cannot be read."""
