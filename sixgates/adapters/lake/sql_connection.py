"""A connection to the user's database, and what went wrong with it in one sentence."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from polars.exceptions import PanicException, PolarsError

from sixgates.adapters.lake.source import first_line
from sixgates.adapters.lake.sql_address import Address
from sixgates.gates.errors import ConfigurationError, TransientError

ANSWER_SECONDS = 600.0
"""How long a database may say nothing, before its first rows and between batches: one that sorts a
warehouse takes minutes, and one that hangs would hold a run for ever."""
_BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}
_LIMIT = sa.text(
    "SELECT set_config('statement_timeout', :limit, true)"
    " WHERE current_setting('statement_timeout') = '0'"
)
"""For PostgreSQL alone, which ends by itself what nobody waits for any more; a limit of the user's
own goes before."""


def read(
    what: str,
    where: Address,
    ask: Callable[[sa.Connection, Callable[[], None]], pl.DataFrame],
) -> pl.DataFrame:
    """Return what is read over a connection of its own, and give it up where nothing comes.

    Drivers know no such limit in common, so another thread asks.

    Args:
        what: Which rows are read, for the sentence.
        where: The database.
        ask: Reads by a connection that only reads, and calls its other argument at each answer.

    Raises:
        TransientError: nothing came for too long.
    """
    heard, ended, lent = threading.Event(), Future[pl.DataFrame](), list[object]()

    def attempt() -> None:
        try:
            with _connected(where) as connection:
                lent.append(connection.connection.driver_connection)
                found = ask(connection, heard.set)
        except BaseException as exc:  # noqa: BLE001 - whoever waits raises it again
            ended.set_exception(exc)
        else:
            ended.set_result(found)
        heard.set()

    threading.Thread(target=attempt, name="database", daemon=True).start()
    while heard.wait(ANSWER_SECONDS):
        heard.clear()
        if ended.done():
            return ended.result()
    for driver in lent:
        if isinstance(driver, sqlite3.Connection):  # it has no server that would end it
            with suppress(sqlite3.ProgrammingError):
                driver.interrupt()
    raise TransientError(
        f"{what} got no answer ({ANSWER_SECONDS:g} s without a row): see what the database is busy"
        " with, and make the query cheaper"
    )


@contextmanager
def _connected(where: Address) -> Iterator[sa.Connection]:
    """Lend a connection of its own that only reads, and close it."""
    engine = _engine(where)
    try:
        with engine.connect() as connection:
            only_reads = connection.execution_options(postgresql_readonly=True)
            if engine.dialect.name == "postgresql":
                only_reads.execute(_LIMIT, {"limit": f"{ANSWER_SECONDS * 1000:.0f}"})
            yield only_reads
    finally:
        engine.dispose()


@contextmanager
def answering(what: str, where: Address) -> Iterator[None]:
    """Turn whatever the database did not do into one sentence without a secret.

    What was raised is not kept as its cause: it may quote the connection.

    Args:
        what: Which rows were read, for the sentence.
        where: Whose secrets are struck out.

    Raises:
        TransientError: it did not answer, or did not let this user in.
        ConfigurationError: it refused the query, or what it gave is no table.
    """
    try:
        yield
    except sa.exc.DBAPIError as exc:
        said = _without(where.secrets, first_line(exc.orig or exc))
        if _is_outage(exc):
            raise TransientError(
                f"{what} got no answer ({said}): see that the database is up and lets this user in"
            ) from None
        raise ConfigurationError(
            f"{what} was refused ({said}): correct the query or the connection"
        ) from None
    except (sa.exc.SQLAlchemyError, PolarsError, PanicException, OSError) as exc:
        said = _without(where.secrets, first_line(exc))
        raise ConfigurationError(
            f"{what} cannot be read as a table ({said}): correct the query"
        ) from None


def _engine(where: Address) -> sa.Engine:
    url = where.url
    if url.get_backend_name() == "sqlite":
        _require_file(url.database or "")
    try:
        return sa.create_engine(url, poolclass=sa.NullPool)
    except ImportError as exc:
        package = "'sixgates[postgres]'" if exc.name == "psycopg" else exc.name
        raise ConfigurationError(
            f"{where.shown} needs a driver that is not installed: run `pip install {package}`"
        ) from None
    except sa.exc.NoSuchModuleError:
        raise ConfigurationError(
            f"SQLAlchemy knows no database {url.drivername!r}: correct the connection, or install"
            " what knows it"
        ) from None


def _require_file(name: str) -> None:
    """SQLite would make an empty database of a name that is not there."""
    if not name.startswith(("file:", ":")) and not Path(name).exists():
        raise ConfigurationError(f"there is no database at {name or 'sqlite://'}: correct the path")


def _is_outage(exc: sa.exc.DBAPIError) -> bool:
    """Whether the same query may be answered later; SQLite calls all that is wrong operational."""
    if isinstance(exc.orig, sqlite3.Error):
        return getattr(exc.orig, "sqlite_errorname", "").startswith(tuple(_BUSY))
    return isinstance(exc, sa.exc.OperationalError | sa.exc.InterfaceError)


def _without(secrets: tuple[str, ...], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
