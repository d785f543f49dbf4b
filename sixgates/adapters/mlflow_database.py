"""A database of MLflow's: whole, or not there; and one that hangs holds nobody up for ever.

MLflow makes its tables in some seventy transactions. Whoever dies amid them leaves an SQLite
database that no MLflow opens again, and two who begin at once get in each other's way. And it waits
for PostgreSQL as long as it takes: it is given an address whose connections do not.
"""

import os
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from sixgates.gates.errors import TransientError
from sixgates.ledger import postgres

ANSWER_SECONDS = 20.0
"""How long PostgreSQL may take to answer a statement of MLflow's: a tick has more to do."""
TURN_SECONDS = 40.0
"""How long one waits for another one who makes the tables."""
_LOCK = 6_318_465_121
"""Key of PostgreSQL's advisory lock for making MLflow's tables: any number of our own."""
_SCHEME = "postgresql+sixgates"


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

    engine = sa.create_engine(uri, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    turn, deadline = sa.func.pg_try_advisory_lock(_LOCK), time.monotonic() + TURN_SECONDS
    with engine.connect() as connection:
        while not connection.execute(sa.select(turn)).scalar():  # it ends with the connection
            if time.monotonic() > deadline:
                raise TransientError(
                    f"somebody has been making MLflow's tables for {TURN_SECONDS:g} s: see which"
                    " process of this installation hangs, or wait until its connection has ended"
                )
            time.sleep(0.1)
        MlflowClient(uri, uri).search_experiments(max_results=1)


def with_driver(uri: str) -> str:
    """Return the address of a PostgreSQL with the ledger's driver, unless it names another one."""
    scheme, separator, rest = uri.partition("://")
    if scheme in {"postgresql", "postgresql+psycopg"} and find_spec("psycopg") is not None:
        registry.register(_SCHEME.replace("+", "."), __name__, Bounded.__name__)
        return f"{_SCHEME}{separator}{rest}"
    return uri


class Bounded(PGDialect_psycopg):
    """PostgreSQL as MLflow reaches it, by connections that are lost where nobody answers."""

    supports_statement_cache = True

    def connect(self, *words: Any, **given: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy has it
        """Connect."""
        return postgres.connect(words, given, ANSWER_SECONDS, busy=ANSWER_SECONDS / 2)


def _file_of(uri: str) -> Path | None:
    if not uri.startswith("sqlite:"):
        return None
    name = sa.make_url(uri).database
    return Path(name) if name and name != ":memory:" else None
