"""Leases: what one holder has for a while, and loses by itself when it dies.

Whoever takes, renews or reads one goes by the clock of the database, which is one for all of them;
for SQLite that is the machine's. Were that clock set back, a lease with more time left than it was
ever given counts as run out: nobody waits an hour for a holder that died. That two may then both
believe to hold it is no danger, because `UNIQUE(model, epoch)` lets one of them win.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from sixgates.ledger import tables

_SLACK_SECONDS = 5.0
"""So far a clock may be corrected backwards without ending every lease."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has what, and for how long yet."""

    owner: str
    until: datetime
    """By the clock of the database, naive UTC; another after each renewal."""
    seconds: float
    """How long the newest renewal was for."""
    left: float
    """Seconds until it runs out, from the moment of reading; 0 or less where it has."""


def canary_lease(model: str) -> str:
    """Name the lease that every tick renews, and without which a canary answers nobody."""
    return f"canary:{model}"


def run_lease(model: str) -> str:
    """Name the lease that a run renews at each of its gates, so that at most one is under way."""
    return f"run:{model}"


def take(connection: sa.Connection, name: str, owner: str, seconds: float) -> bool:
    """Take a lease that is free, has run out or is one's own; see `Ledger.take`."""
    now = _now(connection)
    # One statement, so that of many who ask at the same moment one gets it.
    statement = sa.text(
        "INSERT INTO leases (name, owner, until, seconds)"  # noqa: S608 - only the clock is put in
        f" VALUES (:name, :owner, {now} + :seconds, :seconds)"
        " ON CONFLICT (name) DO UPDATE SET"
        " owner = excluded.owner, until = excluded.until, seconds = excluded.seconds"
        f" WHERE leases.owner = excluded.owner OR leases.until <= {now}"
        f" OR leases.until > {now} + leases.seconds + {_SLACK_SECONDS}"
        " RETURNING owner"
    )
    given = {"name": name, "owner": owner, "seconds": float(seconds)}
    return connection.execute(statement, given).first() is not None


def renew(connection: sa.Connection, name: str, owner: str, seconds: float) -> bool:
    """Give a holder more time, unless another has taken its lease."""
    until = sa.literal_column(_now(connection), sa.Double) + float(seconds)
    statement = _held(tables.leases.update(), name, owner).values(until=until, seconds=seconds)
    return connection.execute(statement).rowcount == 1


def give_back(connection: sa.Connection, name: str, owner: str) -> bool:
    """End a lease, unless another has taken it."""
    return connection.execute(_held(tables.leases.delete(), name, owner)).rowcount == 1


def read(connection: sa.Connection, name: str) -> Lease | None:
    """Return a lease, also one that has run out; None where nobody has it."""
    t = tables.leases
    left = t.c.until - sa.literal_column(_now(connection))
    query = sa.select(t.c.owner, t.c.until, t.c.seconds, left).where(t.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        return None
    owner, until, seconds, left_over = row
    return Lease(owner, datetime.fromtimestamp(until, UTC).replace(tzinfo=None), seconds, left_over)


def _held(statement: Any, name: str, owner: str) -> Any:  # noqa: ANN401 - update or delete
    return statement.where(tables.leases.c.name == name, tables.leases.c.owner == owner)


def _now(connection: sa.Connection) -> str:
    """Seconds since 1970 by the clock of the database, as an expression."""
    if connection.dialect.name == "postgresql":
        # Not now(), which stands still while a statement waits for another's.
        return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
    return "((julianday('now') - 2440587.5) * 86400.0)"
