"""Rows that a query gives, from any database that SQLAlchemy reaches."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from sixgates.adapters.lake.contract_types import contract_types
from sixgates.adapters.lake.source import Cut
from sixgates.adapters.lake.sql_address import resolve
from sixgates.adapters.lake.sql_connection import answering, read
from sixgates.adapters.lake.sql_rows import raw, together, typed
from sixgates.adapters.lake.sql_statement import rows_of, within
from sixgates.gates.project import Project
from sixgates.gates.source import SqlSource

_SHOWN = 80
"""So many characters of a query are in a sentence; the record has all of it."""


class SqlRows:
    """The rows of one query. Each call that reads opens a connection of its own and closes it."""

    def __init__(self, source: SqlSource, project: Project, *, by_command: bool) -> None:
        """Take a source; nothing is asked yet.

        Args:
            source: Connection and query.
            project: Names the columns and their types.
            by_command: Whether it came by `--data`; see `resolve`.

        Raises:
            ConfigurationError: the connection cannot be used.
        """
        self._where = resolve(source.connection.get_secret_value(), by_command=by_command)
        self._query = source.query.strip().rstrip(";")
        self._event_time = project.roles.event_time
        self._times = [n for n in (self._event_time, project.roles.label_time) if n]
        self._kinds = contract_types(project)
        line = self._line()
        short = line[:_SHOWN] + ("…" if len(line) > _SHOWN else "")
        self.address = f"the query `{short}` on {self._where.shown}"

    def pin(self) -> str:
        """Return the database and the whole query."""
        return f"{self._where.shown}#{self._line()}"

    def scan(self, cut: Cut) -> pl.LazyFrame:
        """Read the rows that may be wanted; the database leaves out the others by event time."""

        def ask(connection: sa.Connection, heard: Callable[[], None]) -> pl.DataFrame:
            one = self._one(connection)
            heard()
            kind = one.schema.get(self._event_time, pl.Object())
            if isinstance(kind, pl.Datetime | pl.String):
                dialect = connection.dialect.name
                statement = within(self._query, self._event_time, cut, kind, dialect)
            elif isinstance(kind, pl.Null):  # No row, or none with a time: those are wanted.
                statement = rows_of(self._query)
            else:
                return one  # Whoever asked refuses its type: the others need not be read.
            batches = self._heard(raw(connection, statement), heard)
            return together(batches, self._typed(one.clear()), self.address)

        return read(self.address, self._where, ask).lazy()

    def peek(self) -> pl.LazyFrame:
        """Read one row, with an event time where there is such a one."""
        one = read(self.address, self._where, lambda connection, _: self._one(connection))
        return self._typed(one).lazy()

    def files(self) -> tuple[Path, ...]:
        """Return none: rows come otherwise."""
        return ()

    def reading(self) -> AbstractContextManager[None]:
        """Turn what goes wrong into one sentence; see `answering`."""
        return answering(self.address, self._where)

    def _one(self, connection: sa.Connection) -> pl.DataFrame:
        """Return one row as it is, with an event time where there is such a one; or none."""
        rows, name = rows_of(self._query), self._event_time
        found = pl.read_database(rows.limit(1), connection)
        if name in found.columns and found[name].null_count() == found.height:
            dated = rows.where(sa.column(name).is_not(None)).limit(1)
            timed = pl.read_database(dated, connection)
            found = timed if timed.height else found
        return found

    def _heard(
        self, batches: Iterator[pl.DataFrame], heard: Callable[[], None]
    ) -> Iterator[pl.DataFrame]:
        for batch in batches:
            heard()
            yield self._typed(batch)

    def _typed(self, batch: pl.DataFrame) -> pl.DataFrame:
        return typed(batch, self._kinds, self._times)

    def _line(self) -> str:
        return " ".join(self._query.split())
