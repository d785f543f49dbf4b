"""Did as many rows come as usual? The newest periods against the same place of earlier weeks."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from sixgates.gates.data.periods import FEWEST, Periods, not_judged
from sixgates.gates.project import Project
from sixgates.gates.verdict import Check, Outcome, number, numbers

NAME = "rows by period"
_WEEK = timedelta(weeks=1)
_WEEKS = 4
"""Weeks of history from which on each place of the week has its own usual number."""
_SPREADS = 5.0
"""How many usual spreads a number may lie off, where that is more than the limit."""
_FEW = 10
"""Rows more or fewer that say nothing, whatever the ratio."""


class _Off(NamedTuple):
    """How far one period lies off its usual number of rows."""

    log: float
    """log(rows / usual), both at least 1."""
    rows: int
    usual: float
    start: datetime


def judge_volume(periods: Periods | None, project: Project) -> list[Check]:
    """Refuse a period with far more or far fewer rows than is usual.

    Usual is the median of the same place of the week where there are four weeks of history, of all
    periods before where there are not. A ratio r of more than `max_volume_ratio` is too much; where
    the feed leaps anyway, one beyond 5 robust standard deviations of log r in the history (1.4826
    times its median absolute deviation). Ten rows more or fewer are never too much.
    """
    limit, length = project.policies.validation.max_volume_ratio, project.period
    if limit is None:
        return []
    if periods is None or not periods.recent:
        return [not_judged(NAME, "no whole new period yet", 0)]
    n = len(periods.before)
    if n < FEWEST:
        return [not_judged(NAME, f"{n} periods before, {FEWEST} needed", n)]
    usual = _usual(periods, length)
    past = [_off(periods, usual, i, length).log for i in periods.before]
    spread = 1.4826 * float(np.median(np.abs(np.array(past) - np.median(past))))
    allowed = max(math.log(limit), _SPREADS * spread)
    worst = max((_off(periods, usual, i, length) for i in periods.recent), key=lambda o: abs(o.log))
    return [_check(worst, math.exp(allowed), n)]


def _check(worst: _Off, limit: float, n: int) -> Check:
    seen = math.exp(abs(worst.log))
    said, at = numbers(seen, limit)
    came = f"{worst.rows:,} rows" if worst.rows else "no rows"
    words = f"the period from {worst.start:%Y-%m-%d %H:%M} has {came}, {number(worst.usual)} usual"
    if seen <= limit:
        sentence = f"{NAME}: at most {said} times off, limit {at}; {words}"
        return Check(NAME, Outcome.PASS, seen, limit, n, f"{sentence} (n = {n:,} periods before)")
    kind = "a burst" if worst.log > 0 else "a collapse"
    sentence = f"{kind} of rows: {words}: {said} > limit {at} times off"
    return Check(NAME, Outcome.FAIL, seen, limit, n, f"{sentence} (n = {n:,} periods before)")


def _usual(periods: Periods, length: timedelta) -> Sequence[float]:
    """Return the usual number of rows of each period, by the history alone."""
    rows, before = np.array(periods.rows), np.array(periods.before)
    places = _WEEK // length if length < _WEEK and not _WEEK % length else 1
    if len(before) < _WEEKS * places:
        places = 1
    place = (periods.first + np.arange(len(rows))) % places
    own = [rows[before[place[before] == p]] for p in range(places)]
    medians = [np.median(counts if len(counts) else rows[before]) for counts in own]
    return [float(medians[p]) for p in place]


def _off(periods: Periods, usual: Sequence[float], i: int, length: timedelta) -> _Off:
    rows = periods.rows[i]
    log = math.log(max(rows, 1) / max(usual[i], 1))
    counts = abs(rows - usual[i]) > _FEW
    return _Off(log if counts else 0.0, rows, usual[i], periods.start(i, length))
