"""Do rows come in the order of time, in a file that keeps it otherwise?"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl

from sixgates.gates.verdict import Check, Outcome, number, numbers

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
    border = new_after if new_after is not None else known.sort()[newest_place(len(known))]
    return order_of(count_late(known, border, None))


class Late(NamedTuple):
    """Late rows and all rows, of the older ones and of the new ones."""

    late_before: int
    before: int
    late_new: int
    new: int


def newest_place(rows: int) -> int:
    """Return the place, in the order of time, of the last row that does not count as new."""
    return rows - int(_NEWEST * rows) - 1


def count_late(known: pl.Series, border: object, above: object) -> Late:
    """Count the late rows among some that lie one behind the other.

    Args:
        known: event times without nulls.
        border: the time after which rows are new.
        above: largest event time of the rows before these; None where there are none.
    """
    largest = known.cum_max()
    late, new = known < largest, known > border
    if above is not None:
        late |= known < above
    return Late(int(late.filter(~new).sum()), int((~new).sum()),
                int(late.filter(new).sum()), int(new.sum()))  # fmt: skip


def order_of(found: Late) -> Order:
    """Return the shares of late rows."""
    return Order(
        found.late_before / found.before if found.before else 0.0,
        found.late_new / found.new if found.new else 0.0,
        found.new,
    )


def judge_order(order: Order | None) -> list[Check]:
    """Refuse new rows of which over a tenth is late, where under 1 % of the older ones is.

    A block that was appended late or once more looks like this, and so does a clock that was set
    back. A file that never was in order says nothing.
    """
    if order is None or order.n == 0 or order.before > _ORDERLY:
        return []
    failed = order.new > MAX_BACKWARDS
    share, limit = numbers(order.new, MAX_BACKWARDS)
    sentence = (
        f"{NAME}: a share of {share} of the new rows {'>' if failed else '<='} limit"
        f" {limit}, {number(order.before)} of the older ones (n = {order.n:,})"
    )
    outcome = Outcome.FAIL if failed else Outcome.PASS
    return [Check(NAME, outcome, order.new, MAX_BACKWARDS, order.n, sentence)]
