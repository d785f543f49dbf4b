"""What is asked of a database: the user's query as a table, and a condition around it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from sixgates.adapters.lake.source import Cut

_DAY = timedelta(days=1)
_FIRST = datetime(1, 1, 2)  # noqa: DTZ001 - naive UTC
_LAST = datetime(9999, 12, 29)  # noqa: DTZ001 - naive UTC
"""Beyond them nothing is cut off: a few days further there is no date."""
_ISO_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"


def rows_of(query: str) -> sa.Select[Any]:
    """Return all rows of a query.

    It becomes a table of its own, so that a condition can be put around it; what is not one SELECT
    the database refuses there.
    """
    # A colon would begin a parameter, and a comment at its end would hide the bracket.
    text = sa.text(query.replace(":", "\\:") + "\n")
    return sa.select(sa.text("*")).select_from(text.columns().subquery("given"))


def within(
    query: str, event_time: str, cut: Cut, kind: pl.DataType, dialect: str
) -> sa.Select[Any]:
    """Return the rows of a query that may be wanted by their event time.

    SQLite has no times. Text in it is compared as it stands where it begins with a date, and only
    by the day, for it may name a zone. Text in another database is not compared.

    Args:
        query: One SELECT.
        event_time: Its column.
        cut: What is wanted.
        kind: Datetime or String, as the database gives the column.
        dialect: SQLAlchemy's name of the database.
    """
    rows = rows_of(query)
    at: sa.ColumnClause[Any] = sa.column(event_time)
    limits: list[sa.ColumnElement[bool]] = []
    if isinstance(kind, pl.Datetime):
        zone = kind.time_zone is not None
        if cut.until < _LAST:
            limits.append(at <= _moment(cut.until, zone=zone))
        if cut.since is not None:
            limits.append(at > _moment(cut.since, zone=zone))
        return rows.where(sa.or_(at.is_(None), sa.and_(*limits))) if limits else rows
    if dialect != "sqlite":
        return rows
    if cut.until < _LAST:
        limits.append(at < (cut.until + 2 * _DAY).date().isoformat())
    if cut.since is not None and cut.since >= _FIRST:
        limits.append(at >= (cut.since - _DAY).date().isoformat())
    dated = at.op("GLOB", is_comparison=True)(_ISO_DATE)
    return rows.where(sa.or_(at.is_(None), sa.not_(dated), sa.and_(*limits))) if limits else rows


def _moment(moment: datetime, *, zone: bool) -> sa.BindParameter[datetime]:
    return sa.literal(moment.replace(tzinfo=UTC) if zone else moment, sa.DateTime(timezone=zone))
