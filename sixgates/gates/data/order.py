"""Do rows come in the order of time, in a file that keeps it otherwise?"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sixgates.gates.verdict import Check, Outcome, number

NAME = "event times that go backwards"
_ORDERLY = 0.01
"""Largest share of late rows among the older ones of a file that is in order."""
MAX_BACKWARDS = 0.1
"""Largest share among the new ones."""
_NEWEST = 0.2
"""Share of the rows that counts as new where no champion has learned from the others."""


@dataclass(frozen=True, slots=True)
class Order:
    """How many rows are late: older than one above them, in the order in which they lie."""

    before: float
    """Share of such rows up to what the champion learned from."""
    new: float
    """The same from there on."""
    n: int
    """New rows; 0 where all are old, or nothing is."""


def measure_order(times: pl.Series, new_after: datetime | None) -> Order:
    """Count the late rows.

    Args:
        times: event times, naive UTC, in the order in which the rows lie; missing ones are passed
            over.
        new_after: newest event time that the champion learned from. Without one the newest fifth
            counts as new.
    """
    known = times.drop_nulls()
    if known.is_empty():
        return Order(0.0, 0.0, 0)
    border = new_after if new_after is not None else known.sort()[-int(_NEWEST * len(known)) - 1]
    late, new = known < known.cum_max(), known > border
    return Order(_share(late.filter(~new)), _share(late.filter(new)), int(new.sum()))


def judge_order(order: Order | None) -> list[Check]:
    """Refuse new rows of which over a tenth is late, where under 1 % of the older ones is.

    A block that was appended late or once more looks like this, and so does a clock that was set
    back. A file that never was in order says nothing.
    """
    if order is None or order.n == 0 or order.before > _ORDERLY:
        return []
    failed = order.new > MAX_BACKWARDS
    sentence = (
        f"{NAME}: a share of {number(order.new)} of the new rows {'>' if failed else '<='} limit"
        f" {number(MAX_BACKWARDS)}, {number(order.before)} of the older ones (n = {order.n:,})"
    )
    outcome = Outcome.FAIL if failed else Outcome.PASS
    return [Check(NAME, outcome, order.new, MAX_BACKWARDS, order.n, sentence)]


def _share(marks: pl.Series) -> float:
    return float(marks.sum()) / len(marks) if len(marks) else 0.0
