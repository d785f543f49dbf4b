"""A connection to the user's database, and what went wrong with it in one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from polars.exceptions import PanicException, PolarsError

from sixgates.adapters.lake.source import first_line
from sixgates.adapters.lake.sql_address import Address
from sixgates.gates.errors import ConfigurationError, TransientError

_BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}


@contextmanager
def connected(where: Address) -> Iterator[sa.Connection]:
    """Lend a connection of its own that only reads, and close it."""
    engine = _engine(where)
    try:
        with engine.connect() as connection:
            yield connection.execution_options(postgresql_readonly=True)
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
