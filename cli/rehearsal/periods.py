"""Which rows of a frame come when: by period, and as their labels become known."""

from datetime import datetime, timedelta

import polars as pl

from sixgates.gates.project import Project


def periods_of(
    frame: pl.DataFrame, project: Project, start: datetime
) -> list[tuple[datetime, pl.DataFrame]]:
    """Cut the rows from a moment on into periods, each with the moment at which it ends."""
    time_column, length = project.roles.event_time, project.period
    later = frame.filter(pl.col(time_column) >= start)
    number = (pl.col(time_column) - start).dt.total_microseconds() // _micros(length)
    parts = later.with_columns(__period=number).partition_by(
        "__period", maintain_order=True, as_dict=True, include_key=False
    )
    return [(start + (int(key[0]) + 1) * length, rows) for key, rows in parts.items()]


def newly_matured(
    frame: pl.DataFrame, project: Project, after: datetime, until: datetime
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows whose label became known in a stretch of time, and their places in the frame.

    With a label time they lie here and there: of two rows the later one may be known first.
    """
    roles = project.roles
    known = pl.col(roles.label_time or roles.event_time)
    if roles.label_horizon is not None:
        known = known + roles.label_horizon
    new = frame.select(((known > after) & (known <= until)).fill_null(value=False)).to_series()
    return frame.filter(new), new.arg_true()


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
