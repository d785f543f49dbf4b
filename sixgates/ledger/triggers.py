"""The database itself refuses to change what was recorded."""

from collections.abc import Iterator

import sqlalchemy as sa

_REFUSED = {
    "entries": ("UPDATE", "DELETE"),
    "routes": ("UPDATE", "DELETE"),
    "heads": ("DELETE",),
}

_FUNCTION = """
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: append a new row instead';
END
$$
"""


def create_triggers(connection: sa.Connection) -> None:
    """Refuse every UPDATE and DELETE on what is append-only, and every DELETE of a head."""
    postgres = connection.dialect.name == "postgresql"
    for statement in _postgres() if postgres else _sqlite():
        connection.exec_driver_sql(statement)


def _sqlite() -> Iterator[str]:
    for table, changes in _REFUSED.items():
        for change in changes:
            yield (
                f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} BEGIN"
                f" SELECT RAISE(ABORT, '{table} is append-only: append a new row instead'); END"
            )


def _postgres() -> Iterator[str]:
    yield _FUNCTION
    for table, changes in _REFUSED.items():
        yield (
            f"CREATE TRIGGER {table}_refuse_change BEFORE {' OR '.join((*changes, 'TRUNCATE'))}"
            f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
        )
