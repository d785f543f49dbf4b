"""Which revision the tables of a ledger have, and how a new ledger gets them.

A new ledger is made from `tables.py` without Alembic, whose import the gateway need not wait for.
"""

import sqlalchemy as sa

from sixgates.gates.errors import ConfigurationError
from sixgates.ledger import tables
from sixgates.ledger.database import reading, shown, writing
from sixgates.ledger.triggers import create_triggers

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision that this code knows, oldest first; `migrations/versions` has one file each."""

_LOCK = 6_318_465_120
"""Key of PostgreSQL's advisory lock for making and migrating tables: any number of our own."""


def ensure_tables(engine: sa.Engine) -> None:
    """Make the tables of a new ledger; several processes may do so at the same moment.

    Raises:
        ConfigurationError: the ledger is older or newer than this code.
        TransientError: the database did not answer.
    """
    with reading(engine) as connection:
        found = revision(connection)
    if found is None:
        with writing(engine) as connection:
            found = create_where_missing(connection)
    require_known(engine, found)
    if found != REVISIONS[-1]:
        raise ConfigurationError(
            f"the ledger {_name(engine)} has revision {found}, this code needs {REVISIONS[-1]}:"
            " run `sixgates ledger migrate`"
        )


def require_known(engine: sa.Engine, found: str) -> None:
    """Refuse a revision that this code does not know.

    Raises:
        ConfigurationError: newer code has written this ledger.
    """
    if found not in REVISIONS:
        raise ConfigurationError(
            f"the ledger {_name(engine)} has revision {found}, and this code is older and knows"
            f" {REVISIONS[-1]} at most: install the sixgates that migrated it"
        )


def create_where_missing(connection: sa.Connection) -> str:
    """Make the tables unless some are there, and return the revision that then stands.

    Args:
        connection: In a transaction of `writing`.
    """
    if connection.dialect.name == "postgresql":
        # CREATE TABLE waits for nobody there; SQLite's transaction holds the whole file.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    found = revision(connection)
    if found is not None:
        return found
    tables.metadata.create_all(connection, checkfirst=False)
    create_triggers(connection)
    tables.version.create(connection)
    connection.execute(tables.version.insert().values(version_num=REVISIONS[-1]))
    return REVISIONS[-1]


def revision(connection: sa.Connection) -> str | None:
    """Return the revision of the tables, or None where there are none."""
    inspector = sa.inspect(connection)
    # The entries come first: whoever asks while another process commits a new ledger sees either
    # nothing, or entries whose revision is there as well.
    if not inspector.has_table(tables.entries.name):
        return None
    if not inspector.has_table(tables.version.name):
        return REVISIONS[0]  # the first ledgers were made before revisions were counted
    return str(connection.execute(sa.select(tables.version.c.version_num)).scalar_one())


def _name(engine: sa.Engine) -> str:
    return shown(engine.url)
