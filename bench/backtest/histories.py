"""Five real histories, and the project of each; all but margin and window are the defaults.

Three of them have an order only: so many rows stand for a day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl

from bench.report import BENCH
from projects.bikes import project as bikes
from projects.electricity import project as electricity
from sixgates.gates.card import Task
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies, TrainingPolicy, WatchPolicy
from sixgates.gates.project import LossName, Project, Roles

DATA = BENCH.parent / "../shared/data"
_START = datetime(2020, 1, 1)  # noqa: DTZ001 - event time is naive UTC
_DAY_MICROSECONDS, _A_WEEK = 86_400_000_000, timedelta(days=7)


@dataclass(frozen=True, slots=True)
class History:
    """A file of rows in their order, and who learns from it."""

    file: str
    project: Callable[[pl.DataFrame], Project]
    """Takes the rows: what is no label and no time is a feature."""
    rows_a_day: int | None = None
    """Where the rows have no time of their own."""

    def path(self) -> Path:
        """Return where the file is.

        Raises:
            ConfigurationError: it is not there.
        """
        path = DATA / f"{self.file}.parquet"
        if not path.exists():
            raise ConfigurationError(f"{path} is not there: this bench plays real histories")
        return path

    def rows(self) -> pl.DataFrame:
        """Read the rows, with a time.

        Raises:
            ConfigurationError: the file is not there.
        """
        rows = pl.read_parquet(self.path())
        if self.rows_a_day is None:
            return rows
        since = pl.int_range(pl.len()) * (_DAY_MICROSECONDS // self.rows_a_day)
        return rows.with_columns(ts=pl.lit(_START) + pl.duration(microseconds=since))


def _weather(rows: pl.DataFrame) -> Project:
    policies = Policies.with_margin(0.01, watch=WatchPolicy(window=_A_WEEK, min_rows=100))
    roles = _roles(rows, "target_rain", "row_id")
    return _project("weather", rows, Task.BINARY, roles, policies)


def _census(rows: pl.DataFrame) -> Project:
    roles = _roles(rows, "target_employed", "row_id", "year")
    return _project("census", rows, Task.BINARY, roles, Policies.with_margin(0.005))


def _intrusions(rows: pl.DataFrame) -> Project:
    policies = Policies.with_margin(
        0.02, watch=WatchPolicy(window=_A_WEEK), training=TrainingPolicy(window=timedelta(days=180))
    )
    # Two columns hold the answer, or say which file a row came from.
    roles = _roles(rows, "target_category", "row_id", "attack_name", "part")
    return _project("intrusions", rows, Task.MULTICLASS, roles, policies)


def _roles(rows: pl.DataFrame, label: str, *ignored: str) -> Roles:
    features = [c for c in rows.columns if c not in {"ts", label, *ignored}]
    names = tuple(c for c in features if rows.schema[c] == pl.String)
    numbers = tuple(c for c in features if c not in names)
    return Roles(
        event_time="ts", label=label, label_horizon=timedelta(days=1), categorical=names,
        numeric=numbers, ignored=ignored,
    )  # fmt: skip


def _project(
    name: str, rows: pl.DataFrame, task: Task, roles: Roles, policies: Policies
) -> Project:
    return Project(
        name=name,
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column(t) for c, t in rows.schema.items()}),
        roles=roles,
        loss=LossName.BRIER,
        prediction_changes_outcome="no",
        policies=policies,
    )


HISTORIES = {
    "bikes": History("bike_sharing_hourly", lambda _: bikes),
    "electricity": History("elec2", lambda _: electricity),
    "weather": History("noaa_weather", _weather, rows_a_day=30),
    "census": History("acs_employment_ma", _census, rows_a_day=4_000),
    "intrusions": History("kdd99", _intrusions, rows_a_day=1_440),
}
