"""What someone with the database itself in hand can do, once the triggers are out of the way."""

import sqlalchemy as sa


def tamper(ledger, *statements):
    """Run SQL past the triggers."""
    with ledger._engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        else:
            for name in _sqlite_triggers(connection):
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        for statement in statements:
            connection.execute(sa.text(statement))


def _sqlite_triggers(connection):
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    return connection.execute(sa.text(query)).scalars().all()
