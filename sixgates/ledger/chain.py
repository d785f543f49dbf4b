"""The chain of a model: every row holds a hash over the row before it and over itself.

    hash = SHA-256( hash of the previous row + newline + canonical text of this row )

in hexadecimal; before the first row stands `GENESIS`. Entries and routes of a model form one chain
in the order in which they were appended, and `heads` keeps its end. Every hash ever recorded rests
on `canonical` and `link`: they can never change.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from heapq import merge
from typing import Any, NamedTuple

import sqlalchemy as sa

from sixgates.ledger import tables

GENESIS = "0" * 64
"""What stands in the place of a previous hash before the first row."""


class Head(NamedTuple):
    """The end of a chain."""

    position: int
    """Rows in the chain, at least 1."""
    hash: str


class Link(NamedTuple):
    """One row as the database driver gives it, untouched by what it should be."""

    table: str
    row: Mapping[str, Any]

    @property
    def position(self) -> int:
        """Place in the chain, from 1; 0 where it is not a number."""
        position = self.row["position"]
        return position if isinstance(position, int) else 0


# One statement takes the next position and holds the head until the transaction ends, so that
# appends to one model stand in line; SQLite and PostgreSQL read it alike.
_TAKE = sa.text(
    "INSERT INTO heads (model, position, hash) VALUES (:model, 1, :genesis)"
    " ON CONFLICT (model) DO UPDATE SET position = heads.position + 1 RETURNING position, hash"
)
_SETTLE = tables.heads.update().where(tables.heads.c.model == sa.bindparam("chained"))


def hold(connection: sa.Connection, model: str) -> None:
    """Make other appends to this model wait until the transaction ends: look first, then append."""
    t = tables.heads
    connection.execute(sa.select(t.c.model).where(t.c.model == model).with_for_update())


def append(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    """Append a row to the chain of its model, and return its sequence number.

    Args:
        connection: In a transaction that writes; the chain grows when it is committed.
        table: One of `tables.CHAINED`.
        row: Every column but `seq`, `position` and `hash`, as `stored.as_stored` gives them.
    """
    model = row["model"]
    taken = {"model": model, "genesis": GENESIS}
    position, previous = connection.execute(_TAKE, taken).one()
    seq = int(connection.execute(_next_seq(connection, table)).scalar_one())
    whole = {**row, "seq": seq, "position": position}
    digest = link(previous, canonical(table.name, whole))
    connection.execute(table.insert(), {**whole, "hash": digest})
    connection.execute(_SETTLE, {"chained": model, "hash": digest})
    return seq


def head(connection: sa.Connection, model: str) -> Head | None:
    """Return where the chain of a model ends by its own record, or None without one."""
    t = tables.heads
    row = connection.execute(sa.select(t.c.position, t.c.hash).where(t.c.model == model)).first()
    return None if row is None else Head(*row)


@contextmanager
def walk(connection: sa.Connection, model: str) -> Iterator[Iterator[Link]]:
    """Lend the rows of a model in the order of their positions, read in a stream."""
    with ExitStack() as cursors:
        streams = [
            _links(table.name, cursors.enter_context(connection.execute(_rows(table, model))))
            for table in tables.CHAINED
        ]
        yield merge(*streams, key=lambda found: found.position)


def canonical(table: str, row: Mapping[str, Any]) -> str:
    """Write a row as the text that is hashed: JSON in ASCII, keys sorted, no spaces.

    It holds the name of the table and every column but the hash. Times are ISO 8601 with
    microseconds, and figures as Python's `json` writes them (`NaN` and `Infinity` too).

    Raises:
        ValueError, TypeError: a field is not what its column is for.
    """
    fields = {name: value for name, value in row.items() if name != "hash"}
    for name in ("at", "recorded"):
        moment = fields[name]
        if not isinstance(moment, datetime):  # SQLite keeps times as text
            moment = datetime.fromisoformat(moment)
        fields[name] = moment.isoformat(timespec="microseconds")
    if "body" in fields:
        fields["body"] = json.loads(fields["body"])
    return json.dumps({**fields, "table": table}, sort_keys=True, separators=(",", ":"))


def link(previous: str, text: str) -> str:
    """Return the hash of a row, in hexadecimal.

    >>> link(GENESIS, '{"seq":1}')[:16]
    'a453da8151216b5a'
    """
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _next_seq(connection: sa.Connection, table: sa.Table) -> sa.Select[tuple[int]]:
    # The number is part of what is hashed, so it must be known before the row is written.
    if connection.dialect.name == "postgresql":
        return sa.select(sa.func.nextval(sa.func.pg_get_serial_sequence(table.name, "seq")))
    return sa.select(sa.func.coalesce(sa.func.max(table.c.seq), 0) + 1)


def _rows(table: sa.Table, model: str) -> sa.Select[Any]:
    # Without types, nothing that was tampered with can break the reading itself.
    columns = [sa.type_coerce(c, sa.types.NullType()).label(c.name) for c in table.c]
    return sa.select(*columns).where(table.c.model == model).order_by(table.c.position)


def _links(table: str, rows: Iterable[sa.Row[Any]]) -> Iterator[Link]:
    for row in rows:
        yield Link(table, row._asdict())
