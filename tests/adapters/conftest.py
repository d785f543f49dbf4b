from datetime import datetime, timedelta

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest

from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.timesplit import TimeSplit

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC


def make_project(task=Task.BINARY, **changes):
    given = {
        "name": "churn",
        "task": task,
        "contract": pa.DataFrameSchema(
            {
                "at": pa.Column(pl.Datetime("us")),
                "customer": pa.Column(pl.String),
                "age": pa.Column(pl.Float64, nullable=True),
                "visits": pa.Column(pl.Int64),
                "region": pa.Column(pl.String, nullable=True),
                "left": pa.Column(nullable=True),
            }
        ),
        "roles": Roles(
            event_time="at",
            label="left",
            entity="customer",
            label_horizon=timedelta(days=2),
            numeric=("age", "visits"),
            categorical=("region",),
        ),
        "loss": LossName.ABSOLUTE_ERROR if task is Task.REGRESSION else LossName.BRIER,
        "clip": 5.0 if task is Task.REGRESSION else None,
        "policies": Policies.with_margin(0.01),
    }
    return Project(**{**given, **changes})


def make_rows(n=600, task=Task.BINARY, seed=3):
    rng = np.random.default_rng(seed)
    age, visits = rng.normal(40, 10, n), rng.integers(0, 9, n)
    region = rng.choice(["north", "south", "east"], n)
    score = (age - 40) / 10 + visits / 4 - 1 + (region == "north") + rng.normal(0, 0.3, n)
    label = {
        Task.BINARY: (score > 0).astype(int),
        Task.MULTICLASS: np.array(["low", "mid", "top"])[np.digitize(score, [-0.5, 0.8])],
        Task.REGRESSION: score,
    }[task]
    return pl.DataFrame(
        {
            "at": [START + timedelta(minutes=10 * i) for i in range(n)],
            "customer": [f"c{i % 50}" for i in range(n)],
            "age": [None if i % 40 == 7 else float(a) for i, a in enumerate(age)],
            "visits": visits,
            "region": [None if i % 60 == 11 else str(r) for i, r in enumerate(region)],
            "left": label,
        }
    ).with_columns(pl.col("at").cast(pl.Datetime("us")))


def make_split(rows):
    n = rows.height
    first, second = int(n * 0.6), int(n * 0.8)
    return TimeSplit(rows[:first], rows[first:second], rows[second:])


@pytest.fixture(scope="session")
def project_of():
    """Build the test project, for a task and with changes."""
    return make_project


@pytest.fixture(scope="session")
def rows_of():
    """Build rows that fit it: 10 minutes apart, from 2026-01-01 on."""
    return make_rows


@pytest.fixture(scope="session")
def split_of():
    return make_split


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def rows():
    return make_rows()


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Nothing here may leave traces in the checkout."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
