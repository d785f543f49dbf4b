"""The rows of the newest weeks, counted by period: tables that add up over parts of the rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.data.period_labels import (
    CLASS,
    KNOWN,
    LABEL,
    PERIOD,
    by_class,
    by_value,
    class_table,
    commonest,
    ends_by_period,
    limits_of,
    number_table,
)
from sixgates.gates.data.periods import EPOCH, RECENT, Periods
from sixgates.gates.data.rows import Stretch, within_stretches
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, naive_utc

REPEATED = "repeated"
"""Column of the rows that came again."""
_HISTORY = timedelta(weeks=8)
_AT_LEAST, _AT_MOST = 28, 2_000
"""Periods of history where 8 weeks hold fewer, or more: the record keeps them all."""
_LOOKED_AT = 1_000
"""Rows that tell which feature has most values."""


def span_of_periods(project: Project) -> timedelta:
    """Return how far back rows are wanted: what is judged, what it is judged by, and a rest."""
    return (_history(project) + RECENT + 2) * project.period


def needed_columns(project: Project) -> list[str]:
    """Return the columns that are counted."""
    roles = project.roles
    others = (roles.event_time, roles.entity, roles.label, roles.label_time)
    return list(dict.fromkeys([*(name for name in others if name), *roles.features]))


def measure_periods(
    rows: pl.DataFrame,
    project: Project,
    now: datetime,
    new_after: datetime | None = None,
    broken: Sequence[Stretch] = (),
) -> Periods | None:
    """Count the newest weeks of the rows, or return None where no period is whole.

    Args:
        rows: rows that are known at `now`, whatever gate 1 thinks of them; see `span_of_periods`.
        project: says what a period, an entity, a feature and a label is.
        now: the present, naive UTC.
        new_after: newest event time that the champion learned from; None where there is none.
        broken: stretches of time in which the watch found the feed broken.
    """
    span = span_between(ends_of_periods(rows, project, now), project)
    if span is None:
        return None
    chosen = rows_of_periods(rows, project, span, broken)
    again = _come_again(chosen.select(project.roles.features))
    repeated = chosen.select(PERIOD).filter(again).group_by(PERIOD).agg(pl.len().alias(REPEATED))
    labels = _labels(labels_of_periods(chosen, project, now), project)
    counts = count_periods(chosen, project)
    return periods_of(span, project, Tables(counts, repeated, labels), new_after, broken)


class Span(NamedTuple):
    """Some periods, counted since 1970."""

    first: int
    end: int
    """The first that is none of them."""


class Tables(NamedTuple):
    """What was counted, a row for each period that has any; parts of one may lie in several."""

    counts: pl.DataFrame
    """As `count_periods` returns them."""
    repeated: pl.DataFrame
    """How many rows had the features of an earlier one."""
    labels: pl.DataFrame
    """As `class_table` or `number_table` return them."""


def ends_of_periods(rows: pl.DataFrame, project: Project, now: datetime) -> Span | None:
    """Return from which period rows come, and the newest one, which `end` is here."""
    period = _period(rows, project)
    past = period.filter(period <= (now - EPOCH) // project.period)
    newest, oldest = past.max(), past.min()
    if not isinstance(newest, int) or not isinstance(oldest, int):
        return None
    return Span(oldest, newest)


def span_between(ends: Span | None, project: Project) -> Span | None:
    """Return the whole periods that are looked at, given the first and the newest."""
    if ends is None:
        return None
    first = max(ends.end - _history(project) - RECENT, ends.first + 1)
    return Span(first, ends.end) if first < ends.end else None


def rows_of_periods(
    rows: pl.DataFrame, project: Project, span: Span, broken: Sequence[Stretch]
) -> pl.DataFrame:
    """Return the rows of some periods that count, in the order of these, with their period."""
    dated = rows.select(*needed_columns(project), _period(rows, project).alias(PERIOD))
    chosen = _between(dated, *span)
    if broken:
        at = naive_utc(chosen, project.roles.event_time)
        chosen = chosen.filter(~within_stretches(at, broken))
    return chosen if chosen[PERIOD].is_sorted() else chosen.sort(PERIOD)


def count_periods(chosen: pl.DataFrame, project: Project) -> pl.DataFrame:
    """Count the rows of each period, and those that share a key.

    All rows of one moment must be here.
    """
    when, entity = project.roles.event_time, project.roles.entity
    keys = chosen.select(PERIOD, when, *([entity] if entity else []))
    keys = keys if keys[when].is_sorted() else keys.sort(when)
    again = keys[when].eq_missing(keys[when].shift())
    same = again | again.shift(-1, fill_value=False)
    if entity:
        places = same.arg_true()
        same = same.scatter(places, keys[places].drop(PERIOD).hash_rows().is_duplicated())
    marked = keys.select(PERIOD).with_columns(same_key=same)
    return marked.group_by(PERIOD).agg(pl.len().alias("rows"), pl.col("same_key").sum())


def labels_of_periods(
    chosen: pl.DataFrame, project: Project, now: datetime, age: timedelta | None = None
) -> pl.DataFrame:
    """Return the known labels and their periods; numbers as such, truth values as 0 and 1.

    Args:
        chosen: As `rows_of_periods` returns them.
        project: Names the roles.
        now: The present, naive UTC.
        age: From which on a label counts as known; that of these rows where not given.
    """
    known = chosen.filter(is_matured(chosen, project, now, age))
    label = known[project.roles.label]
    if project.task is Task.REGRESSION:
        label = label.cast(pl.Float64)
    elif label.dtype == pl.Boolean:
        label = label.cast(pl.Int8)
    return known.select(PERIOD).with_columns(label.alias(LABEL))


def periods_of(
    span: Span,
    project: Project,
    tables: Tables,
    new_after: datetime | None,
    broken: Sequence[Stretch],
) -> Periods:
    """Put together what was counted."""
    first, end = span
    every = pl.int_range(first, end, eager=True).alias(PERIOD).to_frame()

    def of_each(table: pl.DataFrame) -> pl.DataFrame:
        added = table.group_by(PERIOD).agg(pl.all().sum())
        return every.join(added, on=PERIOD, how="left", maintain_order="left").fill_null(0)

    counts, repeated, labels = map(of_each, tables)
    return Periods(
        first=first,
        new_from=first if new_after is None else (new_after - EPOCH) // project.period + 1,
        broken=tuple(i for i in range(end - first) if _touched(first + i, project, broken)),
        rows=tuple(counts["rows"]),
        repeated=tuple(repeated[REPEATED]),
        same_key=tuple(counts["same_key"]),
        known=tuple(labels[KNOWN]),
        classes=tuple(name.removeprefix(CLASS) for name in labels.columns[2:]),
        labels=tuple(labels.drop(PERIOD, KNOWN).iter_rows()),
    )


def _between(dated: pl.DataFrame, first: int, end: int) -> pl.DataFrame:
    """Return the rows of some periods; a copy only where they do not lie together."""
    within = dated[PERIOD].is_between(first, end, closed="left").fill_null(value=False)
    places = within.arg_true()
    begin = int(places[0]) if len(places) else 0
    if len(places) and int(places[-1]) - begin + 1 == len(places):
        return dated.slice(begin, len(places))
    return dated.filter(within)


def _history(project: Project) -> int:
    return min(max(_HISTORY // project.period, _AT_LEAST), _AT_MOST)


def _touched(period: int, project: Project, broken: Sequence[Stretch]) -> bool:
    begin = EPOCH + period * project.period
    return any(start < begin + project.period and end > begin for start, end in broken)


def _come_again(df: pl.DataFrame) -> pl.Series:
    """Say of each row whether an earlier one is the same.

    Rows that are alike are so in every column, so only those that are in the most telling one are
    compared whole: of numbers measured finely that is hardly any.
    """
    some = df.head(_LOOKED_AT).select(pl.all().n_unique()).row(0)
    like = df.to_series(int(np.argmax(some))).is_duplicated()
    # Hashes of 64 bits: among a million rows two that differ meet once in 37 million tries.
    repeats = ~df.filter(like).hash_rows().is_first_distinct()
    places = like.arg_true().filter(repeats)
    return pl.repeat(value=False, n=df.height, eager=True).scatter(places, True)  # noqa: FBT003


def _labels(known: pl.DataFrame, project: Project) -> pl.DataFrame:
    if project.task is not Task.REGRESSION:
        return class_table(by_class(known))
    ends = ends_by_period(known)
    limits = limits_of(ends)
    if limits is None:
        return ends.select(PERIOD, KNOWN)
    same = commonest(by_value(known, limits.newest))[LABEL][0]
    return number_table(known, limits, same)


def _period(rows: pl.DataFrame, project: Project) -> pl.Series:
    length = project.period // timedelta(microseconds=1)
    return naive_utc(rows, project.roles.event_time).dt.epoch("us") // length
