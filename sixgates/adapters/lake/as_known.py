"""Rows as they were known at a moment: cut by event time, in naive UTC, later labels hidden."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from sixgates.adapters.lake.source import Cut
from sixgates.gates.project import Project

FIRST, _LAST = datetime(1678, 1, 1), datetime(2262, 1, 1)  # noqa: DTZ001 - naive UTC
"""Between them, a moment can be counted in nanoseconds."""
_SLACK = timedelta(seconds=1)
"""So coarsely is cut first: a second is more than any rounding."""


def cut_by_time(frame: pl.LazyFrame, schema: pl.Schema, project: Project, cut: Cut) -> pl.LazyFrame:
    """Keep the rows of a stretch of time and those without one, and bring times to naive UTC.

    Args:
        frame: Rows as they lie in their source.
        schema: Its columns; the event time is a datetime.
        project: Names the roles.
        cut: Which rows are wanted.
    """
    roles = project.roles
    when, kind = pl.col(roles.event_time), schema[roles.event_time]
    # First in the column's own type: so Polars leaves out files and groups of rows unread.
    frame = frame.filter(_about(when, cut, kind) | when.is_null())
    times = [n for n in (roles.event_time, roles.label_time) if n]
    frame = frame.with_columns(_naive(n, schema[n]) for n in times if _is_time(schema.get(n)))
    wanted = when <= cut.until
    if cut.since is not None:
        wanted &= when > cut.since
    return frame.filter(wanted | when.is_null())


def hide_labels(
    frame: pl.LazyFrame, schema: pl.Schema, project: Project, now: datetime
) -> pl.LazyFrame:
    """Set labels to null, and when they became known, where that is after `now` or unknown.

    Args:
        frame: As `cut_by_time` returns it.
        schema: Columns of the source.
        project: Names the roles.
        now: The present, naive UTC.
    """
    roles = project.roles
    hidden = [roles.label, *([roles.label_time] if roles.label_time else [])]
    known = _known(schema, project, now)
    present = [name for name in hidden if name in schema]
    return frame.with_columns(pl.when(known).then(pl.col(n)).alias(n) for n in present)


def in_order(rows: pl.DataFrame, project: Project) -> pl.DataFrame:
    """Return rows in the order of time, rows of one moment as they lay."""
    event_time = project.roles.event_time
    if rows[event_time].is_sorted():  # to see that is quick, and to sort them is not
        return rows
    return rows.sort(event_time, maintain_order=True)


def _known(schema: pl.Schema, project: Project, now: datetime) -> pl.Expr:
    roles = project.roles
    if roles.label_horizon is not None:
        return pl.col(roles.event_time) + roles.label_horizon <= now
    if isinstance(schema.get(roles.label_time or ""), pl.Datetime):
        return pl.col(roles.label_time or "") <= now
    return pl.lit(value=False)  # gate 1 names the broken column; until then no label counts


def _about(when: pl.Expr, cut: Cut, kind: pl.DataType) -> pl.Expr:
    """Say which moments of a column, in its own type, may be wanted."""
    wanted = pl.lit(value=True)
    if cut.until < _LAST:
        wanted &= when <= _literal(cut.until + _SLACK, kind)
    if cut.since is not None and cut.since > FIRST:
        wanted &= when >= _literal(cut.since - _SLACK, kind)
    return wanted


def _literal(moment: datetime, kind: pl.DataType) -> pl.Expr:
    zone = getattr(kind, "time_zone", None)
    if zone is None:
        return pl.lit(moment, kind)
    return pl.lit(moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)), kind)


def _is_time(kind: pl.DataType | None) -> bool:
    return isinstance(kind, pl.Datetime)


def _naive(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if getattr(kind, "time_zone", None) is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.dt.cast_time_unit("us")
