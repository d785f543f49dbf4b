"""Which gateways are alive: each says so again and again, and fades once it is silent.

When one was heard is written, and later read, by the clock of the database, which is one for all of
them; for SQLite that is the machine's. So a gateway whose own clock is wrong counts like any other,
and a rollback is pushed to it and proved on it. Were the clock of the database set back, what was
heard further ahead than a silence lasts counts as gone: a gateway that lives says so anew within
seconds, and one that died an hour ago does not rise for an hour.
"""

import sqlalchemy as sa

from sixgates.ledger import tables

SILENCE_SECONDS = 10
"""A gateway that has not been heard for so long counts as gone."""


def announce(connection: sa.Connection, model: str, url: str) -> None:
    """Write that a gateway is alive now; see `Ledger.announce`."""
    now = _clock(connection)
    statement = sa.text(
        "INSERT INTO gateways (url, model, seen)"  # noqa: S608 - only the clock is put in
        f" VALUES (:url, :model, {now})"
        " ON CONFLICT (url) DO UPDATE SET model = excluded.model, seen = excluded.seen"
    )
    connection.execute(statement, {"url": url, "model": model})


def withdraw(connection: sa.Connection, url: str) -> None:
    """Forget a gateway that has stopped."""
    t = tables.gateways
    connection.execute(t.delete().where(t.c.url == url))


def alive(connection: sa.Connection, model: str) -> list[str]:
    """Return the URLs of the gateways of a model that were heard of late, sorted."""
    t = tables.gateways
    earliest, latest = (
        sa.literal_column(_clock(connection, seconds), sa.DateTime)
        for seconds in (-SILENCE_SECONDS, SILENCE_SECONDS)
    )
    query = sa.select(t.c.url).where(t.c.model == model, t.c.seen.between(earliest, latest))
    return sorted(connection.execute(query).scalars())


def _clock(connection: sa.Connection, seconds: int = 0) -> str:
    """So many seconds from now by the clock of the database, naive UTC, as an expression."""
    if connection.dialect.name == "postgresql":
        # Not now(), which stands still while a transaction waits for another's.
        return f"(clock_timestamp() AT TIME ZONE 'UTC' + interval '{seconds} seconds')"
    # As SQLAlchemy writes a time there: text, which is compared as such.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '{seconds:+} seconds')"
