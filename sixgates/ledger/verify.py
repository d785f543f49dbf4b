"""Is the record of a model what was once appended? The chain is walked from its first row."""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from sixgates.ledger.chain import GENESIS, Head, Link, canonical, head, link, walk


class Fault(StrEnum):
    """What is wrong at a place in the chain."""

    CHANGED = "changed"
    """The row, or the one before it, is not what was recorded."""
    MISSING = "missing"
    """Positions without a row, with rows behind them."""
    TWICE = "twice"
    """A position that has more than one row."""
    CUT = "cut"
    """The newest rows are gone."""
    HEAD = "head"
    """The recorded end of the chain is not its end."""
    EMPTY = "empty"
    """Nothing is recorded at all: nothing can be sound."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with the chain of a model."""

    model: str
    position: int
    """Where in the chain, from 1; the first one of several; 0 where there is no chain."""
    fault: Fault
    sentence: str


def violations(connection: sa.Connection, model: str) -> list[Violation]:
    """Return everything that is wrong with the chain of a model, in its order; empty when sound.

    Rows are read in a stream. After a fault the walk goes on from the hash that is stored, so one
    changed row is one violation.

    Args:
        connection: Of `database.snapshot`: rows and head must be of one moment.
        model: Whose chain.
    """
    recorded = head(connection, model)
    found: list[Violation] = []
    last = Head(0, GENESIS)
    with walk(connection, model) as rows:
        for row in rows:
            found += _faults(model, last, row)
            if row.position > last.position:
                last = Head(row.position, row.row["hash"])
    return found + _end_faults(model, last, recorded)


def _faults(model: str, last: Head, row: Link) -> list[Violation]:
    position, expected = row.position, last.position + 1
    what = f"{row.table} row {row.row['seq']} of {model}"
    if position < expected:
        said = f"{what} stands at position {row.row['position']}, which is taken or no place at all"
        return [Violation(model, position, Fault.TWICE, said)]
    if position > expected:
        # What came before is unknown, so this row's own hash cannot be judged.
        return [_missing(model, Fault.MISSING, expected, position - 1, "missing")]
    try:
        sound = link(last.hash, canonical(row.table, row.row)) == row.row["hash"]
    except (TypeError, ValueError):
        sound = False
    if sound:
        return []
    said = f"{what}, position {position}, or the row before it, is not what was recorded"
    return [Violation(model, position, Fault.CHANGED, said)]


def _end_faults(model: str, last: Head, recorded: Head | None) -> list[Violation]:
    if recorded is None and last.position == 0:
        said = f"nothing is recorded about {model}"
        return [Violation(model, 0, Fault.EMPTY, said)]
    if recorded is None or recorded.position < last.position:
        told = "is not recorded" if recorded is None else f"is recorded as {recorded.position}"
        said = f"the chain of {model} ends at position {last.position}, but its end {told}"
        return [Violation(model, last.position, Fault.HEAD, said)]
    if recorded.position > last.position:
        first = last.position + 1
        return [_missing(model, Fault.CUT, first, recorded.position, "cut off the end")]
    if recorded.hash != last.hash:
        said = f"the hash of the last row of {model}, position {last.position}, is not the head's"
        return [Violation(model, last.position, Fault.HEAD, said)]
    return []


def _missing(model: str, fault: Fault, first: int, last: int, how: str) -> Violation:
    which = f"position {first}" if first == last else f"positions {first} to {last}"
    are = "is" if first == last else "are"
    return Violation(model, first, fault, f"{which} of {model} {are} {how}")
