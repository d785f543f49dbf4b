"""How many rows come in a time, and so how long a window of the watch has to be."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from sixgates.gates.policy import WatchPolicy

_WINDOWS = (timedelta(days=1), timedelta(days=7), timedelta(days=28))
_LEAST = 100
"""Fewer rows in a window tell nothing."""
_ROOM = 1.5
"""So many times what is needed must come on average, for windows differ."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows by time."""

    rows_a_day: float
    window: timedelta
    """Shortest of a day, a week and four weeks that holds enough rows; else the longest."""
    min_rows: int | None
    """For the watch, where its default asks for more than a window holds."""

    @property
    def why(self) -> str:
        """Say how many rows there are."""
        held = self.rows_a_day * (self.window / timedelta(days=1))
        few = "" if held >= _ROOM * _LEAST else ", too few to tell much"
        return f"About {held:,.0f} rows come in one{few}"


def guess_pace(at: pl.Series, total: int) -> Pace | None:
    """Return the pace of rows; None where they all come at one moment.

    Args:
        at: Event times of some rows in order, naive UTC.
        total: How many rows there are in all.
    """
    span: timedelta = at[-1] - at[0]
    if not span:
        return None
    a_day = total / (span / timedelta(days=1))
    held = {window: a_day * (window / timedelta(days=1)) for window in _WINDOWS}
    window = next((w for w, rows in held.items() if rows >= _ROOM * _LEAST), _WINDOWS[-1])
    few = held[window] < _ROOM * WatchPolicy().min_rows
    return Pace(a_day, window, _LEAST if few else None)
