"""A new database of MLflow's: whole, or not there.

MLflow makes its tables in some seventy transactions. Whoever dies amid them leaves an SQLite
database that no MLflow opens again, and two who begin at once get in each other's way.
"""

import os
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

_LOCK = 6_318_465_121
"""Key of PostgreSQL's advisory lock for making MLflow's tables: any number of our own."""


def make_whole(uri: str) -> None:
    """Make the file of an address with all its tables, unless it is there; the first one wins.

    Args:
        uri: Of the registry. A server, or another database, is left alone.
    """
    if uri.startswith("postgresql"):
        _make_in_turn(with_driver(uri))
        return
    path = _file_of(uri)
    if path is None or path.exists():
        return
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        made = Path(folder) / path.name
        address = sa.URL.create("sqlite", database=str(made)).render_as_string()
        MlflowClient(address, address).search_experiments(max_results=1)
        with suppress(FileExistsError):
            os.link(made, path)


def _make_in_turn(uri: str) -> None:
    """Let MLflow make its tables in PostgreSQL while nobody else does."""
    from mlflow import MlflowClient

    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))  # ends with the connection
        MlflowClient(uri, uri).search_experiments(max_results=1)


def with_driver(uri: str) -> str:
    """Return the address of a PostgreSQL with the ledger's driver, unless it names one."""
    scheme, separator, rest = uri.partition("://")
    if scheme == "postgresql" and find_spec("psycopg") is not None:
        return f"postgresql+psycopg{separator}{rest}"
    return uri


def _file_of(uri: str) -> Path | None:
    if not uri.startswith("sqlite:"):
        return None
    name = sa.make_url(uri).database
    return Path(name) if name and name != ":memory:" else None
