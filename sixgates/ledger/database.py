"""Connections to the database of a ledger: what SQLite and PostgreSQL do differently is here."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.ledger import postgres

BUSY_SECONDS = 30.0
"""How long a statement waits for another writer."""

ANSWER_SECONDS = 60.0
"""How long a PostgreSQL server may take to answer a statement, where nobody says otherwise."""

_WRITES = "ledger_writes"


def engine_for(url: str, patience: float = ANSWER_SECONDS) -> sa.Engine:
    """Return an engine that connects to a SQLAlchemy URL when it is first used.

    Args:
        url: Of the database.
        patience: Seconds after which a PostgreSQL server that says nothing counts as gone.

    Raises:
        ConfigurationError: the URL needs the PostgreSQL driver, which is not installed.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = sa.create_engine(address, connect_args={"timeout": BUSY_SECONDS})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    if address.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgres_engine(address, patience)
    return sa.create_engine(address)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Lend a connection; what the database does not answer is a TransientError."""
    with answering(engine), engine.connect() as connection:
        yield connection


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Lend a connection on which several long queries see the same moment, read in a stream."""
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            # Whoever takes what is read may be slow, and nobody waits for a reader.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection.execution_options(yield_per=500)


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Lend a connection in a transaction that is committed unless the block raises."""
    with reading(engine) as connection:
        connection = connection.execution_options(**{_WRITES: True})  # noqa: PLW2901
        with connection.begin():
            yield connection


@contextmanager
def answering(engine: sa.Engine) -> Iterator[None]:
    """Turn whatever the database could not do into one sentence; broken constraints pass.

    Raises:
        TransientError: the database did not answer.
    """
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as exc:
        said = exc.orig if isinstance(exc, DBAPIError) else "every connection is in use"
        raise TransientError(f"the ledger {shown(engine.url)} did not answer: {said}") from exc


def shown(address: sa.URL) -> str:
    """Write an address for people: without its password and its parameters, which may hold one."""
    return address.set(query={}).render_as_string()


def _postgres_engine(address: sa.URL, patience: float) -> sa.Engine:
    try:
        # Writers that wait for each other are told by the server before it counts as gone.
        return postgres.engine_for(address, patience, busy=min(BUSY_SECONDS, patience / 2))
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"the ledger {shown(address)} needs the PostgreSQL driver:"
            " run `pip install 'sixgates[postgres]'`"
        ) from exc


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer waits for its turn at BEGIN. One that began by reading could not wait: SQLite answers
    # "locked" at once where another has written in the meantime.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's types
    connection.isolation_level = None  # the driver would begin by itself, and not IMMEDIATE
    cursor = connection.cursor()
    # SQLite answers "locked" at once, without its own wait, where several connections change the
    # journal of one new file: the change is the only statement that must be tried again by hand.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
