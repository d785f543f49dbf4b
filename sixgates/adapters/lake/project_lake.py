"""The user's data as it was known at a moment, whatever kind of source it comes from.

Everything is read here, at the edge: nothing that Polars, a database or the user's callable raises
later can reach a gate.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from sixgates.adapters.lake.as_known import cut_by_time, hide_labels, in_order
from sixgates.adapters.lake.choose import source_of
from sixgates.adapters.lake.source import Cut, Source, WindowRows
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project


class ProjectLake:
    """One project's rows, for one look: what is read twice is read at the same version.

    Args:
        project: Says which columns are event time and label, and when a label is known.
        data: Address that goes before the project's own source; see `source_of`.
    """

    def __init__(self, project: Project, data: str | Path | None = None) -> None:
        self._project = project
        self._data = data

    def as_of(self, now: datetime, since: datetime | None = None) -> pl.LazyFrame:
        """Return the rows that were there at `now`, by event time, as they were known then.

        Event times are naive UTC in microseconds. A label, and the time it became known, are null
        where that time is after `now` or unknown. Rows without an event time are kept, without
        their label, so that gate 1 can refuse them by name.

        Args:
            now: The present, naive UTC.
            since: Only rows after it are wanted; much less is read then.

        Raises:
            ConfigurationError: the source cannot be read; see `check`.
            TransientError: it did not answer.
        """
        cut = Cut(since, now)
        with self._source.reading():
            frame = self._source.scan(cut)
            schema = frame.collect_schema()
        self._require(schema)
        frame = cut_by_time(frame, schema, self._project, cut)
        frame = hide_labels(frame, schema, self._project, now)
        with self._source.reading():
            rows = frame.collect()
        return in_order(rows, self._project).lazy()

    @contextmanager
    def window(self, start: datetime, end: datetime) -> Iterator[WindowRows]:
        """Lend the rows after one moment and until another, unread and in any order.

        Event times are naive UTC in microseconds. Labels are as they stand in the source.

        Raises:
            ConfigurationError: the source cannot be read; see `check`.
            TransientError: it did not answer.
        """
        cut = Cut(start, end)
        with self._source.reading():
            frame = self._source.scan(cut)
            schema = frame.collect_schema()
            self._require(schema)
            rows = cut_by_time(frame, schema, self._project, cut)
            at = self._project.roles.event_time
            yield WindowRows(rows.drop_nulls(at), self._source.files())

    def files(self) -> tuple[tuple[Path, ...], pl.Schema]:
        """Return the parquet files that hold all rows as they are, if any, and their columns.

        Raises:
            ConfigurationError: the source cannot be read; see `check`.
            TransientError: it did not answer.
        """
        with self._source.reading():
            schema = self._source.peek().collect_schema()
        self._require(schema)
        with self._source.reading():
            return self._source.files(), schema

    def reading(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while files of the source are read into one sentence."""
        return self._source.reading()

    def check(self) -> None:
        """Refuse a source that cannot be read at all.

        Raises:
            ConfigurationError: nothing is there or may be read, it is not whole, has no rows, no
                event time or label column, or an event time that is not a datetime.
            TransientError: it did not answer.
        """
        when = pl.col(self._project.roles.event_time)
        with self._source.reading():
            frame = self._source.peek()
            schema = frame.collect_schema()
        self._require(schema)
        with self._source.reading():
            rows, times = frame.select(pl.len(), n=when.count()).collect().row(0)
        if rows == 0:
            raise ConfigurationError(f"{self.describe()} holds no rows: give a source with data")
        if times == 0:
            raise ConfigurationError(
                f"column {self._project.roles.event_time!r} of {self.describe()} is empty: fill it"
                " or name another event_time"
            )

    def describe(self) -> str:
        """Return the source's address for sentences."""
        return self._source.address

    def pin(self) -> str:
        """Return from what exactly the rows of this look come, for the record."""
        return self._source.pin()

    @cached_property
    def _source(self) -> Source:
        return source_of(self._project, self._data)

    def _require(self, schema: pl.Schema) -> None:
        """Refuse a source without the columns by which it is cut."""
        roles = self._project.roles
        for role, name in (("event_time", roles.event_time), ("label", roles.label)):
            if name not in schema:
                raise ConfigurationError(
                    f"{self.describe()} has no column {name!r}, the {role} of project"
                    f" {self._project.name}: add it or correct the role"
                )
        kind = schema[roles.event_time]
        if not isinstance(kind, pl.Datetime):
            raise ConfigurationError(
                f"column {roles.event_time!r} of {self.describe()} is {kind} and not a datetime:"
                " cast it in the source"
            )
