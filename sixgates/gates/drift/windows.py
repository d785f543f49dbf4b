"""Time in windows, one behind the other: what the training data held, and what has come since."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from sixgates.gates.timesplit import naive_utc

_CUT = 0.5
"""The oldest training window is left out with fewer rows than this share of the usual ones."""
_OUTAGE = 0.1
"""So is any other one with fewer than this share: a Sunday is none."""
_SEASONS = 2
"""Seasons that the training windows must hold at least: a training window is compared with the
others at its place."""


def training_windows(
    rows: pl.DataFrame, length: timedelta, event_time: str
) -> Iterator[tuple[datetime, datetime, pl.DataFrame]]:
    """Yield start, end and rows of each training window, oldest first; the last ends with the rows.

    The oldest is left out with less than half the usual rows, for it may be cut, and any other
    with less than a tenth.
    """
    at = naive_utc(rows, event_time)
    newest = at.max()
    if not isinstance(newest, datetime):
        return
    if at.null_count() or not at.is_sorted():
        rows = rows.drop_nulls(event_time).sort(event_time)
        at = naive_utc(rows, event_time)
    # In the order of time a window is a stretch of rows, of which nothing is copied.
    begin, parts = 0, dict[int, pl.DataFrame]()
    for height, place in windows_behind(at, newest, length).rle().struct.unnest().iter_rows():
        parts[place] = rows.slice(begin, height)
        begin += height
    for place in kept_windows({place: part.height for place, part in parts.items()}):
        end = newest - place * length
        yield end - length, end, parts[place]


def windows_behind(at: pl.Series, newest: datetime, length: timedelta) -> pl.Series:
    """Return how many windows before the last one each event time lies, naive UTC."""
    return (newest - at).dt.total_microseconds() // (length // timedelta(microseconds=1))


def kept_windows(rows: Mapping[int, int]) -> list[int]:
    """Return which windows are kept, the oldest first, by how many windows before the last.

    Args:
        rows: Of each window that has any, one at least.

    >>> kept_windows({0: 100, 1: 5, 2: 90, 3: 20})
    [2, 0]
    """
    usual = sorted(rows.values())[len(rows) // 2]
    oldest = max(rows)
    return [
        place
        for place, held in sorted(rows.items(), reverse=True)
        if held >= (_CUT if place == oldest else _OUTAGE) * usual
    ]


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


def places(ends: Sequence[datetime], past: int, window: timedelta, season: timedelta) -> list[int]:
    """Return the place of each window in its season; all 0 where there is no season to tell.

    A season must hold whole windows, and the training windows two seasons.

    Args:
        ends: Of the windows, the training's first.
        past: How many are the training's.
        window: Length of each.
        season: Length of the season.
    """
    of_season, rest = divmod(season, window)
    if rest or of_season <= 1 or past < _SEASONS * of_season:
        return [0] * len(ends)
    return [round((end - ends[0]) / window) % of_season for end in ends]
