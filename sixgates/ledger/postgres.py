"""Connections to a PostgreSQL server that may restart, hang, or be cut off from this machine.

None of that may hold anybody up for ever. What a server is asked for must be answered in a bounded
time, also where its machine is gone and nobody says so; a connection that was lost is noticed
before it is used again.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

_PARAMETERS = {
    # A listener asks for nothing: only probes tell it that the other side has gone.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    # A database that was made without a locale, as SQL_ASCII, would give bytes back.
    "client_encoding": "utf8",
}
"""Of libpq, in seconds and milliseconds; what the URL says goes before."""

IDLE_SECONDS = 20.0
"""After so long amid a transaction, whoever began it has gone or stands still, and others wait."""


def engine_for(address: sa.URL, patience: float, busy: float) -> sa.Engine:
    """Return an engine for a server.

    Args:
        address: Of the database.
        patience: Seconds that a statement may take until the server counts as gone.
        busy: Seconds that a statement waits for another writer.

    Raises:
        ModuleNotFoundError: the driver is not installed.
    """
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

    def reach(_dialect: object, _record: object, words: list[Any], given: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's type
        return connect(words, given, patience, busy)

    sa.event.listen(engine, "do_connect", reach)
    return engine


def connect(words: Sequence[Any], given: Mapping[str, Any], patience: float, busy: float) -> Any:  # noqa: ANN401 - the driver's type
    """Return a connection that waits for nothing for ever.

    Args:
        words: What SQLAlchemy gives the driver.
        given: The same, by name.
        patience: As for `engine_for`.
        busy: As for `engine_for`.
    """
    parameters = {**_PARAMETERS, "connect_timeout": str(round(min(10.0, max(2.0, patience))))}
    connection = _bounded().connect(*words, **{**parameters, **given})
    connection.patience = patience
    connection.execute(f"SET lock_timeout = '{busy}s'")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.commit()
    return connection


@cache
def _bounded() -> Any:  # noqa: ANN401 - a class, where there is a driver
    import psycopg

    class Bounded(psycopg.Connection):
        """A connection that is lost once the server has been silent for too long.

        The server cannot see to that: one that hangs, or whose network is gone, enforces no
        timeout of its own.
        """

        patience: float | None = None

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - as the driver has it
            if timeout is not None or self.patience is None:
                return super().wait(gen, interval, timeout)
            began = time.monotonic()
            try:
                return super().wait(gen, interval, self.patience)
            except psycopg.OperationalError as exc:
                if time.monotonic() - began < self.patience:
                    raise
                self.pgconn.finish()  # what was asked may still be answered: not to the next one
                raise psycopg.OperationalError(f"no answer for {self.patience:g} s") from exc

    return Bounded
