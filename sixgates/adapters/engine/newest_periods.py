"""The newest weeks of a source, period by period, counted where their rows are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import getitem
from typing import NamedTuple

import polars as pl

from sixgates.adapters.engine.ranks import Ordered
from sixgates.adapters.engine.source_rows import Piece, SourceRows
from sixgates.adapters.engine.stored_rows import age_of, delays_in_order
from sixgates.adapters.engine.twice import come_again, dealt_by_hash
from sixgates.gates.card import Task
from sixgates.gates.data.period_counts import (
    Span,
    Tables,
    count_periods,
    ends_of_periods,
    labels_of_periods,
    needed_columns,
    periods_of,
    rows_of_periods,
    span_between,
)
from sixgates.gates.data.period_labels import (
    KNOWN,
    LABEL,
    PERIOD,
    Limits,
    by_class,
    by_value,
    class_table,
    commonest,
    ends_by_period,
    limits_of,
    number_table,
)
from sixgates.gates.data.periods import EPOCH, Periods
from sixgates.gates.data.rows import Stretch
from sixgates.gates.project import Project


class _Within(NamedTuple):
    """Which rows are counted."""

    span: Span
    broken: tuple[Stretch, ...]


def periods_on(
    sources: Sequence[SourceRows],
    project: Project,
    new_after: datetime | None,
    broken: Sequence[Stretch],
) -> Periods | None:
    """Count as `periods.measure_periods` does.

    Args:
        sources: Rows from before the training window, if any, and those of it.
        project: Names the roles.
        new_after: Newest event time that the champion learned from.
        broken: Stretches of time in which the watch found the feed broken.
    """
    times = [moment for rows in sources if rows.ends for moment in rows.ends]
    if not times:
        return None
    name, now = project.roles.event_time, sources[-1].now
    ends = pl.DataFrame({name: [min(times), max(times)]}, schema={name: pl.Datetime("us")})
    span = span_between(ends_of_periods(ends, project, now), project)
    if span is None:
        return None
    cluster, columns = sources[-1].cluster, needed_columns(project)
    within = _Within(span, tuple(broken))
    hands = 2 * len(cluster.workers())
    inside = [(rows, [p for p in rows.pieces if _touches(p, project, span)]) for rows in sources]
    found = [
        future
        for rows, pieces in inside
        for future in rows.on_pieces(_counted, within, hands, pieces=pieces, columns=columns)
    ]
    counts, dealt, delays = (cluster.each(getitem, found, place) for place in range(3))
    age = project.roles.label_horizon
    if age is None:
        age = age_of(cluster, delays)
    labels = _labels(inside, project, within, age)
    again = come_again(cluster, dealt, hands)
    tables = Tables(pl.concat(cluster.gather(counts)), again, labels)
    return periods_of(span, project, tables, new_after, broken)


def _labels(
    inside: Sequence[tuple[SourceRows, list[Piece]]],
    project: Project,
    within: _Within,
    age: timedelta,
) -> pl.DataFrame:
    cluster, columns = inside[-1][0].cluster, needed_columns(project)
    known = [
        future
        for rows, pieces in inside
        for future in rows.on_pieces(_known, within, age, pieces=pieces, columns=columns)
    ]
    if project.task is not Task.REGRESSION:
        counts: list[pl.DataFrame] = cluster.gather(cluster.each(by_class, known))
        return class_table(pl.concat(counts))
    parts: list[pl.DataFrame] = cluster.gather(cluster.each(ends_by_period, known))
    ends = pl.concat(parts)
    limits: Limits | None = limits_of(ends)
    if limits is None:
        return ends.select(PERIOD, KNOWN)
    values = cluster.tree(_added, cluster.each(by_value, known, limits.newest))
    same = cluster.gather(cluster.each(commonest, [values]))[0][LABEL][0]
    tables: list[pl.DataFrame] = cluster.gather(cluster.each(number_table, known, limits, same))
    return pl.concat(tables)


def _added(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([a, b]).group_by(LABEL).agg(pl.all().sum())


def _touches(piece: Piece, project: Project, span: Span) -> bool:
    """Whether a piece may hold rows of some periods."""
    if piece.cut is None:
        return False
    begin, end = (EPOCH + period * project.period for period in span)
    return piece.cut.until >= begin and (piece.cut.since is None or piece.cut.since < end)


def _counted(
    rows: pl.DataFrame,
    project: Project,
    now: datetime,
    within: _Within,
    hands: int,
) -> tuple[pl.DataFrame, list[pl.DataFrame], Ordered | None]:
    chosen = rows_of_periods(rows, project, *within)
    delays = None
    if project.roles.label_horizon is None:
        delays = delays_in_order(chosen, project, now)
    dealt = dealt_by_hash(chosen, project.roles.features, hands)
    return count_periods(chosen, project), dealt, delays


def _known(
    rows: pl.DataFrame,
    project: Project,
    now: datetime,
    within: _Within,
    age: timedelta,
) -> pl.DataFrame:
    return labels_of_periods(rows_of_periods(rows, project, *within), project, now, age)
