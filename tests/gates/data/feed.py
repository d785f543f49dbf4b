"""A feed of rows, day by day, and the project that reads it."""

from datetime import datetime, timedelta

import numpy as np
import pandera.polars as pa
import polars as pl

from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC; a Monday
DAY = timedelta(days=1)
DAYS = 70
NOW = START + DAYS * DAY


def project(task="binary", *, label_time=False, entity="who", period=DAY, **validation):
    """Build a project whose labels are known after two days."""
    columns = ["t", "who", "x", "z", "kind", "y", *(["known"] if label_time else [])]
    when = {"label_time": "known"} if label_time else {"label_horizon": 2 * DAY}
    spare = () if entity else ("who",)
    return Project(
        name="feed",
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column(nullable=True) for c in columns}),
        roles=Roles(
            event_time="t", label="y", entity=entity, numeric=("x", "z"), categorical=("kind",),
            ignored=spare, **when,
        ),
        loss="absolute_error" if task == "regression" else "brier",
        clip=100.0 if task == "regression" else None,
        period=period,
        policies=Policies.with_margin(0.01, validation={"min_rows": 10, **validation}),
    )  # fmt: skip


def rows(counts=None, *, seed=0, start=START):
    """Return rows of days with so many rows each; 50 a day where nothing is said."""
    counts = [50] * DAYS if counts is None else list(counts)
    rng = np.random.default_rng(seed)
    n = sum(counts)
    day = np.repeat(np.arange(len(counts)), counts)
    micros = day * 86_400_000_000 + rng.integers(0, 86_400_000_000, n)
    return pl.DataFrame(
        {
            "t": np.datetime64(start, "us") + micros,
            "who": rng.integers(0, 10**9, n).astype(str),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "kind": rng.choice(["a", "b", "c"], n),
            "y": (rng.random(n) < 0.3).astype(np.int64),
        }
    ).sort("t")


def of_day(frame, day):
    """Return the rows of one day."""
    return frame.filter(pl.col("t").dt.date() == (START + day * DAY).date())


def without_day(frame, day):
    """Return the rows of all other days."""
    return frame.filter(pl.col("t").dt.date() != (START + day * DAY).date())
