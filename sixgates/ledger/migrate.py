"""Bring a ledger that older code has made to the revision of this code."""

import math
from typing import NamedTuple

import sqlalchemy as sa

from sixgates.ledger import tables
from sixgates.ledger.database import engine_for, writing
from sixgates.ledger.schema import REVISIONS, create_where_missing, require_known, revision


class Migrated(NamedTuple):
    """What a migration did."""

    before: str
    """Revision that was found; that of this code where the ledger was new."""
    after: str


def migrate(url: str) -> Migrated:
    """Bring the tables of the ledger at a URL to the newest revision, in one transaction.

    Run again, it changes nothing. Interrupted, it has changed nothing.

    Raises:
        ConfigurationError: newer code has written this ledger.
        TransientError: the database did not answer.
    """
    engine = engine_for(url, patience=math.inf)  # to rewrite a large table takes its time
    try:
        with writing(engine) as connection:
            found = create_where_missing(connection)
            require_known(engine, found)
            if found != REVISIONS[-1]:
                _upgrade(connection, found)
            after = revision(connection)
    finally:
        engine.dispose()
    return Migrated(found, str(after))


def _upgrade(connection: sa.Connection, found: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "sixgates.ledger:migrations")
    if not sa.inspect(connection).has_table(tables.version.name):
        command.stamp(config, found)
    command.upgrade(config, REVISIONS[-1])
