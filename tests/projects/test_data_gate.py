"""Gate 1 on real histories, walked forward: it stops nothing that is sound."""

from datetime import timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from projects.bikes import project as bikes
from projects.electricity import project as electricity
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.newest_weeks import newest_weeks, order_of_source
from sixgates.gates.card import Task
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.leaks import judge_leaks, measure_leaks
from sixgates.gates.data.rows import split_rows
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Outcome

DATA = Path(__file__).parents[2] / "../shared/data"
MOMENTS = 10
STORM = "the period from 2012-10-29 00:00 has 1 rows, 24 usual"
"""The night of Hurricane Sandy: the file holds one hour of that day."""
LEAKS = {"casual", "registered", "attack_name"}
NO_FEATURES = {"row_id", "ts", "yr", "year", "part"}
"""Places in the stream: they are known before the label, and mean nothing later."""


def real(name):
    file = DATA / f"{name}.parquet"
    if not file.exists():
        pytest.skip(f"{file} is not there: the real data is not part of the project")
    return file


def walked(project, file):
    """Yield moments from the first fifth of a history to its end, and gate 1's word on each."""
    times = pl.read_parquet(file)["ts"]
    first, last = times.min(), times.max()
    for k in range(1, MOMENTS + 1):
        now = first + (last - first) * (0.2 + 0.8 * k / MOMENTS)
        for after in (None, now - timedelta(days=3), now - timedelta(days=40)):
            lake = ProjectLake(project, file)
            rows = lake.as_of(now, now - project.policies.training.window).collect()
            split = split_rows(rows, project, now)
            weeks = newest_weeks(lake, project, rows, now)
            order = order_of_source(lake, project, now, after)
            data = measure_data(weeks, split, project, now, new_after=after, order=order)
            yield now, judge_validation(split, data, project, now, after)


@pytest.mark.parametrize(
    ("project", "name", "holes"),
    [(electricity, "elec2", {}), (bikes, "bike_sharing_hourly", {"2012-11-03": STORM})],
    ids=["electricity", "bikes"],
)
def test_a_real_history_is_stopped_where_it_has_a_hole_and_nowhere_else(project, name, holes):
    found = list(walked(project, real(name)))
    refused = {f"{now:%Y-%m-%d}": verdict for now, verdict in found if not verdict.passed}
    assert len(found) == 3 * MOMENTS
    assert set(refused) == set(holes)
    for day, words in holes.items():
        assert words in refused[day].reason
    judged = [c for _, v in found for c in v.checks if c.name == "rows by period" and not c.muted]
    assert len(judged) > MOMENTS


def one_of_five(name, task, label):
    """Return a data set in ten parts, and the project of all its columns."""
    rows = pl.read_parquet(real(name)).sort("row_id")
    times = pl.datetime_range(
        pl.lit("2020-01-01").str.to_datetime(), interval="1m", closed="left",
        end=pl.lit("2020-01-01").str.to_datetime() + pl.duration(minutes=rows.height),
    )  # fmt: skip
    rows = rows.drop("ts", strict=False).with_columns(ts=times)
    features = [c for c in rows.columns if c not in {*NO_FEATURES, label}]
    numeric = [c for c in features if rows[c].dtype.is_numeric()]
    project = Project(
        name="five",
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column() for c in [*features, label, "ts"]}),
        roles=Roles(
            event_time="ts", label=label, label_horizon=timedelta(0), numeric=tuple(numeric),
            categorical=tuple(c for c in features if c not in numeric),
        ),
        loss=LossName.SQUARED_ERROR if task is Task.REGRESSION else LossName.BRIER,
        clip=1e6 if task is Task.REGRESSION else None,
        policies=Policies.with_margin(0.01),
    )  # fmt: skip
    size = rows.height // 10
    return project, [rows.slice(size * i, size) for i in range(10)]


@pytest.mark.parametrize(
    ("name", "task", "label", "leaks"),
    [
        ("elec2", Task.BINARY, "target_up", set()),
        ("noaa_weather", Task.BINARY, "target_rain", set()),
        ("acs_employment_ma", Task.BINARY, "target_employed", set()),
        ("bike_sharing_hourly", Task.REGRESSION, "target_cnt", {"registered"}),
        ("kdd99", Task.MULTICLASS, "target_category", {"attack_name"}),
    ],
)
def test_only_the_known_leaks_explain_the_label_alone(name, task, label, leaks):
    project, parts = one_of_five(name, task, label)
    named = set()
    for part in parts:
        found = measure_leaks(part, project, part["ts"].max())
        checks = judge_leaks(found, project.policies.validation.max_explained)
        named |= {c.name.split(", ")[1].rstrip(",") for c in checks if c.outcome is Outcome.FAIL}
    assert named == leaks
    assert named <= LEAKS
