"""Time in windows, one behind the other: what the training data held, and what has come since."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.counts import Profile
from sixgates.gates.profile.groups import Window, window_of

_OF_USUAL = 0.5
"""A training window with fewer rows than this share of the usual ones is left out."""


def training_windows(
    rows: pl.DataFrame, profile: Profile, length: timedelta, event_time: str
) -> list[Window]:
    """Cut training data into windows that end with its newest row, oldest first.

    Windows with less than half the usual rows are left out, as the oldest, cut one often is.

    Args:
        rows: The training data.
        profile: Of all of them.
        length: Of each window.
        event_time: Column of naive UTC.
    """
    newest = rows[event_time].max()
    if newest is None:
        return []
    age = (pl.lit(newest) - pl.col(event_time)) // length
    parts = rows.drop_nulls(event_time).with_columns(__age=age).partition_by("__age", as_dict=True)
    usual = sorted(part.height for part in parts.values())[len(parts) // 2]
    found = []
    for (behind,), part in sorted(parts.items(), reverse=True):
        if part.height >= _OF_USUAL * usual:
            end = newest - behind * length
            counted = profile_frame(part, profile.numeric, profile.categorical, like=profile)
            found.append(window_of(counted, profile, end - length, end))
    return found


def whole_windows(
    since: datetime, now: datetime, length: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end of each window that is over, oldest first.

    >>> day = timedelta(days=1)
    >>> begin = datetime(2026, 1, 1)
    >>> [end.day for _, end in whole_windows(begin, begin + 2.5 * day, day)]
    [2, 3]
    """
    while (end := since + length) <= now:
        yield since, end
        since = end
