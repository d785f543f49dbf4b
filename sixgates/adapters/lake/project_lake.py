"""The user's data as it was known at a moment, whatever kind of source it comes from.

Everything is read here, at the edge: nothing that Polars, a database or the user's callable raises
later can reach a gate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from sixgates.adapters.lake.choose import source_of
from sixgates.adapters.lake.source import Cut, Source, WindowRows
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project

_FIRST, _LAST = datetime(1678, 1, 1), datetime(2262, 1, 1)  # noqa: DTZ001 - naive UTC
"""Between them, a moment can be counted in nanoseconds."""
_SLACK = timedelta(seconds=1)
"""So coarsely is cut first: a second is more than any rounding."""


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
        roles, cut = self._project.roles, Cut(since, now)
        with self._source.reading():
            frame = self._source.scan(cut)
            schema = frame.collect_schema()
        frame = self._normalised(frame, schema, cut)
        known = self._known(schema, now)
        hidden = [roles.label, *([roles.label_time] if roles.label_time else [])]
        present = [name for name in hidden if name in schema]
        frame = frame.with_columns(pl.when(known).then(pl.col(n)).alias(n) for n in present)
        with self._source.reading():
            rows = frame.collect()
        if rows[roles.event_time].is_sorted():  # to see that is quick, and to sort them is not
            return rows.lazy()
        return rows.sort(roles.event_time, maintain_order=True).lazy()

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
            rows = self._normalised(frame, frame.collect_schema(), cut)
            at = self._project.roles.event_time
            yield WindowRows(rows.drop_nulls(at), self._source.files())

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

    def _known(self, schema: pl.Schema, now: datetime) -> pl.Expr:
        roles = self._project.roles
        if roles.label_horizon is not None:
            return pl.col(roles.event_time) + roles.label_horizon <= now
        if isinstance(schema.get(roles.label_time or ""), pl.Datetime):
            return pl.col(roles.label_time or "") <= now
        return pl.lit(value=False)  # gate 1 names the broken column; until then no label counts

    def _normalised(self, frame: pl.LazyFrame, schema: pl.Schema, cut: Cut) -> pl.LazyFrame:
        """Refuse what cannot be cut by time, cut it, and bring times to naive UTC."""
        roles = self._project.roles
        kind = self._require(schema)
        when = pl.col(roles.event_time)
        # First in the column's own type: so Polars leaves out files and groups of rows unread.
        frame = frame.filter(_about(when, cut, kind) | when.is_null())
        times = [n for n in (roles.event_time, roles.label_time) if n]
        frame = frame.with_columns(_naive(n, schema[n]) for n in times if _is_time(schema.get(n)))
        wanted = when <= cut.until
        if cut.since is not None:
            wanted &= when > cut.since
        return frame.filter(wanted | when.is_null())

    def _require(self, schema: pl.Schema) -> pl.Datetime:
        """Return the type of the event time, where the columns are there by which to cut."""
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
        return kind


def _about(when: pl.Expr, cut: Cut, kind: pl.Datetime) -> pl.Expr:
    """Say which moments of a column, in its own type, may be wanted."""
    wanted = pl.lit(value=True)
    if cut.until < _LAST:
        wanted &= when <= _literal(cut.until + _SLACK, kind)
    if cut.since is not None and cut.since > _FIRST:
        wanted &= when >= _literal(cut.since - _SLACK, kind)
    return wanted


def _literal(moment: datetime, kind: pl.Datetime) -> pl.Expr:
    if kind.time_zone is None:
        return pl.lit(moment, kind)
    return pl.lit(moment.replace(tzinfo=UTC).astimezone(ZoneInfo(kind.time_zone)), kind)


def _is_time(kind: pl.DataType | None) -> bool:
    return isinstance(kind, pl.Datetime)


def _naive(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if getattr(kind, "time_zone", None) is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.dt.cast_time_unit("us")
