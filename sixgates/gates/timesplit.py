"""Which rows may be used, and which of them train, stop and judge: all by time.

A row is used once its age says that its label is known. Using "rows whose label has arrived"
instead would fill the newest days with whichever class is known sooner.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project

DELAY_QUANTILE = 0.99
"""Of the delays of labels: when nearly all are known."""


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Three stretches of time; each starts strictly after the one before it ends."""

    train: pl.DataFrame
    validation: pl.DataFrame
    """Newer than train: stops the boosting early."""
    holdout: pl.DataFrame
    """Newer than both and never seen by training: gates 3 and 4 judge on it."""


@dataclass(frozen=True, slots=True)
class Borders:
    """A time split by its moments alone, by which any part of the rows can be told. Naive UTC."""

    now: datetime
    """When the rows were read."""
    age: timedelta
    """From which on a label counts as known, see `label_age`."""
    validation: datetime
    """Event time at which the validation part begins."""
    holdout: datetime
    """Event time at which the holdout begins."""
    train: datetime | None = None
    """Event time at which the training part begins; None where it is all that came before."""

    def split(self, df: pl.DataFrame, project: Project) -> TimeSplit:
        """Return the rows of each part among some of the rows, in their order; any may be empty."""
        rows, at = matured_in_window(df, project, self.now, self.age)
        learnt = at < self.validation
        if self.train is not None:
            learnt &= at >= self.train
        return TimeSplit(
            rows.filter(learnt),
            rows.filter((at >= self.validation) & (at < self.holdout)),
            rows.filter(at >= self.holdout),
        )


def matured_in_window(
    df: pl.DataFrame, project: Project, now: datetime, age: timedelta | None = None
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the matured rows of the training window and their event times, naive UTC.

    Args:
        df: Some rows.
        project: Names roles and window.
        now: The present, naive UTC.
        age: From which on a label counts as known; that of these rows where it is not given.
    """
    window = project.policies.training.window
    rows = df.filter(is_matured(df, project, now, age))
    at = naive_utc(rows, project.roles.event_time)
    if window is not None:
        rows, at = rows.filter(at > now - window), at.filter(at > now - window)
    return rows, at


def naive_utc(df: pl.DataFrame, column: str) -> pl.Series:
    """Return a column of times as naive UTC in microseconds; without a zone it is UTC already."""
    return df.select(as_naive_utc(column, df.schema[column])).to_series()


def as_naive_utc(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return how to read a column of times of some type as naive UTC in microseconds."""
    times = pl.col(column)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times.cast(pl.Datetime("us"))


def label_age(df: pl.DataFrame, project: Project, now: datetime) -> timedelta:
    """Return the age from which on a row's label counts as known, for every row alike.

    It is the label horizon; or, with a label time, the 99th percentile of the delays observed by
    `now`. Young rows show only their short delays, so this is a little too young where the
    history is hardly longer than the delay. Zero while no label is known.
    """
    roles = project.roles
    if roles.label_horizon is not None:
        return roles.label_horizon
    if roles.label_time is None:  # a project cannot be built so
        raise ConfigurationError(f"{project.name} has neither label_time nor label_horizon")
    longest = label_delays(df, project, now).quantile(DELAY_QUANTILE, "higher")
    return timedelta(microseconds=max(0.0, longest or 0.0))


def label_delays(df: pl.DataFrame, project: Project, now: datetime) -> pl.Series:
    """Return how long each label took that is known at `now`, in microseconds, without nulls.

    The project must name a label time.
    """
    known = naive_utc(df, project.roles.label_time or "")
    delays = (known - naive_utc(df, project.roles.event_time)).filter(known <= now)
    return delays.dt.total_microseconds().drop_nulls()


def label_present(df: pl.DataFrame, project: Project) -> pl.Series:
    """Say for each row whether it carries a label; NaN is none."""
    label = df[project.roles.label]
    return label.fill_nan(None).is_not_null() if label.dtype.is_float() else label.is_not_null()


def matured(df: pl.DataFrame, project: Project, now: datetime) -> pl.DataFrame:
    """Return the rows that are old enough for their label to be known, and carry it.

    With a label time, rows whose label became known only after `now` are left out as well.
    """
    return df.filter(is_matured(df, project, now))


def is_matured(
    df: pl.DataFrame, project: Project, now: datetime, age: timedelta | None = None
) -> pl.Series:
    """Say for each row whether `matured` returns it.

    Args:
        df: The rows.
        project: Names the roles.
        now: The present, naive UTC.
        age: From which on a label counts as known; that of these rows where it is not given.
    """
    roles = project.roles
    age = label_age(df, project, now) if age is None else age
    used = naive_utc(df, roles.event_time) <= now - age
    used &= label_present(df, project)
    if roles.label_time is not None:
        used &= naive_utc(df, roles.label_time) <= now
    return used.fill_null(value=False)


def time_split(df: pl.DataFrame, project: Project, now: datetime) -> TimeSplit:
    """Split the matured rows of the training window in event-time order.

    The newest `holdout_share` is the holdout, the newest `validation_share` of the rest is the
    validation part. Rows of one moment stay together, on the newer side.

    Raises:
        ConfigurationError: a part would be empty; too few rows, or too many at one moment.
    """
    policy = project.policies.training
    rows, at = matured_in_window(df, project, now)
    if at.is_sorted():  # to sort copies all rows, to join the parts that they lie in may not
        rows = rows.rechunk()
    else:
        order = at.arg_sort()
        rows, at = rows[order], at[order]
    times = at.to_numpy()
    second = _border(times, policy.holdout_share)
    first = _border(times[:second], policy.validation_share)
    require_parts(project, first, second, rows.height)
    return TimeSplit(rows[:first], rows[first:second], rows[second:])


def require_parts(project: Project, first: int, second: int, rows: int) -> None:
    """Refuse a split of which a part has no rows.

    Args:
        project: Is named.
        first: Rows that train.
        second: These and the rows that stop the training.
        rows: All of them.

    Raises:
        ConfigurationError: a part is empty.
    """
    sizes = {"train": first, "validation": second - first, "holdout": rows - second}
    for name, size in sizes.items():
        if not size:
            raise ConfigurationError(
                f"{project.name}: the {name} part of {rows:,} matured rows is empty; "
                f"give more rows, a longer window or other shares in policies.training"
            )


def newest_rows(rows: int, share: float) -> int:
    """Return how many rows the newest share of some is: one at least."""
    return max(1, round(rows * share))


def _border(times: np.ndarray, share: float) -> int:
    """Return where the newest share begins in sorted times, moved back over ties."""
    if len(times) == 0:
        return 0
    newest = newest_rows(len(times), share)
    return int(np.searchsorted(times, times[len(times) - newest], side="left"))
