"""What gate 1 looks at beyond the rows of the training window: earlier weeks, and their order."""

from datetime import datetime

import polars as pl

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.data.order import Order, measure_order
from sixgates.gates.data.period_counts import needed_columns, span_of_periods
from sixgates.gates.project import Project


def newest_weeks(
    lake: ProjectLake, project: Project, rows: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Return the rows by which gate 1 tells what is usual.

    Where the training window is shorter than that, the older ones are read besides, in the columns
    that are counted and no other.

    Args:
        lake: Where the rows are.
        project: Names the columns.
        rows: Those of the training window.
        now: The present, naive UTC.
    """
    window, since = project.policies.training.window, now - span_of_periods(project)
    names = needed_columns(project)
    if window is None or now - window <= since or not set(names) <= set(rows.columns):
        return rows
    with lake.window(since, now - window) as older:
        earlier = older.frame.select(names).collect()
    return pl.concat([earlier, rows.select(names)], how="vertical_relaxed")


def order_of_source(
    lake: ProjectLake, project: Project, now: datetime, new_after: datetime | None
) -> Order | None:
    """Return how a file's order agrees with time, over the newest weeks.

    Returns None where rows come from several files or none: nobody says how these lie.
    """
    with lake.window(now - span_of_periods(project), now) as rows:
        if len(rows.files) != 1:
            return None
        times = rows.frame.select(project.roles.event_time).collect().to_series()
    return measure_order(times, new_after)
