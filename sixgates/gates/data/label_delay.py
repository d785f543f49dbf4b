"""Is one class of labels known later than the others?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from sixgates.gates.card import Task, level_key
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_age, label_present, naive_utc
from sixgates.gates.verdict import Check, at_most

NAME = "late labels of one class"
MAX_LATE = 0.1
"""Largest share of a class whose label may come later than the age at which rows are used."""
_FEW = 20
"""Known labels of a class below which its delay is not judged."""


@dataclass(frozen=True, slots=True)
class ClassDelay:
    """How much of one class is known too late."""

    label: str
    late: float
    """Share whose label came later than nearly all labels do: rows are used before that."""
    n: int


def measure_delays(df: pl.DataFrame, project: Project, now: datetime) -> tuple[ClassDelay, ...]:
    """Return, for each class, how much of it is known later than the age at which rows are used.

    Only a label time tells. Numbers have no classes: those above and below the median stand in.
    """
    if project.roles.label_time is None:
        return ()
    rows = with_known_label(df, project, now)
    if rows.is_empty():
        return ()
    middle = rows[project.roles.label].median() if project.task is Task.REGRESSION else None
    return delays_of(late_by_class(rows, project, label_age(df, project, now), middle))


def with_known_label(df: pl.DataFrame, project: Project, now: datetime) -> pl.DataFrame:
    """Return the rows whose label is known; the project must name a label time."""
    known = label_present(df, project) & (naive_utc(df, project.roles.label_time or "") <= now)
    return df.filter(known.fill_null(value=False))


def late_by_class(
    rows: pl.DataFrame, project: Project, age: timedelta, middle: object
) -> pl.DataFrame:
    """Count the rows of each class, and those whose label took longer than an age.

    Args:
        rows: As `with_known_label` returns them.
        project: Names the roles.
        age: At which rows are used.
        middle: Median label of all rows where it is a number; else it is not looked at.
    """
    roles = project.roles
    delay = naive_utc(rows, roles.label_time or "") - naive_utc(rows, roles.event_time)
    label = rows[roles.label]
    if project.task is Task.REGRESSION:
        sides = pl.DataFrame({"above": label.cast(pl.Float64) > middle})
        label = sides.select(
            pl.when("above")
            .then(pl.lit("above the median"))
            .otherwise(pl.lit("at most the median"))
        ).to_series()
    late = pl.DataFrame({"label": label, "late": delay > age})
    return late.group_by("label").agg(pl.col("late").sum(), n=pl.len())


def delays_of(counts: pl.DataFrame) -> tuple[ClassDelay, ...]:
    """Return the delay of each class from one or several tables of `late_by_class`."""
    each = counts.group_by("label").agg(pl.col("late", "n").sum()).sort("label")
    return tuple(ClassDelay(str(level_key(label)), late / n, n) for label, late, n in each.rows())


def judge_delays(delays: tuple[ClassDelay, ...]) -> list[Check]:
    """Refuse labels of which one class comes later than the rest.

    Rows count as known from the age at which 99 % of all labels are. A class that takes longer is
    missing among the newest of them, and a model would learn that it has become rare.
    """
    judged = [d for d in delays if d.n >= _FEW]
    if not judged:
        return []
    worst = max(judged, key=lambda d: d.late)
    check = at_most(NAME, worst.late, MAX_LATE, worst.n)
    sentence = f"{check.sentence}: class {worst.label!r}"
    return [Check(NAME, check.outcome, check.seen, check.required, check.n, sentence)]
