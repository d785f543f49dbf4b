"""Hearing of a new route at once, where the database can say so: PostgreSQL by LISTEN and NOTIFY.

A hint and no more. One may be lost, with its connection or in a proxy that lends connections by the
transaction, so whoever listens also looks by himself every so often.
"""

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa

from sixgates.gates.errors import TransientError
from sixgates.ledger.database import answering

_CHANNEL = "sixgates_routes"
_LOOK_SECONDS = 1.0
"""Time between two looks whether to end."""
_SOONEST, _LATEST = 0.5, 10.0
"""Seconds until a lost connection is tried again: twice as long after each failure."""

_logger = logging.getLogger(__name__)


def announce(connection: sa.Connection, model: str) -> None:
    """Tell who listens of a new route of a model, once the transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(_CHANNEL, model)))


def listen(
    engine: sa.Engine, model: str, heard: Callable[[], None], ended: threading.Event
) -> None:
    """Call `heard` after each new route of a model, until told to end; never raises.

    It is also called after each connection, for what came before is not told. Where the database
    cannot tell, this returns at once.
    """
    if engine.dialect.name != "postgresql":
        return
    pause = _SOONEST
    while not ended.is_set():
        try:
            with answering(engine), engine.connect() as connection:
                _begin(connection)
                pause = _SOONEST
                heard()
                _hear(connection, model, heard, ended)
        except TransientError as exc:
            if pause == _SOONEST:
                _logger.warning("routes are not announced, polls for them: %s", exc)
            ended.wait(pause)
            pause = min(2 * pause, _LATEST)


def _begin(connection: sa.Connection) -> None:
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()  # it never goes back to the pool
    connection.exec_driver_sql("LISTEN sixgates_routes")  # the name in `_CHANNEL`


def _hear(
    connection: sa.Connection, model: str, heard: Callable[[], None], ended: threading.Event
) -> None:
    import psycopg

    driver = connection.connection.dbapi_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the only driver there is
    while not ended.is_set():
        try:
            for told in driver.notifies(timeout=_LOOK_SECONDS):
                if told.payload == model:
                    heard()
        except psycopg.Error as exc:
            raise TransientError(f"the connection was lost: {exc}") from exc
