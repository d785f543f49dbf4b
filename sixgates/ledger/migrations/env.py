"""Alembic's entry: run revisions on the connection that `sixgates.ledger.migrate` hands over."""

from alembic import context

from sixgates.ledger.tables import metadata, version

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=version.name,
)
context.run_migrations()
