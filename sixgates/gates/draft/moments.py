"""Which column says when a row happened, and how long its label takes."""

from datetime import datetime, timedelta
from math import ceil, sqrt

import polars as pl

from sixgates.gates.draft.guess import UNKNOWN_TIME, Guess
from sixgates.gates.draft.table import times, words
from sixgates.gates.timesplit import naive_utc

_EVENT = ("event", "ts", "timestamp", "at", "time", "datetime", "date", "created", "occurred")
"""Words of an event time, the most telling first."""
_LATER = {
    "label", "outcome", "known", "updated", "modified", "closed", "resolved", "due", "end", "ended",
    "returned", "paid", "settled", "birth", "loaded", "ingested",
}  # fmt: skip
_BLOCKS = 200
"""Stretches of rows in which nulls of the label are counted."""
_NEWEST_MISSING = 0.3
"""By so much must the share of missing labels be larger among the newest rows."""
_HALF = 2


def guess_event_time(rows: pl.DataFrame) -> Guess:
    """Return the datetime column that most likely says when a row happened."""
    found = times(rows)
    if not found:
        return Guess(
            UNKNOWN_TIME,
            "No column holds a time that can be read for sure: write one into the data, for"
            " everything goes by time",
        )

    def doubts(name: str) -> tuple[bool, bool, int]:
        said = words(name)
        rank = min((_EVENT.index(word) for word in said if word in _EVENT), default=len(_EVENT))
        return bool(_LATER & set(said)), rows[name].null_count() > 0, rank

    best = min(found, key=doubts)
    if len(found) == 1:
        return Guess(best, "The only column that holds a time")
    others = ", ".join(name for name in found if name != best)
    return Guess(
        best, f"Of several columns that hold a time, for its name. The others are {others}"
    )


def guess_label_time(rows: pl.DataFrame, event_time: str, label: str) -> Guess | None:
    """Return the datetime column that says when a label became known, if there is one.

    It is empty where the label is, never before the event, and more than once after it.
    """
    missing = rows[label].is_null()
    happened = naive_utc(rows, event_time)
    for name in times(rows):
        told = naive_utc(rows, name)
        if name == event_time or not (told.is_null() == missing).all():
            continue
        delay = (told - happened).drop_nulls()
        named = {*words(label), *_LATER} & set(words(name))
        if (missing.any() or named) and (delay >= timedelta(0)).all() and delay.n_unique() > 1:
            return Guess(name, "Filled exactly where the label is, and never before the event")
    return None


def label_delay(at: pl.Series, known: pl.Series) -> timedelta | None:
    """Return the age from which on labels are known; None where the newest are not missing.

    Rows are counted in 200 stretches of time. The age is that of the newest stretch in which no
    more labels are missing than usual in the older half. It is at least this: the table may have
    been written long after its newest row.

    Args:
        at: Event times in order, naive UTC.
        known: Whether a row has its label.
    """
    missing, n = (~known).to_numpy(), len(known)
    usual = float(missing[: n // _HALF].mean()) if n >= _HALF else 0.0
    newest = missing[-max(5, n // 100) :]
    if newest.mean() - usual < _NEWEST_MISSING:
        return None
    size = max(1, n // _BLOCKS)
    most = usual + 3 * sqrt(usual * (1 - usual) / size)
    begin = n
    while begin > 0 and missing[max(0, begin - size) : begin].mean() > most:
        begin = max(0, begin - size)
    if begin == n:
        return None
    first = begin + int(missing[begin:].argmax())
    last_known = at[max(0, first - 1)]
    return rounded_up(at[-1] - last_known) if isinstance(last_known, datetime) else None


def rounded_up(delay: timedelta) -> timedelta:
    """Return a whole number of minutes, hours or days, no shorter.

    >>> rounded_up(timedelta(hours=1, minutes=2)), rounded_up(timedelta(days=6, hours=23))
    (datetime.timedelta(seconds=7200), datetime.timedelta(days=7))
    """
    units = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
    most = (timedelta(hours=1), timedelta(days=2), timedelta.max)
    unit = next(unit for unit, limit in zip(units, most, strict=True) if delay <= limit)
    return max(1, ceil(delay / unit)) * unit
