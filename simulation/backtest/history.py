"""A history, read once: what happened, and what of it was known at a moment.

Whatever decides asks `as_of` and `labels`. `truth` is for the score alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.log_records import LABEL_SCHEMA
from sixgates.gates.encoding import label_array
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.maturity import seconds
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_present, naive_utc

_FOLDS = 10
"""So many times `validation.min_rows` a history must hold."""
_SHOWN = 3
"""Rows that a message names, at most."""
_DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class History:
    """All rows of a project, in event-time order."""

    project: Project
    frame: pl.DataFrame
    lake: ProjectLake
    """Over these rows: tells what was known at a moment."""
    at: NDArray[np.float64]
    """Event time of each row, seconds since 1970."""
    known: NDArray[np.float64]
    """When its label became known, seconds since 1970; NaN for never."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.frame.height

    def moment(self, row: int) -> datetime:
        """Return the event time of a row, naive UTC."""
        at: datetime = self.frame[self.project.roles.event_time][row]
        return at

    def until(self, moment: datetime) -> int:
        """Count the rows that had happened at a moment."""
        return int(np.searchsorted(self.at, seconds(moment), side="right"))

    def as_of(self, now: datetime, since: datetime | None = None) -> pl.DataFrame:
        """Return the rows that were there at a moment, with the labels that were known then."""
        return self.lake.as_of(now, since).collect()

    def labels(self, first: int, end: int, now: datetime) -> pl.DataFrame:
        """Return what was known at a moment of the labels of some rows, as the log has it."""
        places = first + np.flatnonzero(self.known[first:end] <= seconds(now))
        labels = self.truth_at(places)
        return pl.DataFrame(
            {
                "request": names(places),
                "row": np.zeros(len(places), dtype=np.int64),
                "label": pl.Series(labels.tolist()).cast(pl.String),
                "at": self.known[places],
                "received": self.known[places],
            },
            schema=LABEL_SCHEMA,
        )

    def truth(self, first: int, end: int) -> NDArray[np.float64]:
        """Return the labels of some rows, known or not."""
        return label_array(self.project, self._labels[first:end])

    def truth_at(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the labels of rows at some places, known or not."""
        return label_array(self.project, self._labels[places])

    @cached_property
    def _labels(self) -> pl.DataFrame:
        """The labels alone: to choose rows of a frame takes as long as it has columns."""
        return self.frame.select(self.project.roles.label)


def read_history(project: Project, data: str | None) -> History:
    """Read a history.

    Raises:
        ConfigurationError: it cannot be read, has no labels, too few rows, or some of another age.
    """
    source = ProjectLake(project, data)
    source.check()
    frame = source.as_of(datetime.max).collect()  # noqa: DTZ901 - all of it
    roles, name = project.roles, source.describe()
    if frame[roles.event_time].null_count():
        frame = frame.drop_nulls(roles.event_time)
    needed = _FOLDS * project.policies.validation.min_rows
    labelled = label_present(frame, project)
    if frame.height < needed:
        raise ConfigurationError(
            f"{name} has {frame.height:,} rows: a backtest of {project.name} needs at least"
            f" {needed:,} (ten times validation.min_rows)"
        )
    if not labelled.any():
        raise ConfigurationError(
            f"no row of {name} has a label in {roles.label!r}: a backtest needs what came of the"
            " rows; give a history with labels"
        )
    at = _seconds(naive_utc(frame, roles.event_time))
    if at[frame.height // 5] == at[-1]:
        raise ConfigurationError(
            f"all rows of {name} after the oldest fifth are of one moment: a backtest plays what"
            " came after one another; give a history over time"
        )
    _require_no_strays(frame[roles.event_time], at, name)
    told = at if roles.label_time is None else _seconds(naive_utc(frame, roles.label_time))
    known = told + (roles.label_horizon or timedelta(0)).total_seconds()
    known[~labelled.to_numpy()] = np.nan
    held = project.model_copy(update={"source": frame.lazy})
    return History(project, frame, ProjectLake(held), at, known)


def _require_no_strays(times: pl.Series, at: NDArray[np.float64], name: str) -> None:
    """Refuse a few rows that lie apart by more time than nine tenths of all rows take.

    One wrong year would be played as years of empty periods, and spread the rows over all of them.
    """
    few = len(at) // 20
    gaps = np.diff(at)
    rest = int(np.argmax(gaps)) + 1
    if gaps[rest - 1] <= at[-1 - few] - at[few]:
        return
    strays = times[:rest] if rest <= few else times[rest:]
    shown = ", ".join(f"{stray:%Y-%m-%d %H:%M}" for stray in strays.head(_SHOWN))
    more = f" and {len(strays) - _SHOWN:,} more" if len(strays) > _SHOWN else ""
    raise ConfigurationError(
        f"{name} has rows of another age: {len(strays):,} of {len(times):,} lie"
        f" {gaps[rest - 1] / _DAY:,.0f} days {'before' if rest <= few else 'after'} all others"
        f" ({times.name} {shown}{more}), and a backtest would play the empty time between; correct"
        " them, or leave them out"
    )


def names(places: NDArray[np.int64]) -> pl.Series:
    """Name the request of each row."""
    return pl.Series(places).cast(pl.String)


def _seconds(times: pl.Series) -> NDArray[np.float64]:
    micros = times.dt.epoch("us").cast(pl.Float64).to_numpy()
    return np.asarray(micros / 1e6)
